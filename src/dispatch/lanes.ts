// All lanes that are alive: made when their first event comes, gone when they are empty and nothing of theirs is in
// flight or in the store. It decides where a lane stands, and is the only writer of its state.

import { invariant, unreachable } from '../invariant.js';
import type { OrderMode } from '../options.js';
import { Lane } from './lane.js';
import { LaneHeap } from './lane-heap.js';
import { LaneMap } from './lane-map.js';
import { noDue, type Slot } from './ring-buffer.js';
import { StuckLanes } from './stuck-lanes.js';

export class Lanes {
  readonly #map: LaneMap;
  /** Events that need no order; in no heap. */
  readonly free: Lane;
  /** By the sequence of their heads. */
  readonly #ready = new LaneHeap();
  /** Likewise. */
  readonly #doubted = new LaneHeap();
  /** Delayed and gated. */
  readonly #stuck: StuckLanes;
  readonly #paused = new Set<number>();
  #runnable = 0;

  constructor(of: { order: OrderMode; handlerCount: number }) {
    this.#map = new LaneMap(of);
    this.free = this.#map.free;
    this.#stuck = new StuckLanes(of.handlerCount);
  }

  /** Lanes with events waiting or in flight; the free lane does not count. */
  get live(): number {
    return this.#map.live;
  }

  /** Lanes that could give a run now; the free lane does not count. */
  get ready(): number {
    return this.#ready.count;
  }

  /** Events that wait in lanes that could give a run now, the free lane included. */
  get runnable(): number {
    return this.#runnable + this.free.waiting;
  }

  /** Events that wait in delayed lanes. */
  get delayedEvents(): number {
    return this.#stuck.delayedEvents;
  }

  /** What waits in lanes that are delayed or gated: how many events, and their size. */
  get stuck(): { readonly events: number; readonly bytes: number } {
    return this.#stuck;
  }

  /** When the first delayed lane is due; infinity when there is none. */
  get nextDueMs(): number {
    return this.#stuck.nextDueMs;
  }

  /** Sequence of the oldest event among the ready lanes; the free lane does not count. */
  get oldestSequence(): number {
    return this.#ready.leastRank;
  }

  /** The event that waits longest of all that could run now; null when there is none. */
  get oldest(): Slot | null {
    const free = this.freeHead;
    if (free !== null && free.sequence < this.#ready.leastRank) return free;
    return this.#ready.least?.head ?? null;
  }

  /** The oldest event that waits for a fresh thread; null when none does. */
  get oldestDoubted(): Slot | null {
    return this.#doubted.least?.head ?? null;
  }

  /** The oldest event of the free lane that could run now. */
  get freeHead(): Slot | null {
    if (this.#paused.size > 0) this.gateFree();
    return this.free.head;
  }

  /** Has the oldest events of the free lane wait apart that are for a paused handler. */
  gateFree(): void {
    while (this.free.head !== null && this.#paused.has(this.free.head.handler)) this.#appendAlone(this.free.shift());
  }

  /** The lane of a handler and a key, if it lives. */
  find(handler: number, key: string | null): Lane | null {
    return this.#map.find(handler, key);
  }

  /** The lane an event belongs to, made if it is new. */
  laneOf(handler: number, key: string | null): Lane {
    return this.#map.laneOf(handler, key);
  }

  /** Puts an event at the end of its lane. */
  append(lane: Lane, slot: Slot): void {
    if (lane.state === 'free' && slot.dueMs !== noDue) {
      this.#appendAlone(slot);
      return;
    }
    slot.lane = lane;
    lane.append(slot);
    switch (lane.state) {
      case 'doubted':
      case 'free':
      case 'busy':
        return;
      case 'ready':
        this.#runnable += 1;
        return;
      case 'delayed':
      case 'gated':
        this.#stuck.joined(lane, slot);
        return;
      case 'held':
        this.#place(lane);
        return;
      default:
        unreachable(lane.state);
    }
  }

  /** Puts an event that was taken back in front of its lane; the last one taken goes back first. */
  putBack(slot: Slot): void {
    const lane = slot.lane!;
    invariant(lane.state === 'free' || lane.state === 'busy', 'an event goes back where it was taken from');
    if (lane.state === 'free' && (slot.dueMs !== noDue || slot.isDoubted)) this.#appendAlone(slot);
    else lane.putBack(slot);
  }

  /** Takes the ready lane with the oldest head and makes it busy: the caller takes a run from it. */
  takeOldest(): Lane {
    const lane = this.#ready.pop();
    invariant(lane.state === 'ready', 'only a ready lane stands among the ready');
    this.#runnable -= lane.waiting;
    lane.state = 'busy';
    return lane;
  }

  /** The same for the doubted lane with the oldest head. */
  takeDoubted(): Lane {
    const lane = this.#doubted.pop();
    lane.state = 'busy';
    return lane;
  }

  /** Ends a busy lane's run: what waits in it is to run, and without any it is gone. */
  release(lane: Lane): void {
    invariant(lane.state === 'busy', 'only a busy lane is released');
    this.#place(lane);
  }

  /** Lets the lanes run whose heads are due. */
  wake(nowMs: number): void {
    while (this.#stuck.nextDueMs <= nowMs) {
      const lane = this.#stuck.popDue();
      lane.head!.dueMs = noDue;
      this.#place(lane);
    }
  }

  /** Lets no event of a handler run. */
  pause(handler: number): void {
    this.#paused.add(handler);
    for (const lane of this.#ready.deleteAll(({ head }) => head!.handler === handler)) {
      this.#runnable -= lane.waiting;
      this.#place(lane);
    }
    for (const lane of this.#doubted.deleteAll(({ head }) => head!.handler === handler)) this.#place(lane);
  }

  /** Lets events of a handler run again. */
  resume(handler: number): void {
    this.#paused.delete(handler);
    for (const lane of this.#stuck.popGated(handler)) this.#place(lane);
  }

  /** Of the lanes that wait for a paused handler, the one with the oldest head; null when there is none. */
  oldestGated(handler: number): Lane | null {
    this.gateFree();
    return this.#stuck.oldestGated(handler);
  }

  /** Makes a gated lane busy: the caller takes its head. */
  takeGated(lane: Lane): void {
    invariant(lane.state === 'gated', 'only a gated lane is taken like this');
    this.#stuck.delete(lane);
    lane.state = 'busy';
  }

  /** Lets new events of a lane go to the store, and takes out those that wait; gives them in their order. */
  sendAway(lane: Lane): Slot[] {
    this.#unplace(lane);
    const slots: Slot[] = [];
    while (lane.head !== null) slots.push(lane.shift());
    lane.state = 'held';
    lane.isAway = true;
    return slots;
  }

  /** Everything of a lane that was away is in memory: new events join it there. */
  comeBack(lane: Lane): void {
    lane.isAway = false;
    if (lane.state === 'held') this.#place(lane);
  }

  /** Takes one event out of the lane it waits in. */
  delete(slot: Slot): void {
    const lane = slot.lane!;
    if (lane.state === 'free' || lane.state === 'busy') {
      lane.delete(slot);
      return;
    }
    this.#unplace(lane);
    lane.delete(slot);
    this.#place(lane);
  }

  /** Delayed and gated lanes of keys, in no order. */
  stuckOfKeys(): Lane[] {
    return this.#stuck.ofKeys();
  }

  /** Takes such lanes out of where they stand, all at once: the caller sends them away. */
  unstick(lanes: ReadonlySet<Lane>): void {
    this.#stuck.deleteAll(lanes);
    for (const lane of lanes) lane.state = 'held';
  }

  /** Gives an event of no key a lane for itself, where it can wait without the others. */
  #appendAlone(slot: Slot): void {
    const lane = new Lane({ handler: slot.handler, key: null, state: 'held' });
    slot.lane = lane;
    lane.append(slot);
    this.#place(lane);
  }

  /** Finds where a lane that stands nowhere stands from now on. */
  #place(lane: Lane): void {
    const { head } = lane;
    if (head === null) {
      lane.state = 'held';
      if (!lane.isAway) this.#map.forget(lane);
    } else if (head.dueMs !== noDue) {
      lane.state = 'delayed';
      this.#stuck.delay(lane, head.dueMs);
    } else if (this.#paused.size > 0 && this.#paused.has(head.handler)) {
      lane.state = 'gated';
      this.#stuck.gate(lane, head);
    } else if (head.isDoubted) {
      lane.state = 'doubted';
      this.#doubted.push(lane, head.sequence);
    } else {
      lane.state = 'ready';
      this.#runnable += lane.waiting;
      this.#ready.push(lane, head.sequence);
    }
  }

  /** Takes a lane away from where it stands. */
  #unplace(lane: Lane): void {
    switch (lane.state) {
      case 'ready':
        this.#runnable -= lane.waiting;
        this.#ready.delete(lane);
        return;
      case 'delayed':
      case 'gated':
        this.#stuck.delete(lane);
        return;
      case 'doubted':
        this.#doubted.delete(lane);
        return;
      case 'held':
        return;
      default:
        invariant(false, 'a lane in use is not moved');
    }
  }
}
