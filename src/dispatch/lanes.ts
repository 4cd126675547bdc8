// All lanes that are alive: made when their first event comes, gone when they are empty and nothing of theirs is in
// flight. It decides which lane an event belongs to, and is the only writer of a lane's state.

import { invariant, unreachable } from '../invariant.js';
import type { OrderMode } from '../options.js';
import { Lane } from './lane.js';
import { ReadyLanes } from './ready-lanes.js';
import type { Slot } from './ring-buffer.js';

export class Lanes {
  readonly #order: OrderMode;
  /** By handler, then by key. */
  readonly #keyed: Map<string, Lane>[];
  /** Events that need no order: without a key, or all of them under order `none`. Never in `#ready`, never busy. */
  readonly free = new Lane({ handler: -1, key: '', state: 'free' });
  readonly #ready = new ReadyLanes();
  #runnable = 0;

  constructor(of: { order: OrderMode; handlerCount: number }) {
    this.#order = of.order;
    this.#keyed = Array.from({ length: of.handlerCount }, () => new Map());
  }

  /** Lanes with events waiting or in flight; the free lane does not count. */
  get live(): number {
    let live = 0;
    for (const lanes of this.#keyed) live += lanes.size;
    return live;
  }

  /** Lanes that could give a run now; the free lane does not count. */
  get ready(): number {
    return this.#ready.count;
  }

  /** Events that wait in lanes that could give a run now, the free lane included. */
  get runnable(): number {
    return this.#runnable + this.free.waiting;
  }

  /** Sequence of the oldest event among the ready lanes; the free lane does not count. */
  get oldestSequence(): number {
    return this.#ready.oldestSequence;
  }

  /** The event that waits longest of all that could run now; null when there is none. */
  get oldest(): Slot | null {
    if (this.free.headSequence < this.#ready.oldestSequence) return this.free.head;
    return this.#ready.oldest?.head ?? null;
  }

  /** Puts a new event at the end of its lane. */
  append(slot: Slot, key: string | null): void {
    const lane = this.#laneOf(slot.handler, key);
    slot.lane = lane;
    lane.append(slot);
    switch (lane.state) {
      case 'free':
      case 'busy':
        return;
      case 'ready':
        this.#runnable += 1;
        if (lane.waiting === 1) this.#ready.push(lane);
        return;
      default:
        unreachable(lane.state);
    }
  }

  /** Takes the ready lane with the oldest head and makes it busy: the caller takes a run from it. */
  takeOldest(): Lane {
    const lane = this.#ready.pop();
    invariant(lane.state === 'ready', 'only a ready lane stands among the ready');
    lane.state = 'busy';
    this.#runnable -= lane.waiting;
    return lane;
  }

  /** Ends a busy lane's run: what waits in it is ready again, and without any it is gone. */
  release(lane: Lane): void {
    invariant(lane.state === 'busy', 'only a busy lane is released');
    lane.state = 'ready';
    if (lane.waiting > 0) {
      this.#runnable += lane.waiting;
      this.#ready.push(lane);
      return;
    }
    this.#keyed[lane.handler]!.delete(lane.key);
  }

  #laneOf(handler: number, key: string | null): Lane {
    switch (this.#order) {
      case 'none':
        return this.free;
      case 'key':
        return key === null ? this.free : this.#keyedLane(handler, key);
      case 'global':
        return this.#keyedLane(0, '');
      default:
        return unreachable(this.#order);
    }
  }

  #keyedLane(handler: number, key: string): Lane {
    const lanes = this.#keyed[handler]!;
    let lane = lanes.get(key);
    if (lane === undefined) {
      lane = new Lane({ handler, key, state: 'ready' });
      lanes.set(key, lane);
    }
    return lane;
  }
}
