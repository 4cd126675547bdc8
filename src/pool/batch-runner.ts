// Runs batches in a handler thread: one after another, each event in its turn, every try fenced. What comes out is a
// report, whatever the handlers do short of ending the thread. It knows nothing of ports, Piscina or other threads.

import { setImmediate as nextRound } from 'node:timers/promises';
import { types } from 'node:util';
import { getHeapStatistics } from 'node:v8';
import { handlerResult, isPermanent, type Policy, retryLaterMs } from '../handler.js';
import { splitStates } from '../joined-states.js';
import { RowsBuilder } from '../outcome.js';
import { BatchReader } from './batch-reader.js';
import { type EmitLimits, Emitter } from './emitter.js';
import type { EndedTry } from './ended-try.js';
import { errorRecordText } from './error-record.js';
import { afterFailure, timedOut, unjudged, wasCancelled } from './failed-try.js';
import type { HandlerModule } from './handler-module.js';
import { type BatchMessage, type BatchReport, noRun } from './messages.js';
import { abortFlag, type Place, type Progress } from './progress.js';
import { ReportBuilder } from './report-builder.js';
import { encodeResult } from './result-codec.js';
import { RunStates } from './run-states.js';
import { StateKeeper } from './state-keeper.js';
import { AbortNews, TryContext, type TryThread } from './try-context.js';
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
  /** Microseconds since the Unix epoch. */
  nowUs(): number;
}

export class BatchRunner {
  readonly #parts: BatchRunnerParts;
  readonly #rows: RowsBuilder;
  readonly #thread: TryThread;
  /** By index of the handler; null for one that keeps no state. */
  readonly #keepers: readonly (StateKeeper | null)[];
  /** What came of the event that was run last; written again for every event. */
  readonly #ended: EndedTry = {
    ...{ result: handlerResult.skipped, isTried: false, startedAtUs: 0, durationUs: 0, delayMs: 0 },
    ...{ value: null, error: null, emitted: null },
  };
  /** The last batch that came; settled when it is done. */
  #last: Promise<unknown> = Promise.resolve();
  #unfinished = 0;
  /** Used heap after the first batch, in bytes. */
  #heapAtFirst: number | null = null;
  /** Events run so far. */
  #ran = 0;

  constructor(parts: BatchRunnerParts) {
    this.#parts = parts;
    this.#rows = new RowsBuilder(parts.limits.batchSizeMax);
    const { module, limits, isJournaled } = parts;
    const emitter = new Emitter({
      table: module.table,
      limits: limits.emits,
      isJournaled,
      tracing: parts.tracing ?? null,
    });
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
    const { nowUs, progress, limits, isJournaled } = this.#parts;
    const place = progress.place(message.place);
    const report = new ReportBuilder(message, { rows: this.#rows, isJournaled });
    const reader = new BatchReader(message);
    const states =
      message.states === undefined
        ? null
        : new RunStates(splitStates(message.states, { areKept: false }), this.#keepers);
    const batch: RunningBatch = { reader, place, states, index: 0, trace: message.trace ?? {} };
    const ended = this.#ended;
    const beganAtUs = nowUs();
    place.open(this.#ran);
    ended.startedAtUs = beganAtUs;
    // The run of which no later event is to be tried in this batch.
    let stopped = noRun;
    for (let index = 0; index < message.count; index += 1) {
      batch.index = index;
      reader.advance();
      states?.standAt(index);
      if (reader.run !== noRun && reader.run === stopped) this.#untried(handlerResult.skipped);
      else if (place.peekFlag(index) === abortFlag.cancelled) this.#untried(handlerResult.cancelled);
      else {
        const running = this.#try(batch);
        if (running !== null) await running;
        if (this.#stopsItsRun(reader.handler)) stopped = reader.run;
      }
      report.add(index, reader, ended);
      if (states !== null) {
        report.addState(index, reader, states.changed);
        if (!place.keepState(index, states.changed)) break;
      }
      // What does not fit where it would survive the thread is reported at once.
      if (!place.finish(index, ended) || this.#rows.size + report.emittedSize >= limits.reportSizeMax) break;
      ended.startedAtUs += ended.durationUs;
    }
    return report.finish({ busyUs: nowUs() - beganAtUs, heapGrowthBytes: this.#heapGrowth() });
  }

  #heapGrowth(): number {
    if (!this.#parts.measuresHeap) return 0;
    const used = getHeapStatistics().used_heap_size;
    this.#heapAtFirst ??= used;
    return used - this.#heapAtFirst;
  }

  /** Calls the handler. Gives null when it has ended, as most have by then; it never throws. */
  #try(batch: RunningBatch): Promise<void> | null {
    const { module, tracing = null } = this.#parts;
    const { reader, place, states, index } = batch;
    const name = module.table.names[reader.handler]!;
    const thread = this.#thread;
    const context = states === null ? new TryContext(name, batch, thread) : states.contextFor(name, batch, thread);
    this.#ran += 1;
    place.begin(index, this.#ended.startedAtUs);
    let came: unknown;
    let isThrown = false;
    try {
      const event = TryContext.give(context, reader.handlerEvent());
      const run = module.handlers[reader.handler]!;
      const of = tracing && { handler: name, attempt: reader.attempt, batch: batch.trace };
      came = of === null ? run(event, context) : tracing!.run(event, of, () => run(event, context));
      if (isThenable(came)) return this.#follow(batch, context, came);
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
    ended.isTried = true;
    ended.delayMs = 0;
    ended.value = null;
    ended.error = null;
    ended.emitted = null;
    if (flag !== abortFlag.none) this.#fail(reader, flag, isThrown ? came : undefined);
    else if (isThrown) this.#fail(reader, flag, came);
    else this.#succeed(batch, context, came);
    ended.durationUs = this.#parts.nowUs() - ended.startedAtUs;
  }

  #succeed({ reader, states }: RunningBatch, context: TryContext, returned: unknown): void {
    const ended = this.#ended;
    try {
      const value = encodeResult(returned, this.#parts.limits.resultSizeMax);
      // A state that cannot be stored is a failed try as well.
      if (states !== null) states.succeed(context);
      ended.value = value;
      ended.emitted = TryContext.emitted(context);
      ended.result = handlerResult.succeeded;
    } catch (thrown) {
      this.#fail(reader, abortFlag.none, thrown);
    }
  }

  #fail(reader: BatchReader, flag: number, thrown: unknown): void {
    const { policies, module, limits } = this.#parts;
    const ended = this.#ended;
    const policy = policies[reader.handler]!;
    if (flag === abortFlag.cancelled) {
      ended.result = handlerResult.cancelled;
      ended.error = errorRecordText(wasCancelled(thrown), limits.errorSizeMax);
      return;
    }
    const isTimedOut = flag === abortFlag.timedOut;
    const laterMs = isTimedOut || reader.postponed >= limits.postponementsMax ? null : retryLaterMs(thrown);
    if (laterMs !== null) {
      ended.result = handlerResult.postponed;
      ended.delayMs = laterMs;
      ended.error = errorRecordText(thrown, limits.errorSizeMax);
      return;
    }
    const name = module.table.names[reader.handler]!;
    const said = isTimedOut || this.#isWorthRetrying(thrown, reader.handler);
    const judged = typeof said === 'boolean' ? thrown : unjudged(name, said, thrown);
    ended.error = errorRecordText(isTimedOut ? timedOut(name, policy, thrown) : judged, limits.errorSizeMax);
    const { result, delayMs } = afterFailure(policy, { attempt: reader.attempt, isPermanent: said === false });
    ended.result = result;
    ended.delayMs = delayMs;
  }

  /** True or false, or what the module's `retryIf` gave in their place. */
  #isWorthRetrying(thrown: unknown, handler: number): unknown {
    if (isPermanent(thrown)) return false;
    const retryIf = this.#parts.module.retryIf[handler] ?? null;
    if (retryIf === null) return true;
    try {
      const said = retryIf(thrown);
      // A promise is no answer, and nobody waits for it: left rejected, it would end the thread.
      if (types.isPromise(said)) said.catch(() => {});
      return said;
    } catch {
      return true;
    }
  }

  /** An event whose handler is not called. */
  #untried(result: typeof handlerResult.skipped | typeof handlerResult.cancelled): void {
    const ended = this.#ended;
    ended.result = result;
    ended.isTried = false;
    ended.durationUs = 0;
    ended.delayMs = 0;
    ended.value = null;
    ended.emitted = null;
    const isCancelled = result === handlerResult.cancelled;
    ended.error = isCancelled ? errorRecordText(wasCancelled(), this.#parts.limits.errorSizeMax) : null;
  }

  /** Whether the later events of the last one's lane have to wait. */
  #stopsItsRun(handler: number): boolean {
    const { result } = this.#ended;
    if (result === handlerResult.retrying || result === handlerResult.postponed) return true;
    return result === handlerResult.failed && this.#parts.policies[handler]!.onDeadLetter === 'park';
  }
}

/** A batch and the event at which it stands: one object for all its events, as the path through them is hot. */
interface RunningBatch {
  readonly reader: BatchReader;
  readonly place: Place;
  /** Null for a batch without any event that has state. */
  readonly states: RunStates | null;
  readonly trace: Readonly<Record<string, string>>;
  index: number;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}
