// All lanes that are alive: made when their first event comes, gone when they are empty and nothing of theirs is in
// flight or in the store. It decides where a lane stands, and is the only writer of its state.

import { invariant, unreachable } from '../invariant.js';
import type { KeyState } from '../keyed-state.js';
import type { LaneOrder } from '../policy.js';
import { Lane } from './lane.js';
import { LaneFigures } from './lane-figures.js';
import { LaneHeap } from './lane-heap.js';
import { LaneMap } from './lane-map.js';
import type { LaneStates, StateWish } from './lane-states.js';
import { noDue, type Slot } from './ring-buffer.js';
import type { Claim, Stand } from './stand.js';
import { Stands } from './stands.js';
import { StuckLanes } from './stuck-lanes.js';

export class Lanes extends LaneFigures {
  readonly #map: LaneMap;
  readonly #stands: Stands;
  /** By the sequence of their heads. */
  readonly #doubted = new LaneHeap();
  /** Delayed and gated. */
  readonly #stuck: StuckLanes;
  readonly #paused = new Set<number>();
  /** Null where no handler keeps state. */
  readonly #states: LaneStates | null;

  constructor(of: { orders: readonly LaneOrder[]; claims: readonly Claim[]; states?: LaneStates | null }) {
    const stands = new Stands(of.claims, { isOne: of.orders.includes('global') });
    const map = new LaneMap({ orders: of.orders, stands: stands.byHandler });
    const stuck = new StuckLanes(of.claims.length);
    super({ map, stands, stuck });
    [this.#map, this.#stands, this.#stuck, this.#states] = [map, stands, stuck, of.states ?? null];
  }

  /** Where the event stands that is to run next; null when none can run. */
  get first(): Stand | null {
    this.gateFree();
    return this.#stands.first;
  }

  /** The same of the events that need no order. */
  get firstFree(): Stand | null {
    this.gateFree();
    return this.#stands.firstFree;
  }

  standOf(handler: number): Stand {
    return this.#stands.byHandler[handler]!;
  }

  /** The event that is to run next; null when none can run. */
  get oldest(): Slot | null {
    return this.first?.oldest ?? null;
  }

  /** The oldest event that waits for a fresh thread; null when none does. */
  get oldestDoubted(): Slot | null {
    return this.#doubted.least?.head ?? null;
  }

  /** Has the oldest events of free lanes wait apart that are for a paused handler. */
  gateFree(): void {
    if (this.#paused.size === 0) return;
    for (const { free } of this.#stands.all) {
      while (free.head !== null && this.#paused.has(free.head.handler)) this.#appendAlone(free.shift());
    }
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
      case 'cold':
      case 'free':
      case 'busy':
        return;
      case 'ready':
        this.#standOfLane(lane).waiting += 1;
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

  /** Takes the ready lane of a stand with the oldest head and makes it busy: the caller takes a run from it. */
  takeOldest(stand: Stand): Lane {
    const lane = stand.lanes.pop();
    invariant(lane.state === 'ready', 'only a ready lane stands among the ready');
    stand.waiting -= lane.waiting;
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
    const stand = this.standOf(handler);
    for (const lane of stand.lanes.deleteAll(({ head }) => head!.handler === handler)) {
      stand.waiting -= lane.waiting;
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
    this.#states?.rest(lane);
    lane.state = 'held';
    lane.isAway = true;
    return slots;
  }

  /** Everything of a lane that was away is in memory: new events join it there. */
  comeBack(lane: Lane): void {
    lane.isAway = false;
    if (lane.state === 'held') this.#place(lane);
  }

  /** Takes in what the store says of lanes that are cold. */
  warm(wish: StateWish, found: readonly (KeyState | null)[]): void {
    for (const lane of this.#states?.answer(wish, found) ?? []) this.#place(lane);
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

  /** Delayed and gated lanes, in no order. */
  stuckLanes(): Lane[] {
    return this.#stuck.all();
  }

  /** Takes such lanes out of where they stand, all at once: the caller sends them away. */
  unstick(lanes: ReadonlySet<Lane>): void {
    this.#stuck.deleteAll(lanes);
    for (const lane of lanes) {
      lane.state = 'held';
      this.#states?.rest(lane);
    }
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
      if (lane.keyState !== undefined) this.#states?.rest(lane);
      if (!lane.isAway) this.#map.forget(lane);
    } else if (head.dueMs !== noDue) {
      lane.state = 'delayed';
      this.#stuck.delay(lane, head.dueMs);
    } else if (this.#states?.isMissing(lane)) {
      lane.state = 'cold';
      this.#states.chill(lane);
    } else if (this.#paused.size > 0 && this.#paused.has(head.handler)) {
      lane.state = 'gated';
      this.#stuck.gate(lane, head);
    } else if (head.isDoubted) {
      lane.state = 'doubted';
      this.#doubted.push(lane, head.sequence);
    } else {
      lane.state = 'ready';
      const stand = this.#standOfLane(lane);
      stand.waiting += lane.waiting;
      stand.lanes.push(lane, head.sequence);
    }
  }

  /** A lane has the events of one handler, or all handlers share one stand. */
  #standOfLane(lane: Lane): Stand {
    return this.standOf(Math.max(0, lane.handler));
  }

  /** Takes a lane away from where it stands. */
  #unplace(lane: Lane): void {
    switch (lane.state) {
      case 'ready':
        this.#standOfLane(lane).waiting -= lane.waiting;
        this.#standOfLane(lane).lanes.delete(lane);
        return;
      case 'delayed':
      case 'gated':
        this.#stuck.delete(lane);
        return;
      case 'doubted':
        this.#doubted.delete(lane);
        return;
      case 'cold':
        this.#states?.leave(lane);
        return;
      case 'held':
        return;
      default:
        invariant(false, 'a lane in use is not moved');
    }
  }
}
