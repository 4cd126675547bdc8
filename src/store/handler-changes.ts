// Handlers that come and go while the store is open: those that come stand behind the others, those that go keep their
// index, under which rows that are on their way name them. Each change is a transaction.

import { KeylaneError, shown } from '../errors.js';
import type { Changes } from './changes.js';
import type { Connection, Statement } from './database.js';
import type { HandlersAdded } from './handler-messages.js';
import type { LaneNames } from './lane-name.js';
import type { LaneOrders } from './lane-orders.js';
import { handlerId } from './store-epoch.js';
import { storedText } from './stored-text.js';

interface Parts {
  readonly names: LaneNames;
  readonly orders: LaneOrders;
  /** Indexes of those that went before this use of the store. */
  readonly removed: readonly number[];
  readonly changes: Changes;
  /** Number of the journal's partition. */
  readonly journal: number;
}

export class HandlerChanges {
  readonly #db: Connection;
  readonly #parts: Parts;
  readonly #find: Statement;
  readonly #isOwed: Statement;
  readonly #setPresent: Statement;

  constructor(db: Connection, parts: Parts) {
    this.#db = db;
    this.#parts = parts;
    this.#find = db.prepare('SELECT id FROM handler WHERE name = ?').pluck();
    this.#isOwed = db
      .prepare(
        `SELECT EXISTS (SELECT 1 FROM waiting WHERE event_handler = @id)
           OR EXISTS (SELECT 1 FROM lane_parked WHERE handler = @id)
           OR EXISTS (
             SELECT 1 FROM event CROSS JOIN route ON route.id = event.handler AND route.handler = @id
               LEFT JOIN outcome ON outcome.partition = @journal
                 AND outcome.position = event.position AND outcome.handler = @id
             WHERE event.position >= (SELECT watermark FROM partition WHERE id = @journal)
               AND outcome.position IS NULL)`,
      )
      .pluck();
    this.#setPresent = db.prepare('UPDATE handler SET is_present = ? WHERE id = ?');
    for (const index of parts.removed) this.#remove(index);
  }

  /**
   * Gives the ids of handlers that come. Refuses with a KeylaneError `bad-handlers` one that stored events are owed to:
   * they would have to be let in before any new one of its keys.
   */
  add(request: HandlersAdded): readonly number[] {
    return this.#parts.changes.make('add handlers', () => this.#add(request));
  }

  /** What is owed to a handler stays where it is from here on. */
  remove(index: number): void {
    this.#parts.changes.make('remove a handler', () => this.#remove(index));
  }

  #add({ names, orders, indexFirst }: HandlersAdded): readonly number[] {
    const { ids } = this.#parts.names;
    // The thread that was asked first may have died before it could answer.
    if (ids.length > indexFirst) return ids.slice(indexFirst, indexFirst + names.length);
    for (const name of names) this.#refuseOwed(name);
    const added = names.map((name, index) => {
      const id = handlerId(this.#db, name);
      this.#parts.orders.set(this.#db, { id, order: orders[index]! });
      return id;
    });
    for (const id of added) this.#parts.names.add(id);
    return added;
  }

  #remove(index: number): void {
    const { names } = this.#parts;
    const id = names.idOf(index);
    names.remove(index);
    if (names.indexOf(id) === undefined) this.#setPresent.run(0, id);
  }

  #refuseOwed(name: string): void {
    const id = this.#find.get(storedText(name));
    if (id === undefined || this.#isOwed.get({ id, journal: this.#parts.journal }) === 0) return;
    const what = `handler ${shown(name)} must be new, or owed nothing: stored events wait for it`;
    throw new KeylaneError('bad-handlers', `${what}; start with a module that has it, or cancel them`);
  }
}
