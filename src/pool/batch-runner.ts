// Runs batches in a handler thread: one after another, each event in its turn, every try fenced. What comes out is a
// report, whatever the handlers do short of ending the thread. It knows nothing of ports, Piscina or other threads.

import { setImmediate as nextRound } from 'node:timers/promises';
import { getHeapStatistics } from 'node:v8';
import { handlerResult, type Policy } from '../handler.js';
import { splitStates } from '../joined-states.js';
import { RowsBuilder } from '../outcome.js';
import { isPromiseLike } from '../promise-like.js';
import { BatchReader } from './batch-reader.js';
import { type EmitLimits, Emitter } from './emitter.js';
import type { HandlerModule } from './handler-module.js';
import { type BatchMessage, type BatchReport, noRun } from './messages.js';
import { abortFlag, type Progress } from './progress.js';
import { ReportBuilder } from './report-builder.js';
import { encodeResult } from './result-codec.js';
import { RunStates } from './run-states.js';
import type { RunningBatch } from './running-batch.js';
import { StateKeeper } from './state-keeper.js';
import { Together } from './together.js';
import { AbortNews, TryContext, type TryThread } from './try-context.js';
import { TryEnd } from './try-end.js';
import type { TryTracing } from './try-tracing.js';

export interface BatchRunnerParts {
  readonly module: HandlerModule;
  readonly threadId: number;
  /** By index of the handler. */
  readonly policies: readonly Policy[];
  readonly limits: {
    readonly batchSizeMax: number;
    readonly reportSizeMax: number;
    readonly resultSizeMax: number;
    readonly errorSizeMax: number;
    readonly postponementsMax: number;
    readonly stateSizeMax: number;
    readonly freezeState: boolean;
    readonly emits: EmitLimits;
  };
  /** Whether the journal holds the events of its partition. */
  readonly isJournaled: boolean;
  /** Whether reports say how much the heap has grown. */
  readonly measuresHeap: boolean;
  readonly progress: Progress;
  /** Null, or left out, where tries have no spans. */
  readonly tracing?: TryTracing | null;
  /** Draws how long retries wait; Math.random without it. */
  readonly random?: () => number;
  /** Microseconds since the Unix epoch. */
  nowUs(): number;
}

export class BatchRunner {
  readonly #parts: BatchRunnerParts;
  readonly #rows: RowsBuilder;
  readonly #thread: TryThread;
  /** By index of the handler; null for one that keeps no state. */
  readonly #keepers: readonly (StateKeeper | null)[];
  /** Of the event that was run last. */
  readonly #ended: TryEnd;
  /** The last batch that came; settled when it is done. */
  #last: Promise<unknown> = Promise.resolve();
  #unfinished = 0;
  /** Null where no handler takes several events at once. */
  readonly #together: Together | null;
  /** Used heap after the first batch, in bytes. */
  #heapAtFirst: number | null = null;
  /** Events run so far. */
  #ran = 0;

  constructor(parts: BatchRunnerParts) {
    this.#parts = parts;
    this.#ended = new TryEnd(parts);
    this.#rows = new RowsBuilder(parts.limits.batchSizeMax);
    const { module, limits, isJournaled } = parts;
    const emitter = new Emitter({
      table: module.table,
      limits: limits.emits,
      isJournaled,
      tracing: parts.tracing ?? null,
    });
    const { keyBatches = [] } = module;
    const contextOf = (name: string, batch: RunningBatch): TryContext => this.#contextOf(name, batch);
    this.#together = keyBatches.some((one) => one !== null)
      ? new Together({ ...parts, ended: this.#ended, nowUs: () => parts.nowUs(), contextOf }, keyBatches)
      : null;
    this.#thread = { news: new AbortNews(parts.threadId), emitter };
    this.#keepers = module.states.map((options, index) => {
      return options === null ? null : new StateKeeper(module.table.names[index]!, { options, limits });
    });
  }

  /** Runs a batch as soon as those before it are done. */
  run(message: BatchMessage): Promise<BatchReport> {
    const turn = this.#unfinished === 0 ? null : this.idle().then(() => nextRound());
    this.#unfinished += 1;
    const report = this.#runInTurn(message, turn).finally(() => {
      this.#unfinished -= 1;
    });
    this.#last = report;
    return report;
  }

  /** Resolves when every batch that has come is done. */
  idle(): Promise<void> {
    return this.#last.then(
      () => {},
      () => {},
    );
  }

  /**
   * A batch that waited starts a round of the event loop after its predecessor ended: by then the predecessor's report
   * is on its way, and a promise it left rejected has ended the thread before this batch is begun.
   */
  async #runInTurn(message: BatchMessage, turn: Promise<void> | null): Promise<BatchReport> {
    if (turn !== null) await turn;
    const { nowUs, progress, isJournaled, threadId } = this.#parts;
    const place = progress.place(message.place);
    const report = new ReportBuilder(message, { rows: this.#rows, isJournaled });
    const reader = new BatchReader(message);
    const states =
      message.states === undefined
        ? null
        : new RunStates(splitStates(message.states, { areKept: false }), this.#keepers);
    const batch: RunningBatch = { reader, place, states, index: 0, trace: message.trace ?? {}, ahead: null };
    const ended = this.#ended;
    const beganAtUs = nowUs();
    place.open(this.#ran);
    ended.startedAtUs = beganAtUs;
    // The run of which no later event is to be tried in this batch, and the one whose events are tried one by one.
    const together = this.#together;
    let stopped = noRun;
    let parted = noRun;
    for (let index = 0; index < message.count; index += 1) {
      batch.index = index;
      reader.advance();
      states?.standAt(index);
      if (together !== null && reader.run !== stopped && reader.run !== parted) {
        const count = together.countFrom(batch, message);
        if (count > 1) this.#settleHeld(batch, report);
        const came = count === 1 ? null : await together.try(batch, message, count);
        if (came !== null) {
          this.#ran += count;
          if (!together.take(batch, report, came) || this.#isLarge(report)) break;
          index += count - 1;
          continue;
        }
        if (count > 1) parted = reader.run;
      }
      if (reader.run !== noRun && reader.run === stopped) ended.leaveOut(handlerResult.skipped);
      else if (place.peekFlag(index) === abortFlag.cancelled) ended.leaveOut(handlerResult.cancelled);
      else {
        const running = this.#try(batch);
        if (running !== null) {
          this.#settleHeld(batch, report);
          await running;
        }
      }
      if (ended.stopsItsRun(reader.handler)) stopped = reader.run;
      report.add(index, reader, ended);
      if (!this.#takeIn(batch, report)) break;
      ended.startedAtUs += ended.durationUs;
    }
    return report.finish({ busyUs: nowUs() - beganAtUs, threadId, heapGrowthBytes: this.#heapGrowth() });
  }

  /** Takes in what came of an event. False when that is to be reported at once, as it is large or did not fit. */
  #takeIn(batch: RunningBatch, report: ReportBuilder): boolean {
    const { place, states, index, reader } = batch;
    const ended = this.#ended;
    if (states === null) return place.finish(index, ended) && !this.#isLarge(report);
    const fits = place.finish(index, ended, { first: states.heldFrom ?? index, isLast: false });
    const goesOn = fits && !this.#isLarge(report);
    const endUs = ended.startedAtUs + ended.durationUs;
    const isHeld = ended.result === handlerResult.succeeded && !reader.endsItsRun && states.mayHoldOn(endUs, place);
    if (goesOn && isHeld) return true;
    return this.#tellState(batch, report, index, fits) && goesOn;
  }

  /** Before something is awaited: what others have left may end the thread then; what has ended is to survive that. */
  #settleHeld(batch: RunningBatch, report: ReportBuilder): void {
    if (batch.states?.isHolding) this.#tellState(batch, report, batch.index - 1);
  }

  /** Writes what a run has left so far, and takes in its events up to this one. False when it did not fit. */
  #tellState({ place, states, reader }: RunningBatch, report: ReportBuilder, upTo: number, fits = true): boolean {
    const first = states?.heldFrom ?? upTo;
    const told = states?.take() ?? null;
    if (told !== null) report.addState(told, reader);
    const isKept = fits && (told === null || place.keepState(told, { first }));
    if (isKept) place.takeIn(upTo);
    return isKept;
  }

  /** Whether it is to be sent at once. */
  #isLarge({ emittedSize }: ReportBuilder): boolean {
    return this.#rows.size + emittedSize >= this.#parts.limits.reportSizeMax;
  }

  #heapGrowth(): number {
    if (!this.#parts.measuresHeap) return 0;
    const used = getHeapStatistics().used_heap_size;
    this.#heapAtFirst ??= used;
    return used - this.#heapAtFirst;
  }

  #contextOf(name: string, batch: RunningBatch): TryContext {
    const { states } = batch;
    return states === null ? new TryContext(name, batch, this.#thread) : states.contextFor(name, batch, this.#thread);
  }

  /** Calls the handler. Gives null when it has ended, as most have by then; it never throws. */
  #try(batch: RunningBatch): Promise<void> | null {
    const { module, tracing = null } = this.#parts;
    const { reader, place, index } = batch;
    const name = module.table.names[reader.handler]!;
    const context = this.#contextOf(name, batch);
    this.#ran += 1;
    place.begin(index, this.#ended.startedAtUs);
    let came: unknown;
    let isThrown = false;
    try {
      const event = TryContext.give(context, reader.handlerEvent());
      const run = module.handlers[reader.handler]!;
      const of = tracing && { handler: name, attempt: reader.attempt, batch: batch.trace };
      came = of === null ? run(event, context) : tracing!.run([event], of, () => run(event, context));
      if (isPromiseLike(came)) return this.#follow(batch, context, came);
    } catch (thrown) {
      came = thrown;
      isThrown = true;
    }
    this.#end(batch, context, came, isThrown);
    return null;
  }

  async #follow(batch: RunningBatch, context: TryContext, returned: PromiseLike<unknown>): Promise<void> {
    batch.place.awaits(batch.index);
    let came: unknown;
    let isThrown = false;
    try {
      came = await returned;
    } catch (thrown) {
      came = thrown;
      isThrown = true;
    }
    this.#end(batch, context, came, isThrown);
  }

  /** Takes in what a try gave, or threw. One that was told to end has failed, whatever it gave. It never throws. */
  #end(batch: RunningBatch, context: TryContext, came: unknown, isThrown: boolean): void {
    const { reader, place, index } = batch;
    const ended = this.#ended;
    const flag = place.peekFlag(index);
    TryContext.end(context, flag);
    if (flag !== abortFlag.none) ended.fail(reader, flag, isThrown ? came : undefined);
    else if (isThrown) ended.fail(reader, flag, came);
    else this.#succeed(batch, context, came);
    ended.durationUs = this.#parts.nowUs() - ended.startedAtUs;
  }

  #succeed({ reader, states, index }: RunningBatch, context: TryContext, returned: unknown): void {
    const ended = this.#ended;
    try {
      const value = encodeResult(returned, this.#parts.limits.resultSizeMax);
      // A state that cannot be stored is a failed try as well.
      states?.succeed(context, { index, atUs: ended.startedAtUs, mayHold: !reader.endsItsRun });
      ended.succeed(value, TryContext.emitted(context));
    } catch (thrown) {
      ended.fail(reader, abortFlag.none, thrown);
    }
  }
}
