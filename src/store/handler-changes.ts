// Handlers that come and go while the store is open: those that come stand behind the others, those that go keep their
// index, under which rows that are on their way name them. What waits for one that comes has its place in a lane by
// then, so that whatever is accepted later follows it. Each change is a transaction.

import { KeylaneError, shown } from '../errors.js';
import type { LaneOrder } from '../policy.js';
import type { Changes } from './changes.js';
import type { Connection, Statement } from './database.js';
import type { HandlersAdded, HandlersKnown, OwedParked, OwedRequest } from './handler-messages.js';
import { type LaneNames, laneOf } from './lane-name.js';
import type { LaneOrders } from './lane-orders.js';
import type { ParkedLanes } from './parked-lanes.js';
import { handlerId } from './store-epoch.js';
import { storedText, textOrNullFrom } from './stored-text.js';
import type { WaitingTable } from './waiting-table.js';

interface Parts {
  readonly names: LaneNames;
  readonly orders: LaneOrders;
  readonly lanes: ParkedLanes;
  readonly waiting: WaitingTable;
  /** Indexes of those that went before this use of the store. */
  readonly removed: readonly number[];
  readonly changes: Changes;
  /** Number of the journal's partition. */
  readonly journal: number;
}

interface OwedRow {
  readonly position: number;
  readonly key: string | Buffer | null;
}

/** Positions of the journal that one call looks at: calls are to stay short. */
const positionsPerCall = 4096;

// Of a handler that waits in no lane of its own, under order global, all that waits is looked at.
const isOwedSql = `
  SELECT EXISTS (SELECT 1 FROM waiting WHERE event_handler = @id)
    OR EXISTS (SELECT 1 FROM lane_parked WHERE handler = @id OR event_handler = @id)
    OR EXISTS (
      SELECT 1 FROM event CROSS JOIN route ON route.id = event.handler AND route.handler = @id
        LEFT JOIN outcome ON outcome.partition = @journal
          AND outcome.position = event.position AND outcome.handler = @id
      WHERE event.position >= (SELECT watermark FROM partition WHERE id = @journal) AND outcome.position IS NULL)`;

const owedSql = `
  SELECT event.position AS position, event.key AS key
  FROM event CROSS JOIN route ON route.id = event.handler AND route.handler = @id
    LEFT JOIN outcome ON outcome.partition = @journal
      AND outcome.position = event.position AND outcome.handler = @id
    LEFT JOIN waiting ON waiting.partition = @journal
      AND waiting.position = event.position AND waiting.event_handler = @id
  WHERE event.position >= @from AND event.position < @to AND outcome.position IS NULL AND waiting.position IS NULL
  ORDER BY event.position`;

export class HandlerChanges {
  readonly #db: Connection;
  readonly #parts: Parts;
  readonly #find: Statement;
  readonly #isOwed: Statement;
  readonly #hasLane: Statement;
  readonly #owed: Statement;
  readonly #ends: Statement;
  readonly #setPresent: Statement;

  constructor(db: Connection, parts: Parts) {
    this.#db = db;
    this.#parts = parts;
    this.#find = db.prepare('SELECT id FROM handler WHERE name = ?').pluck();
    this.#isOwed = db.prepare(isOwedSql).pluck();
    this.#hasLane = db
      .prepare(
        `SELECT EXISTS (SELECT 1 FROM waiting WHERE handler IN (@id, -@id))
           OR EXISTS (SELECT 1 FROM lane_parked WHERE handler = @id)`,
      )
      .pluck();
    this.#owed = db.prepare(owedSql);
    this.#ends = db
      .prepare('SELECT watermark, (SELECT ifnull(max(position), 0) FROM event) FROM partition WHERE id = ?')
      .raw();
    this.#setPresent = db.prepare('UPDATE handler SET is_present = ? WHERE id = ?');
    for (const index of parts.removed) this.#remove(index);
  }

  /**
   * Has journaled events that are owed to a handler which is not there wait in its lanes, in their order, behind what
   * waits there. Refuses with a KeylaneError `bad-handlers` where its lanes could not be kept as they are.
   */
  parkOwed(request: OwedRequest): OwedParked {
    return this.#parts.changes.make('park events of a handler', () => this.#parkOwed(request));
  }

  /** Gives what the store has of handlers that come. Refuses as `parkOwed` does, which is to be called before. */
  add(request: HandlersAdded): HandlersKnown {
    return this.#parts.changes.make('add handlers', () => this.#add(request));
  }

  /** What is owed to a handler stays where it is from here on. */
  remove(index: number): void {
    this.#parts.changes.make('remove a handler', () => this.#remove(index));
  }

  #parkOwed({ name, order, from }: OwedRequest): OwedParked {
    const id = this.#find.get(storedText(name)) as number | undefined;
    if (id === undefined) return { positions: new Float64Array(), next: null };
    this.#refuseOtherLanes(name, { id, order });
    const { journal: partition, orders, waiting } = this.#parts;
    const [watermark, last] = this.#ends.get(partition) as [number, number];
    const first = Math.max(from, watermark);
    const to = first + positionsPerCall;
    const rows = this.#owed.all({ id, journal: partition, from: first, to }) as OwedRow[];
    if (rows.length > 0) orders.set(this.#db, { id, order });
    for (const { position, key } of rows) {
      const lane = laneOf({ handler: id, key: textOrNullFrom(key), position }, order);
      waiting.append([{ partition, position, handler: id, redrivenAtUs: 0 }], lane);
    }
    const positions = Float64Array.from(rows, ({ position }) => position);
    return { positions, next: to > last ? null : to };
  }

  #add({ names, orders, indexFirst }: HandlersAdded): HandlersKnown {
    const { names: known, lanes, orders: stored } = this.#parts;
    // The thread that was asked first may have died before it could answer.
    if (known.ids.length === indexFirst) {
      for (const [index, name] of names.entries()) {
        const id = this.#find.get(storedText(name)) as number | undefined;
        if (id !== undefined) this.#refuseOtherLanes(name, { id, order: orders[index]! });
      }
      const added = names.map((name, index) => {
        const id = handlerId(this.#db, name);
        stored.set(this.#db, { id, order: orders[index]! });
        return id;
      });
      for (const id of added) known.add(id);
    }
    const ids = known.ids.slice(indexFirst, indexFirst + names.length);
    return { ids, lanes: ids.flatMap((id) => lanes.ofHandler(id)) };
  }

  #remove(index: number): void {
    const { names } = this.#parts;
    const id = names.idOf(index);
    names.remove(index);
    if (names.indexOf(id) === undefined) this.#setPresent.run(0, id);
  }

  #refuseOtherLanes(name: string, { id, order }: { id: number; order: LaneOrder }): void {
    const { journal, orders } = this.#parts;
    if (order === 'global') {
      if (this.#isOwed.get({ id, journal }) === 0) return;
      const what = `handler ${shown(name)} must be owed nothing under order "global": stored events wait for it`;
      throw new KeylaneError('bad-handlers', `${what}; start with a module that has it, or cancel them`);
    }
    const before = orders.of(id);
    if (before === order || this.#hasLane.get({ id }) === 0) return;
    const what = `handler ${shown(name)} must have order "${before}", as stored events wait for it, got "${order}"`;
    throw new KeylaneError('bad-handlers', `${what}; start with a module that has it, or cancel them`);
  }
}
