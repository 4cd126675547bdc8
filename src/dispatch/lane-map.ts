// Which lane an event belongs to, and which lanes are alive: made when they are asked for, gone when they are
// forgotten. It knows the order of each handler's events, and nothing of what a lane does.

import { unreachable } from '../invariant.js';
import type { LaneOrder } from '../policy.js';
import { Lane } from './lane.js';
import type { Stand } from './stand.js';

export interface LaneCounts {
  readonly live: number;
  readonly busy: number;
  readonly delayed: number;
}

export class LaneMap {
  /** By handler. */
  readonly #orders: LaneOrder[];
  /** By handler, then by key. */
  readonly #keyed: Map<string, Lane>[];
  /** By handler, for events that need no order: without a key, or all of them under order `none`. */
  readonly #free: Lane[];

  constructor(of: { orders: readonly LaneOrder[]; stands: readonly Stand[] }) {
    this.#orders = [...of.orders];
    this.#keyed = of.stands.map(() => new Map());
    this.#free = of.stands.map(({ free }) => free);
  }

  /** Takes in one handler more, where its events stand and the order of its events; gives its index. */
  addHandler(order: LaneOrder, stand: Stand): number {
    this.#orders.push(order);
    this.#keyed.push(new Map());
    this.#free.push(stand.free);
    return this.#orders.length - 1;
  }

  /** Lanes with events waiting or in flight, and how many of them are in some states; free lanes do not count. */
  counts(): LaneCounts {
    let [live, busy, delayed] = [0, 0, 0];
    for (const { state } of this.all()) {
      if (state !== 'held') live += 1;
      if (state === 'busy') busy += 1;
      if (state === 'delayed') delayed += 1;
    }
    return { live, busy, delayed };
  }

  /** All that are alive, those included of which nothing is in memory. */
  *all(): Generator<Lane, void, undefined> {
    for (const lanes of this.#keyed) yield* lanes.values();
  }

  /** Those of one handler that keep an order. */
  of(handler: number): Lane[] {
    return [...this.#keyed[handler]!.values()];
  }

  /** The lane of a handler and a key, if it lives. */
  find(handler: number, key: string | null): Lane | null {
    const order = this.#orders[handler];
    if (order === 'none' || (order === 'key' && key === null)) return null;
    const [index, name] = order === 'global' ? [0, ''] : [handler, order === 'handler' ? '' : (key as string)];
    return this.#keyed[index]?.get(name) ?? null;
  }

  /** The lane an event belongs to, made if it is new. */
  laneOf(handler: number, key: string | null): Lane {
    const order = this.#orders[handler]!;
    switch (order) {
      case 'none':
        return this.#free[handler]!;
      case 'key':
        return key === null ? this.#free[handler]! : this.#keyedLane(handler, key);
      case 'handler':
        return this.#keyedLane(handler, '');
      case 'global':
        return this.#keyedLane(0, '');
      default:
        return unreachable(order);
    }
  }

  forget(lane: Lane): void {
    if (lane.key === null) return;
    const lanes = this.#keyed[Math.max(0, lane.handler)]!;
    if (lanes.get(lane.key) === lane) lanes.delete(lane.key);
  }

  #keyedLane(handler: number, key: string): Lane {
    const lanes = this.#keyed[handler]!;
    let lane = lanes.get(key);
    if (lane === undefined) {
      lane = new Lane({ handler: this.#orders[handler] === 'global' ? -1 : handler, key, state: 'held' });
      lanes.set(key, lane);
    }
    return lane;
  }
}
