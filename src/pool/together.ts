// Tries consecutive events of one key together, for handlers that take them so: all succeed, or the call is as if it
// had not been made, and its events are tried one by one.

import { messageOf } from '../errors.js';
import type { EncodedEvent } from '../event.js';
import type { KeyBatchHandler } from '../handler.js';
import { isPromiseLike } from '../promise-like.js';
import type { HandlerModule } from './handler-module.js';
import { EventsAhead, resultsOf, togetherFrom } from './key-batch.js';
import type { BatchMessage } from './messages.js';
import { abortFlag } from './progress.js';
import type { ReportBuilder } from './report-builder.js';
import { encodeResult } from './result-codec.js';
import type { RunningBatch } from './running-batch.js';
import { TryContext } from './try-context.js';
import type { TryEnd } from './try-end.js';
import type { TryTracing } from './try-tracing.js';

interface Parts {
  readonly module: HandlerModule;
  readonly limits: { readonly resultSizeMax: number };
  readonly tracing?: TryTracing | null;
  /** Of the event that was run last. */
  readonly ended: TryEnd;
  nowUs(): number;
  contextOf(handler: string, batch: RunningBatch): TryContext;
}

/** What came of events that were tried together. */
export interface CameTogether {
  /** The result of each, encoded. */
  readonly values: readonly (string | Uint8Array | null)[];
  readonly emitted: readonly EncodedEvent[] | null;
}

export class Together {
  readonly #parts: Parts;
  readonly #keyBatches: readonly (KeyBatchHandler | null)[];
  /** Handlers that gave what does not fit, of which it was said. */
  readonly #misfits = new Set<string>();

  /** @param keyBatches as in HandlerModule. */
  constructor(parts: Parts, keyBatches: readonly (KeyBatchHandler | null)[]) {
    [this.#parts, this.#keyBatches] = [parts, keyBatches];
  }

  /** How many events from the one at which the batch stands are tried together. */
  countFrom({ reader, place, index }: RunningBatch, message: BatchMessage): number {
    if (this.#keyBatches[reader.handler] === null) return 1;
    const count = togetherFrom(index, message);
    let untold = 0;
    while (untold < count && place.peekFlag(index + untold) === abortFlag.none) untold += 1;
    return Math.max(1, untold);
  }

  /** Tries events together. Gives null where that has failed, and each is to be tried by itself; it never throws. */
  async try(batch: RunningBatch, message: BatchMessage, count: number): Promise<CameTogether | null> {
    const { module, tracing = null, nowUs, ended, contextOf } = this.#parts;
    const { reader, place, states, index } = batch;
    const [name, keyBatch] = [module.table.names[reader.handler]!, this.#keyBatches[reader.handler]!];
    const context = contextOf(name, batch);
    place.begin(index, ended.startedAtUs, count);
    let together: CameTogether | null = null;
    try {
      batch.ahead ??= new EventsAhead(message);
      const events = batch.ahead.events(index, count);
      TryContext.give(context, events.at(-1)!);
      const of = { handler: name, attempt: reader.attempt, batch: batch.trace };
      const call = (): unknown => this.#valuesOf(keyBatch(events, context), { name, batch, count });
      const came = tracing === null ? call() : tracing.run(events, of, call);
      const values = (isPromiseLike(came) ? await came : came) as CameTogether['values'];
      if (place.flagOfCall(index) === abortFlag.none) {
        states?.succeed(context, { index: index + count - 1, atUs: ended.startedAtUs, mayHold: false });
        together = { values, emitted: TryContext.emitted(context) };
      }
    } catch {
      // What it threw is nobody's yet: each event will throw its own.
    }
    const flag = place.flagOfCall(index);
    TryContext.end(context, flag);
    ended.durationUs = nowUs() - ended.startedAtUs;
    if (together === null) {
      ended.startedAtUs += ended.durationUs;
      // The time that all of them took is nobody's: by itself each has its own.
      place.pardon(index, ended.startedAtUs);
    }
    return together;
  }

  /** The result of each event of a call, encoded; a promise of them where it gives one, or promises. */
  #valuesOf(came: unknown, of: { name: string; batch: RunningBatch; count: number }): unknown {
    const { place, index } = of.batch;
    if (isPromiseLike(came)) {
      place.awaits(index);
      return Promise.resolve(came).then((list) => this.#valuesOf(list, of));
    }
    const given = this.#resultsOf(of.name, came, of.count);
    const encoded = (results: readonly unknown[]): CameTogether['values'] =>
      results.map((result) => encodeResult(result, this.#parts.limits.resultSizeMax));
    if (!given.some(isPromiseLike)) return encoded(given);
    place.awaits(index);
    return Promise.all(given).then(encoded);
  }

  /** Of a call that gives something else nobody would hear, as its events may well succeed one by one. */
  #resultsOf(name: string, came: unknown, count: number): readonly unknown[] {
    try {
      return resultsOf(name, came, count);
    } catch (error) {
      const isNew = !this.#misfits.has(name);
      this.#misfits.add(name);
      if (isNew) process.emitWarning(`${messageOf(error)}; its events are tried one by one`, { code: 'bad-handlers' });
      throw error;
    }
  }

  /** Takes in what came of events that succeeded together; says whether it will survive the thread. */
  take(batch: RunningBatch, report: ReportBuilder, { values, emitted }: CameTogether): boolean {
    const { reader, place, states, index: first } = batch;
    const { ended } = this.#parts;
    const usEach = Math.floor(ended.durationUs / values.length);
    let fits = true;
    for (const [n, value] of values.entries()) {
      const index = first + n;
      const isLast = n === values.length - 1;
      if (n > 0) reader.advance();
      ended.succeed(value, isLast ? emitted : null);
      ended.durationUs = usEach;
      report.add(index, reader, ended);
      // Taken in together, or not at all: the state and what was emitted are those of all of them.
      fits &&= place.finish(index, ended, { first, isLast: false });
      ended.startedAtUs += usEach;
    }
    const change = states?.take() ?? null;
    if (change !== null) {
      report.addState(change, reader);
      fits &&= place.keepState(change, { first });
    }
    if (fits) place.takeIn(first + values.length - 1);
    return fits;
  }
}
