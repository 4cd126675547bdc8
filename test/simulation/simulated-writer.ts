// A writer without SQLite: it decodes the real messages, takes its time on the simulated clock, and does each call at
// once when its time has come. What its process had asked for and it had not done is lost when the process dies.

import { journalPartition } from '../../src/event.js';
import { EventsJoiner, JoinedEventsReader } from '../../src/joined-events.js';
import { RowsReader } from '../../src/outcome.js';
import { runsOf } from '../../src/position-runs.js';
import type {
  DuplicateEvent,
  GroupRequest,
  GroupResult,
  JournalEvents,
  JournalPage,
  JournalStart,
  PageRequest,
  ParkedEvents,
  PartitionStart,
  Watermark,
} from '../../src/store/messages.js';
import type { WriterThread } from '../../src/threads.js';
import type { Random } from './random.js';
import type { SimulatedClock } from './simulated-clock.js';
import type { SimulatedStore } from './simulated-store.js';

/** Rows that one page looks at at most. */
const rowsPerPageMax = 20;

interface World {
  readonly clock: SimulatedClock;
  readonly random: Random;
  readonly store: SimulatedStore;
  /** Names of the handlers there are. */
  readonly handlers: readonly string[];
  /** An accepted event of a partition below a position that has no outcome. */
  missing(partition: string, below: number): string | undefined;
}

export class SimulatedWriter implements WriterThread {
  groupsMax = 0;
  pages = 0;
  closed = false;
  #groups = 0;
  #freeAtMs = 0;
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  async openPartition(name: string): Promise<PartitionStart> {
    const { store } = this.#world;
    const watermark = store.watermarks.get(name) ?? 0;
    const done = store.done(name).sort((a, b) => a - b);
    const positionNext = Math.max(1, watermark, (done.at(-1) ?? 0) + 1);
    return {
      ...{ partition: store.numberOf(name), watermark, positionNext, positionUnused: positionNext, fingerprint: null },
      durable: runsOf(done.filter((position) => position >= watermark)),
      suspects: store.suspects(name),
    };
  }

  async openJournal(how: { isVolatile: boolean }): Promise<JournalStart> {
    const { store } = this.#world;
    const { partition, watermark, positionNext, suspects } = await this.openPartition(journalPartition);
    const pending = [...store.events.keys()].filter((position) => !store.hasOutcome(journalPartition, position)).length;
    const highest = Math.max(positionNext, ...[...store.events.keys()].map((position) => position + 1));
    // The largest ring of a life is smaller than that.
    const positionUnused = Math.max(highest, store.positionUnused) + (store.isVolatile ? 1000 : 0);
    store.positionUnused = positionUnused;
    store.isVolatile = how.isVolatile;
    return { partition, watermark, positionUnused, pending, suspects };
  }

  async setFingerprint(): Promise<void> {}

  append(group: GroupRequest): Promise<GroupResult> {
    this.#groups += 1;
    this.groupsMax = Math.max(this.groupsMax, this.#groups);
    return this.#inTurn(() => {
      const { store, missing } = this.#world;
      this.#groups -= 1;
      store.raise(group.watermarks, missing);
      const duplicates = group.events === null ? [] : this.#addEvents(group.events);
      let stored = 0;
      for (const rows of group.rows) stored += this.#addOutcomes(rows);
      const gauges = { walBytes: 0, storeBytes: 0, freeBytes: 1e12 };
      return { stored, ignored: 0, duplicates, gauges };
    });
  }

  readJournal(request: PageRequest): Promise<JournalPage> {
    this.pages += 1;
    return this.#inTurn(() => this.#page(request));
  }

  async close(watermarks: readonly Watermark[]): Promise<void> {
    const { store, missing } = this.#world;
    store.raise(watermarks, missing);
    for (const { partition, positionNext } of watermarks) {
      if (partition === store.numberOf(journalPartition)) {
        store.positionUnused = Math.max(store.positionUnused, positionNext ?? 0);
      }
    }
    store.isVolatile = false;
    this.closed = true;
  }

  async abort(): Promise<void> {
    this.closed = true;
  }

  /** Does something once everything asked for before is done, and some time has passed. */
  #inTurn<Result>(work: () => Result): Promise<Result> {
    const { clock, random } = this.#world;
    this.#freeAtMs = Math.max(this.#freeAtMs, clock.nowMs()) + random.next() * 20;
    return new Promise((resolve) => {
      clock.alarm(this.#freeAtMs - clock.nowMs(), () => resolve(work()));
    });
  }

  #addEvents(events: JournalEvents): DuplicateEvent[] {
    const { store, handlers } = this.#world;
    const duplicates: DuplicateEvent[] = [];
    const reader = new JoinedEventsReader(events);
    for (let index = 0; index < events.count; index += 1) {
      reader.advance();
      const event = reader.event();
      const position = event.id === null ? undefined : store.positionOf(event.id);
      if (position !== undefined) duplicates.push({ index, position, outcome: null });
      else
        store.addEvent(events.positionFirst + index, { event, handler: handlers[events.handlers[index]!] as string });
    }
    return duplicates;
  }

  #addOutcomes(rows: ArrayBuffer): number {
    const reader = new RowsReader(rows);
    for (let index = 0; index < reader.count; index += 1) this.#world.store.addOutcome(reader.next());
    return reader.count;
  }

  #page({ from, countMax }: PageRequest): JournalPage {
    const { store, handlers } = this.#world;
    const positions = [...store.events.keys()].filter((position) => position >= from).sort((a, b) => a - b);
    const taken: number[] = [];
    const parked = new Map<string, ParkedEvents>();
    let next = from;
    let isLast = true;
    let looked = 0;
    for (const position of positions) {
      looked += 1;
      if (taken.length === countMax || looked > rowsPerPageMax) {
        isLast = false;
        break;
      }
      next = position + 1;
      const { handler } = store.events.get(position)!;
      if (store.hasOutcome(journalPartition, position)) continue;
      if (handlers.includes(handler)) taken.push(position);
      else {
        const { count, positionFirst } = parked.get(handler) ?? { count: 0, positionFirst: position };
        parked.set(handler, { handler, count: count + 1, positionFirst });
      }
    }
    const joiner = new EventsJoiner(taken.length);
    for (const position of taken) joiner.add(store.events.get(position)!.event);
    return {
      ...{ events: joiner.finish(), positions: Float64Array.from(taken), next, isLast, parked: [...parked.values()] },
      handlers: Int32Array.from(taken, (position) => handlers.indexOf(store.events.get(position)!.handler)),
    };
  }
}
