// The order of each handler's events, by the ids of the store: as its lanes are made, or as they are to be. Of handlers
// that the module does not have, the store remembers what they had.

import type { HandlerOrder } from '../handler.js';
import type { OrderMode } from '../options.js';
import type { LaneOrder } from '../policy.js';
import type { Connection } from './database.js';

/** The numbers that stand for an order in `meta` and `handler`. */
const orderNumber = { key: 0, global: 1, none: 2, handler: 3 } as const satisfies Readonly<Record<LaneOrder, number>>;
const names = Object.keys(orderNumber) as LaneOrder[];

export class LaneOrders {
  /** Of handlers that have none of their own. */
  readonly order: OrderMode;
  readonly #own: Map<number, HandlerOrder>;

  private constructor(order: OrderMode, own: Map<number, HandlerOrder>) {
    this.order = order;
    this.#own = own;
  }

  /** Those that the lanes of a store are made for. */
  static stored(db: Connection): LaneOrders {
    const number = db.prepare(`SELECT value FROM meta WHERE name = 'order'`).pluck().get();
    const rows = db.prepare('SELECT id, own_order FROM handler WHERE own_order IS NOT NULL').raw().all();
    const nameOf = (of: unknown): LaneOrder => names.find((name) => orderNumber[name] === of) ?? 'key';
    const own = (rows as [number, number][]).map(([id, of]) => [id, nameOf(of) as HandlerOrder] as const);
    return new LaneOrders(nameOf(number) as OrderMode, new Map(own));
  }

  /** Those that a module and its options want. */
  static wanted(
    db: Connection,
    of: { order: OrderMode; orders?: readonly LaneOrder[]; handlerIds: readonly number[] },
  ): LaneOrders {
    const wanted = new LaneOrders(of.order, new Map(LaneOrders.stored(db).#own));
    for (const [index, id] of of.handlerIds.entries()) wanted.#set(id, of.orders?.[index] ?? of.order);
    return wanted;
  }

  /** The order of a handler's events. */
  of(handler: number): LaneOrder {
    return this.order === 'global' ? 'global' : (this.#own.get(handler) ?? this.order);
  }

  /** Takes in the order of a handler that comes, of which no lane has another, and has the store remember it. */
  set(db: Connection, { id, order }: { id: number; order: LaneOrder }): void {
    this.#set(id, order);
    const own = this.#own.get(id);
    db.prepare('UPDATE handler SET own_order = ? WHERE id = ?').run(own === undefined ? null : orderNumber[own], id);
  }

  #set(id: number, order: LaneOrder): void {
    if (order === this.order || order === 'global') this.#own.delete(id);
    else this.#own.set(id, order);
  }

  /** Has the store remember them. */
  store(db: Connection): void {
    db.prepare(`UPDATE meta SET value = ? WHERE name = 'order'`).run(orderNumber[this.order]);
    db.prepare('UPDATE handler SET own_order = NULL WHERE own_order IS NOT NULL').run();
    const set = db.prepare('UPDATE handler SET own_order = ? WHERE id = ?');
    for (const [id, order] of this.#own) set.run(orderNumber[order], id);
  }
}
