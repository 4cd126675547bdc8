// What the store knows of each partition: how far its outcomes reach, which positions were given out, by what its input
// is known again. Runs inside the transactions of the store.

import { journalPartition } from '../event.js';
import { optionTable } from '../options.js';
import { RunsGatherer } from '../position-runs.js';
import type { Connection, Statement } from './database.js';
import type { FailureTable } from './failure-table.js';
import type { LaneNames } from './lane-name.js';
import { fitLanes } from './lane-order.js';
import type { LaneOrders } from './lane-orders.js';
import type { JournalStart, PartitionStart, Repeat, Watermark } from './messages.js';
import type { ParkedLanes } from './parked-lanes.js';
import { noRoute, type RouteTable } from './route-table.js';
import { storedText } from './stored-text.js';
import type { SuspectTable } from './suspect-table.js';

// After a death, positions above the highest outcome may have been seen by handlers. All of those were in the ring.
const positionsLostMax = optionTable.ringSize.max;

interface PartitionRow {
  readonly id: number;
  readonly watermark: number;
  readonly fingerprint: string | null;
  readonly position_next: number;
  readonly is_volatile: 0 | 1;
}

export interface PartitionTableParts {
  readonly epoch: number;
  readonly orders: LaneOrders;
  readonly suspects: SuspectTable;
  readonly failures: FailureTable;
  readonly lanes: ParkedLanes;
  readonly routes: RouteTable;
  readonly names: LaneNames;
}

export class PartitionTable {
  /** The number of the journal's partition. */
  readonly journal: number;
  readonly #db: Connection;
  readonly #parts: PartitionTableParts;
  readonly #raise: Statement;
  readonly #raiseNext: Statement;

  constructor(db: Connection, parts: PartitionTableParts) {
    this.#db = db;
    this.#parts = parts;
    this.journal = db.prepare('SELECT id FROM partition WHERE name = ?').pluck().get(journalPartition) as number;
    this.#raise = db.prepare('UPDATE partition SET watermark = max(watermark, ?) WHERE id = ?');
    this.#raiseNext = db.prepare('UPDATE partition SET position_next = max(position_next, ?) WHERE id = ?');
  }

  /** See `Store.openPartition`. */
  open(name: string, { isRepeat }: Repeat): PartitionStart {
    const db = this.#db;
    const epochOf = db.prepare('SELECT epoch FROM partition WHERE name = ?').pluck();
    const wasOpened = isRepeat && epochOf.get(storedText(name)) === this.#parts.epoch;
    const { id, watermark, fingerprint, position_next, is_volatile } = db
      .prepare(
        `INSERT INTO partition (name, epoch) VALUES (?, ?)
         ON CONFLICT (name) DO UPDATE SET epoch = excluded.epoch
         RETURNING id, watermark, fingerprint, position_next, is_volatile`,
      )
      .get(storedText(name), this.#parts.epoch) as PartitionRow;
    const done = this.#doneFrom(id, watermark);
    const positionNext = Math.max(1, watermark, this.#highestSettled(id) + 1);
    const positionUnused = Math.max(positionNext, position_next) + (wasOpened ? 0 : is_volatile * positionsLostMax);
    this.#setVolatile(id, { isVolatile: true, positionUnused });
    const suspects = this.#parts.suspects.of(id);
    const retries = this.#parts.failures.retriesOf(id, { watermark });
    return { partition: id, watermark, ...done, positionNext, positionUnused, fingerprint, suspects, retries };
  }

  /** See `Store.openJournal`. */
  openJournal({ isVolatile, isRepeat }: { isVolatile: boolean } & Repeat): JournalStart {
    const id = this.journal;
    const one = (sql: string, ...values: number[]): number => {
      return this.#db
        .prepare(sql)
        .pluck()
        .get(...values) as number;
    };
    const wasOpened = isRepeat && one('SELECT epoch FROM partition WHERE id = ?', id) === this.#parts.epoch;
    const { watermark, position_next, is_volatile } = this.#db
      .prepare('UPDATE partition SET epoch = ? WHERE id = ? RETURNING watermark, position_next, is_volatile')
      .get(this.#parts.epoch, id) as PartitionRow;
    const highest = Math.max(this.#highestSettled(id), one('SELECT ifnull(max(position), 0) FROM event'));
    const positionUnused =
      Math.max(1, watermark, highest + 1, position_next) + (wasOpened ? 0 : is_volatile * positionsLostMax);
    this.#setVolatile(id, { isVolatile, positionUnused });
    const events = one(`SELECT count(*) FROM event WHERE position >= ? AND handler <> ${noRoute}`, watermark);
    fitLanes(this.#db, this.#parts.orders);
    // Driven from the outcomes and from what waits, of which few are above the watermark.
    const done = one(
      `SELECT count(*) FROM outcome CROSS JOIN event USING (position)
         CROSS JOIN route ON route.id = event.handler AND route.handler = outcome.handler
       WHERE outcome.partition = ? AND outcome.position >= ?`,
      ...[id, watermark],
    );
    const away = one(
      `SELECT count(*) FROM waiting CROSS JOIN event ON event.position = waiting.position
       WHERE waiting.partition = ? AND waiting.position >= ?`,
      ...[id, watermark],
    );
    const { more, widest } = this.#parts.routes.owedFrom(watermark);
    return {
      partition: id,
      watermark,
      positionUnused,
      ...{ widest, handlerIds: Int32Array.from(this.#parts.names.ids) },
      pending: events + more - done - away,
      parked: one('SELECT count(*) FROM waiting JOIN handler ON handler.id = event_handler AND is_present = 0'),
      suspects: this.#parts.suspects.of(id),
      retries: this.#parts.failures.retriesOf(id, { watermark }),
      lanes: this.#parts.lanes.all(),
    };
  }

  setFingerprint(partition: number, text: string): void {
    this.#db.prepare('UPDATE partition SET fingerprint = ? WHERE id = ?').run(text, partition);
  }

  raise(watermarks: readonly Watermark[]): void {
    for (const { partition, watermark } of watermarks) this.#raise.run(watermark, partition);
  }

  /** At an orderly end: also how far positions were given out. */
  raiseLast(watermarks: readonly Watermark[]): void {
    this.raise(watermarks);
    for (const { partition, positionNext } of watermarks) this.#raiseNext.run(positionNext ?? 0, partition);
    this.#db.prepare('UPDATE partition SET is_volatile = 0 WHERE epoch = ?').run(this.#parts.epoch);
  }

  /** The positions from one on that have outcomes or wait, of all handlers and of each. */
  #doneFrom(partition: number, watermark: number): Pick<PartitionStart, 'durable' | 'doneBy'> {
    const rows = this.#db
      .prepare(
        `SELECT position, handler FROM outcome WHERE partition = @partition AND position >= @watermark
         UNION
         SELECT position, event_handler FROM waiting WHERE partition = @partition AND position >= @watermark
         ORDER BY position`,
      )
      .raw()
      .iterate({ partition, watermark }) as Iterable<[position: number, handler: number]>;
    const all = new RunsGatherer();
    const byId = new Map(this.#parts.names.ids.map((id) => [id, new RunsGatherer()]));
    for (const [position, handler] of rows) {
      all.add(position);
      byId.get(handler)?.add(position);
    }
    const done = new Map([...byId].map(([id, runs]) => [id, runs.finish()]));
    return { durable: all.finish(), doneBy: this.#parts.names.ids.map((id) => done.get(id)!) };
  }

  /** The highest position that has its outcome or waits in the store. */
  #highestSettled(partition: number): number {
    const highestIn = (table: 'outcome' | 'waiting'): number => {
      const select = this.#db.prepare(`SELECT max(position) FROM ${table} WHERE partition = ?`);
      return (select.pluck().get(partition) as number | null) ?? 0;
    };
    return Math.max(highestIn('outcome'), highestIn('waiting'));
  }

  /** From here on positions may be given to events of which the store knows only with their outcomes. */
  #setVolatile(partition: number, to: { isVolatile: boolean; positionUnused: number }): void {
    this.#raiseNext.run(to.positionUnused, partition);
    const set = this.#db.prepare('UPDATE partition SET is_volatile = ? WHERE id = ?');
    set.run(to.isVolatile ? 1 : 0, partition);
  }
}
