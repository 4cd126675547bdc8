// Handlers that take consecutive events of one key at once: which events one call has, and what it must give for them.

import { shown } from '../errors.js';
import type { Handler, HandlerContext, HandlerEvent, KeyBatchHandler } from '../handler.js';
import { isPromiseLike } from '../promise-like.js';
import { BatchReader } from './batch-reader.js';
import { type BatchMessage, noRun, numberOf, numbersPerEvent } from './messages.js';

/** The same handler for a single event. */
export function ofOne(name: string, keyBatch: KeyBatchHandler): Handler {
  return (event: HandlerEvent, context: HandlerContext) => {
    const came = keyBatch([event], context);
    return isPromiseLike(came)
      ? Promise.resolve(came).then((results) => resultsOf(name, results, 1)[0])
      : resultsOf(name, came, 1)[0];
  };
}

/** The results of a call, one for each event. Throws a TypeError for anything else. */
export function resultsOf(name: string, came: unknown, count: number): readonly unknown[] {
  if (Array.isArray(came) && came.length === count) return came;
  // Promises in it that reject are nobody's, and must not end the thread.
  if (Array.isArray(came)) void Promise.allSettled(came);
  const expected = `runKeyBatch of handler ${shown(name)} must give a list with one result for each of ${count} events`;
  const found = Array.isArray(came) ? `one of ${came.length}` : shown(came);
  throw new TypeError(`${expected}, got ${found}: give undefined for an event that has none`);
}

/**
 * How many events from this one on may be in one call: of one run, and none that was tried before, as it is not known
 * what it has done; so a single one where the first was.
 */
export function togetherFrom(index: number, { numbers, count }: BatchMessage): number {
  const at = (n: number, number: number): number => numbers[n * numbersPerEvent + number]!;
  const run = at(index, numberOf.run);
  let end = index;
  while (end < count && run !== noRun && at(end, numberOf.run) === run && isUntried(end)) end += 1;
  return Math.max(1, end - index);

  function isUntried(n: number): boolean {
    return at(n, numberOf.attempt) === 1 && at(n, numberOf.postponed) === 0;
  }
}

/** Reads the events of calls ahead of what is reported of them. */
export class EventsAhead {
  readonly #reader: BatchReader;
  #next = 0;

  constructor(message: BatchMessage) {
    this.#reader = new BatchReader(message);
  }

  /** Throws when the data of one cannot be decoded. Indexes only rise from call to call. */
  events(from: number, count: number): HandlerEvent[] {
    const events: HandlerEvent[] = [];
    while (this.#next < from + count) {
      this.#reader.advance();
      this.#next += 1;
      if (this.#next > from) events.push(this.#reader.handlerEvent());
    }
    return events;
  }
}
