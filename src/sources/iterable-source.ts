// A source over an iterable that gives the same events at every start, such as the rows of a query in a fixed order.
// Positions count its events from 1, so that it goes on where durable outcomes end.

import { KeylaneError, shown } from '../errors.js';
import { encodeEvent, type SourceEvent } from '../event.js';
import { invariant } from '../invariant.js';
import type { Source, SourceRecord, SourceStart } from './source.js';

export interface IterableSourceOptions {
  /** The name under which the store knows these events; the same at every start. */
  readonly partition: string;
  readonly events: Iterable<SourceEvent> | AsyncIterable<SourceEvent>;
}

const passedOverPerRound = 4096;

/** Reads an iterable from its start; events whose outcomes are durable are passed over. */
export class IterableSource implements Source {
  readonly partition: string;
  readonly #iterator: Iterator<SourceEvent> | AsyncIterator<SourceEvent>;
  readonly #isAsync: boolean;
  #start: SourceStart | null = null;
  #position = 0;
  /** Asked for and not yet taken. */
  #pending: Promise<IteratorResult<SourceEvent>> | null = null;
  #failure: unknown = null;
  #isClosed = false;
  /** Settles a request that waits for the iterable. */
  #release: () => void = () => {};

  constructor({ partition, events }: IterableSourceOptions) {
    if (typeof partition !== 'string' || partition === '') {
      throw new KeylaneError('bad-option', `partition must be a name that is not empty, got ${shown(partition)}`);
    }
    this.partition = partition;
    this.#isAsync = Symbol.asyncIterator in events;
    this.#iterator = Symbol.asyncIterator in events ? events[Symbol.asyncIterator]() : events[Symbol.iterator]();
  }

  async open(start: SourceStart): Promise<null> {
    this.#start = start;
    return null;
  }

  request(demand: number): Promise<readonly SourceRecord[] | null> {
    const { promise, release } = releasable(this.#gather(demand));
    this.#release = release;
    return promise;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#release();
    const ending = this.#iterator.return?.();
    // An iterable that waits for something ends when that comes; nobody waits for it here.
    Promise.resolve(ending).catch(() => {});
  }

  async #gather(demand: number): Promise<readonly SourceRecord[] | null> {
    if (this.#failure !== null) throw this.#failure;
    const records: SourceRecord[] = [];
    // One round of the event loop from the first record on: what has not come by then is left for the next request.
    let late: Promise<'late'> | null = null;
    while (records.length < demand && !this.#isClosed) {
      try {
        const next = this.#isAsync
          ? await this.#nextUnless(late)
          : (this.#iterator.next() as IteratorResult<SourceEvent>);
        if (next === 'late') break;
        if (next.done) return records.length > 0 ? records : null;
        this.#add(records, next.value);
      } catch (error) {
        // What came before it is given first.
        this.#failure = error;
        if (records.length === 0) throw error;
        break;
      }
      if (records.length === 1) late ??= nextRound();
      // A long way to where it goes on must not keep the rest of the process waiting.
      if (records.length === 0 && this.#position % passedOverPerRound === 0) await nextRound();
    }
    return records.length > 0 ? records : null;
  }

  async #nextUnless(late: Promise<'late'> | null): Promise<IteratorResult<SourceEvent> | 'late'> {
    this.#pending ??= Promise.resolve(this.#iterator.next());
    const next = await (late === null ? this.#pending : Promise.race([this.#pending, late]));
    if (next !== 'late') this.#pending = null;
    return next;
  }

  #add(records: SourceRecord[], event: SourceEvent): void {
    invariant(this.#start !== null, 'a source is opened before it is asked');
    this.#position += 1;
    const position = this.#position;
    if (position < this.#start.watermark || this.#start.durable.has(position)) return;
    try {
      records.push({ position, event: encodeEvent(event, this.#start.limits) });
    } catch (error) {
      if (!(error instanceof KeylaneError)) throw error;
      throw new KeylaneError('bad-input', `event ${position} of ${shown(this.partition)}: ${error.message}`, {
        cause: error,
      });
    }
  }
}

function nextRound(): Promise<'late'> {
  return new Promise((resolve) => setImmediate(resolve, 'late'));
}

/** A promise that can be settled with null before its time. */
function releasable<Value>(promise: Promise<Value>): { promise: Promise<Value | null>; release: () => void } {
  let release = (): void => {};
  const released = new Promise<Value | null>((resolve, reject) => {
    release = () => resolve(null);
    promise.then(resolve, reject);
  });
  return { promise: released, release };
}
