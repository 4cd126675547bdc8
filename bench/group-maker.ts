// Fills a store from one thread with the rows that a cell would store, group by group, and tells how long the store
// itself took. Making the rows is outside the clock.

import Database from 'better-sqlite3';
import { encodeEvent } from '../src/event.js';
import { EventsJoiner } from '../src/joined-events.js';
import { configFrom, type Durability, type IntakeMode } from '../src/options.js';
import { RowsBuilder, verdict } from '../src/outcome.js';
import type { GroupRequest } from '../src/store/messages.js';
import { Store } from '../src/store/store.js';
import { type BenchEvents, type PayloadName, payloadSizes } from './bench-events.js';

/** As the processor's own groups are: so many outcomes, or events of so many bytes. */
const groupSizeMax = 4096;
const groupBytesMax = 8 * 1024 * 1024;
const limits = configFrom({ handlers: 'none', store: 'none' });

export class GroupMaker {
  readonly #path: string;
  readonly #store: Store;
  readonly #events: BenchEvents;
  readonly #partition: number;
  readonly #isJournaled: boolean;
  readonly #groupSize: number;
  #stored = 0;

  constructor(of: {
    path: string;
    durability: Durability;
    intake: IntakeMode;
    payload: PayloadName;
    events: BenchEvents;
  }) {
    const { path, durability, events } = of;
    [this.#path, this.#events] = [path, events];
    this.#store = Store.open({ path, durability, handlerNames: [events.workload], retention: null, order: 'key' });
    this.#isJournaled = of.intake === 'journal';
    const fitting = Math.max(1, Math.floor(groupBytesMax / payloadSizes[of.payload]));
    this.#groupSize = this.#isJournaled ? Math.min(groupSizeMax, fitting) : groupSizeMax;
    this.#partition = this.#store.openJournal({ isVolatile: !this.#isJournaled }).partition;
  }

  /** Appends the next `count` events; gives the seconds the store took. */
  append(count: number): number {
    let ms = 0;
    for (const end = this.#stored + count; this.#stored < end; ) {
      const size = Math.min(this.#groupSize, end - this.#stored);
      const group = this.#group(size);
      const startMs = performance.now();
      this.#store.append(group);
      this.#store.tend();
      ms += performance.now() - startMs;
      this.#stored += size;
    }
    return ms / 1000;
  }

  /** Gives what is wrong with the rows that are stored; empty when nothing is. */
  close(): string[] {
    this.#store.close([]);
    const db = new Database(this.#path, { readonly: true });
    try {
      const views = this.#isJournaled ? ['outcomes', 'events'] : ['outcomes'];
      return views.flatMap((view) => {
        const rows = db.prepare(`SELECT count(*) FROM ${view}`).pluck().get();
        return rows === this.#stored ? [] : [`${this.#stored} rows put into ${view}, ${rows} found`];
      });
    } finally {
      db.close();
    }
  }

  #group(size: number): GroupRequest {
    return {
      events: this.#isJournaled ? this.#joinedEvents(size) : null,
      rows: [this.#outcomes(size)],
      watermarks: [],
      parked: [],
    };
  }

  #outcomes(size: number): ArrayBuffer {
    const builder = new RowsBuilder(size);
    for (let n = this.#stored; n < this.#stored + size; n += 1) {
      const { workload: type } = this.#events;
      builder.add({
        ...{ partition: this.#partition, position: n + 1, handler: 0, verdict: verdict.succeeded, attempts: 1 },
        ...{ startedAtUs: 1.7e15, dueAtUs: 0, extras: null, data: null, durationUs: 1, id: null, type },
        ...{ key: this.#events.keyOf(n), result: String(this.#events.resultOf(n)), error: null },
      });
    }
    return builder.finish();
  }

  #joinedEvents(size: number): GroupRequest['events'] {
    const joiner = new EventsJoiner(size);
    for (let n = this.#stored; n < this.#stored + size; n += 1) {
      joiner.add(encodeEvent(this.#events.event(n), limits));
    }
    const handlers = new Int32Array(size);
    return { ...joiner.finish(), positionFirst: this.#stored + 1, handlers, routes: [], acceptedAtUs: 1.7e15 };
  }
}
