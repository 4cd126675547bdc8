// A dispatcher of four handlers, told and read in short: an event is its handler and key (`low:x`), `low:-` without one.

import type { Batch } from '../../src/dispatch/batch.js';
import { Dispatcher } from '../../src/dispatch/dispatcher.js';
import type { DispatcherOptions } from '../../src/dispatch/dispatcher-options.js';
import { type Claim, noClaim } from '../../src/dispatch/stand.js';
import { handlerResult } from '../../src/handler.js';

/** Handlers by name with what they claim. */
const names = ['low', 'high', 'two', 'other'];
const claims: readonly Claim[] = [
  { priority: -1, concurrency: null },
  { priority: 5, concurrency: null },
  { priority: 0, concurrency: 2 },
  noClaim,
];

export class NamedBench {
  readonly dispatcher: Dispatcher;
  readonly batches: Batch[] = [];
  #position = 0;

  constructor(options: Partial<DispatcherOptions> = {}) {
    this.dispatcher = new Dispatcher({
      ...{ order: 'key', handlerCount: 4, widest: 1, threads: 1, ringSize: 64, ringBytesMax: 1_000_000 },
      ...{ batchSizeMax: 1, batchTargetMs: 10, batchBytesMax: 1_000_000, parks: names.map(() => false) },
      ...{ breaker: null, claims, ...options },
    });
    this.dispatcher.openPartition(1, 0);
  }

  admit(words: string): this {
    for (const word of words.split(' ')) {
      const [name, key] = word.split(':') as [string, string];
      this.#position += 1;
      const owed = { partition: 1, position: this.#position, handler: names.indexOf(name) };
      const event = { type: 't', key: key === '-' ? null : key, id: null, extras: null, data: null };
      this.dispatcher.admit(event, owed);
    }
    return this;
  }

  /** Takes a batch and tells its events. */
  batch(nowMs = 0): string {
    const batch = this.dispatcher.nextBatch(1, nowMs);
    if (batch === null) return 'none';
    this.batches.push(batch);
    return batch.slots.map(({ handler, event }) => `${names[handler]}:${event?.key ?? '-'}`).join(' ');
  }

  /** Settles the oldest batch. */
  settle(result: number = handlerResult.succeeded, ran = 0): this {
    const batch = this.batches.shift() as Batch;
    const results = new Uint8Array(batch.slots.length).fill(result);
    this.dispatcher.settle(batch, { results, delaysMs: null, busyUs: 0, ran }, 0);
    return this;
  }

  /** Batches until nothing can run, each of which comes back before the next. */
  drain(): string[] {
    const all: string[] = [];
    for (let batch = this.batch(); batch !== 'none'; batch = this.batch()) {
      all.push(batch);
      this.settle();
    }
    return all;
  }

  /** Batches until nothing can run, none of which has come back. */
  all(): string[] {
    const all: string[] = [];
    for (let batch = this.batch(); batch !== 'none'; batch = this.batch()) all.push(batch);
    return all;
  }
}
