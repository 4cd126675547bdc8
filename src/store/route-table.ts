// The routes of a store: which handlers its events are owed to. A route is made with the first event that needs it.
// Runs inside the transactions of the store.

import type { Connection, Statement } from './database.js';
import type { LaneNames } from './lane-name.js';

/** What is known of the routes of events that are owed outcomes. */
export interface RoutesOwed {
  /** Outcomes owed besides one for each event. */
  readonly more: number;
  /** The most handlers that one event is owed to. */
  readonly widest: number;
}

/** What an event has for its route that owes nothing, as no handler took it. */
export const noRoute = 0;

export class RouteTable {
  readonly #names: LaneNames;
  readonly #insert: Statement;
  readonly #ofEvents: Statement;
  readonly #width: Statement;
  /** Ids by those of the handlers, as text; of routes of several handlers. */
  readonly #ids = new Map<string, number>();
  #lowest = 0;

  constructor(db: Connection, { names }: { names: LaneNames }) {
    this.#names = names;
    this.#insert = db.prepare('INSERT INTO route (id, handler) VALUES (?, ?) ON CONFLICT DO NOTHING');
    this.#ofEvents = db
      .prepare('SELECT handler, count(*) FROM event WHERE position >= ? AND handler < 0 GROUP BY handler')
      .raw();
    this.#width = db.prepare('SELECT count(*) FROM route WHERE id = ?').pluck();
    const rows = db.prepare('SELECT id, handler FROM route WHERE id < 0 ORDER BY id, handler').raw().all();
    const handlers = new Map<number, number[]>();
    for (const [id, handler] of rows as [number, number][]) {
      handlers.set(id, [...(handlers.get(id) ?? []), handler]);
      this.#lowest = Math.min(this.#lowest, id);
    }
    for (const [id, ids] of handlers) this.#ids.set(ids.join(), id);
  }

  /** The ids of routes that are given by the indexes of their handlers. */
  idsOf(routes: readonly (readonly number[])[]): number[] {
    return routes.map((indexes) => this.#idOf(indexes.map((index) => this.#names.idOf(index)).sort((a, b) => a - b)));
  }

  /** What events from a position on are owed besides one outcome each. */
  owedFrom(position: number): RoutesOwed {
    let [more, widest] = [0, 1];
    if (this.#ids.size === 0) return { more, widest };
    for (const [route, count] of this.#ofEvents.all(position) as [number, number][]) {
      const width = this.#width.get(route) as number;
      more += count * (width - 1);
      widest = Math.max(widest, width);
    }
    return { more, widest };
  }

  /** The transaction that made it may have been rolled back since, so that its rows are always seen to. */
  #idOf(handlers: readonly number[]): number {
    if (handlers.length === 0) return noRoute;
    const text = handlers.join();
    let id = this.#ids.get(text);
    if (id === undefined) {
      this.#lowest -= 1;
      id = this.#lowest;
      this.#ids.set(text, id);
    }
    for (const handler of handlers) this.#insert.run(id, handler);
    return id;
  }
}
