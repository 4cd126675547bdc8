// Events that wait in the store, as their lane is not in memory: lane by lane, in their order. An event stays here
// until it has its outcome, also while it runs. Runs inside the transactions of the store.

import { type OutcomeRow, verdict } from '../outcome.js';
import type { LaneName } from '../store-lanes.js';
import type { Connection, Statement } from './database.js';
import type { KeptEvents } from './kept-events.js';
import { type LaneNames, laneOf, type StoredLane } from './lane-name.js';
import type { LaneOrders } from './lane-orders.js';
import { storedText, textFrom } from './stored-text.js';

/** An event by the numbers of the tables. */
export interface EventNumbers {
  readonly partition: number;
  readonly position: number;
  readonly handler: number;
}

/** An event that is to run again. */
export interface RedrivenEvent extends EventNumbers {
  readonly redrivenAtUs: number;
}

interface PlacedEvent extends RedrivenEvent {
  readonly place: number;
}

export interface WaitingTableParts {
  readonly names: LaneNames;
  readonly orders: LaneOrders;
  readonly kept: KeptEvents;
  /** Whether another thread may have given out events of lanes, of which this one knows nothing. */
  readonly isTakenOver: boolean;
}

/** Places that are left free before what waits in a stopped lane, for what is redriven later. */
const roomBefore = 2 ** 32;

const insertSql = (place: string, onConflict = 'NOTHING'): string => `
  INSERT INTO waiting (handler, key, place, partition, position, event_handler, redriven_at)
  SELECT @laneHandler, @laneKey, ${place}, @partition, @position, @handler, @redrivenAtUs
  WHERE NOT EXISTS (
    SELECT 1 FROM outcome WHERE partition = @partition AND position = @position AND handler = @handler)
  ON CONFLICT (partition, position, event_handler) DO ${onConflict}`;

const inLane = 'FROM waiting WHERE handler = @laneHandler AND key = @laneKey';

export class WaitingTable {
  readonly #parts: WaitingTableParts;
  readonly #isAny: Statement;
  readonly #append: Statement;
  readonly #move: Statement;
  readonly #insertAt: Statement;
  readonly #followerPlace: Statement;
  readonly #lastBefore: Statement;
  readonly #takeBefore: Statement;
  readonly #delete: Statement;
  readonly #laneOf: Statement;
  /** Events given out by `readLane`, as texts: the only ones of here that can get an outcome from a thread. */
  readonly #givenOut = new Set<string>();
  /** The furthest place that a page has ended at: who goes on behind it must not miss what comes later. */
  #placeRead = 0;

  constructor(db: Connection, parts: WaitingTableParts) {
    this.#parts = parts;
    this.#isAny = db.prepare('SELECT 1 FROM waiting LIMIT 1').pluck();
    const atEnd = `max(1 + (SELECT ifnull(max(place), 0) ${inLane}), @placeMin)`;
    this.#append = db.prepare(insertSql(atEnd));
    this.#move = db.prepare(
      insertSql(atEnd, 'UPDATE SET handler = excluded.handler, key = excluded.key, place = excluded.place'),
    );
    this.#insertAt = db.prepare(insertSql('@place'));
    this.#followerPlace = db
      .prepare(
        `SELECT ifnull(
           (SELECT place ${inLane} AND redriven_at = 0 ORDER BY place LIMIT 1),
           ${atEnd})`,
      )
      .pluck();
    const redriven = 'place, partition, position, event_handler AS handler, redriven_at AS redrivenAtUs';
    this.#lastBefore = db.prepare(`SELECT ${redriven} ${inLane} AND place < @follower ORDER BY place DESC LIMIT 1`);
    this.#takeBefore = db.prepare(`DELETE ${inLane} AND place < @follower RETURNING ${redriven}`);
    this.#laneOf = db.prepare(
      'SELECT handler, key FROM waiting WHERE partition = ? AND position = ? AND event_handler = ?',
    );
    this.#delete = db.prepare('DELETE FROM waiting WHERE partition = ? AND position = ? AND event_handler = ?');
  }

  /**
   * Puts events at the ends of their lanes, in the order of the rows; none that has its outcome, nor one that waits
   * already, unless it has no order: that is told anew when it is due.
   */
  add(rows: readonly OutcomeRow[]): void {
    for (const row of rows) {
      const handler = this.#parts.names.idOf(row.handler);
      const lane = laneOf({ ...row, handler }, this.#parts.orders.of(handler));
      const { changes } = (lane.handler < 0 ? this.#move : this.#append).run({
        ...this.#values({ ...row, handler, redrivenAtUs: 0 }, lane),
        placeMin: this.#placeRead + 1,
      });
      if (changes > 0) this.#parts.kept.keep(row);
    }
  }

  /** Puts events that are to run again at the end of a lane. */
  append(events: readonly RedrivenEvent[], lane: StoredLane): void {
    for (const event of events) this.#append.run({ ...this.#values(event, lane), placeMin: this.#placeRead + 1 });
  }

  /**
   * Puts events that are to run again, given by position, before what waits in a lane: among those that were put there
   * before, by position too, as one redrive is many calls and the dead letters may come in any order.
   */
  prepend(events: readonly RedrivenEvent[], lane: StoredLane): void {
    const name = { laneHandler: lane.handler, laneKey: storedText(lane.key) };
    const follower = this.#followerPlace.get({ ...name, placeMin: this.#placeRead + 1 }) as number;
    const last = this.#lastBefore.get({ ...name, follower }) as PlacedEvent | undefined;
    const isBehind = last !== undefined && byPosition(last, events[0]!) < 0 && last.place + events.length < follower;
    const others = isBehind ? [] : (this.#takeBefore.all({ ...name, follower }) as RedrivenEvent[]);
    let place = isBehind ? last.place + 1 : follower - roomBefore;
    for (const event of [...events, ...others].sort(byPosition)) {
      this.#insertAt.run({ ...this.#values(event, lane), place });
      place += 1;
    }
  }

  /** Takes in that events have their outcomes. Costs next to nothing while no event is given out. */
  settle(outcomes: readonly OutcomeRow[]): void {
    const looksAtAll = this.#parts.isTakenOver && this.#isAny.get() !== undefined;
    if (!looksAtAll && this.#givenOut.size === 0) return;
    for (const row of outcomes) {
      const { partition, position } = row;
      const handler = this.#parts.names.idOf(row.handler);
      if (!looksAtAll && !this.#givenOut.has(textOf({ partition, position, handler }))) continue;
      const hasWaited = this.remove({ partition, position, handler });
      const isOver = row.verdict === verdict.succeeded || row.verdict === verdict.superseded;
      if (hasWaited && isOver) this.#parts.kept.drop(partition, position);
    }
  }

  /** The outcomes that were given to `settle` are durable: a group that is rolled back comes again. */
  forget(outcomes: readonly OutcomeRow[]): void {
    if (this.#givenOut.size === 0) return;
    for (const { partition, position, handler } of outcomes) {
      this.#givenOut.delete(textOf({ partition, position, handler: this.#parts.names.idOf(handler) }));
    }
  }

  /** Takes in that an event leaves for the main thread. */
  noteGivenOut(event: EventNumbers): void {
    this.#givenOut.add(textOf(event));
  }

  notePlaceRead(place: number): void {
    this.#placeRead = Math.max(this.#placeRead, place);
  }

  /** The lane that an event waits in; null when it does not wait, or the module does not have its handler. */
  laneOf({ partition, position, handler }: EventNumbers): LaneName | null {
    if (this.#parts.names.indexOf(handler) === undefined) return null;
    const lane = this.#laneOf.get(partition, position, handler) as
      | { handler: number; key: string | Buffer }
      | undefined;
    return lane === undefined ? null : this.#parts.names.named({ handler: lane.handler, key: textFrom(lane.key) });
  }

  /** Gives whether the event waited. */
  remove({ partition, position, handler }: EventNumbers): boolean {
    return this.#delete.run(partition, position, handler).changes > 0;
  }

  #values({ partition, position, handler, redrivenAtUs }: RedrivenEvent, lane: StoredLane): Record<string, unknown> {
    const numbers = { partition, position, handler, redrivenAtUs };
    return { ...numbers, laneHandler: lane.handler, laneKey: storedText(lane.key) };
  }
}

function textOf({ partition, position, handler }: EventNumbers): string {
  return `${partition}/${position}/${handler}`;
}

function byPosition(a: EventNumbers, b: EventNumbers): number {
  return a.partition - b.partition || a.position - b.position || a.handler - b.handler;
}
