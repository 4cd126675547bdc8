// All lanes that are alive: made when their first event comes, gone when they are empty and nothing of theirs is in
// flight or in the store. With LanePlaces, which it builds on, it is the only writer of a lane's state.

import { invariant, unreachable } from '../invariant.js';
import type { LaneOrder } from '../policy.js';
import type { AddedHandler } from './dispatcher-options.js';
import type { Lane } from './lane.js';
import { type LaneCounts, LaneMap } from './lane-map.js';
import { LanePlaces } from './lane-places.js';
import { LaneStates } from './lane-states.js';
import type { Pauses } from './pauses.js';
import { noDue, type Slot } from './ring-buffer.js';
import type { Claim, Stand } from './stand.js';

export class Lanes extends LanePlaces {
  readonly #map: LaneMap;

  constructor(of: {
    readonly orders: readonly LaneOrder[];
    readonly claims: readonly Claim[];
    readonly pauses: Pauses;
    readonly states?: LaneStates | null;
  }) {
    const { orders, claims, pauses, states = null } = of;
    super({ claims, pauses, states, isOne: orders.includes('global') });
    this.#map = new LaneMap({ orders, stands: this.stands.byHandler });
  }

  /** Takes in one handler more. */
  addHandler({ order, claim, stateBytesMax: bytesMax }: AddedHandler): void {
    const index = this.#map.addHandler(order, this.addClaim(claim));
    if (this.states !== null) this.states.addHandler({ isStateful: bytesMax !== null });
    else if (bytesMax !== null) {
      const stateful = Array.from({ length: index + 1 }, (_, at) => at === index);
      this.keepStates(new LaneStates({ stateful, bytesMax }));
    }
  }

  counts(): LaneCounts {
    return this.#map.counts();
  }

  /** Lanes that keep an order, in no order themselves. */
  all(): Iterable<Lane> {
    return this.#map.all();
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
      this.appendAlone(slot);
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
        this.standOfLane(lane).waiting += 1;
        return;
      case 'delayed':
      case 'gated':
      case 'paused':
        this.stuck.joined(lane, slot);
        return;
      case 'held':
        this.place(lane);
        return;
      default:
        unreachable(lane.state);
    }
  }

  /** Puts an event in the place of the last one of its lane, where it has the turn that one had. */
  replaceLast(lane: Lane, slot: Slot): void {
    const last = lane.last!;
    [slot.lane, slot.sequence, slot.dueMs] = [lane, last.sequence, last.dueMs];
    lane.replaceLast(slot);
    const isStuck = lane.state === 'delayed' || lane.state === 'gated' || lane.state === 'paused';
    if (isStuck) this.stuck.resized(slot.size - last.size);
  }

  /** Puts an event that was taken back in front of its lane; the last one taken goes back first. */
  putBack(slot: Slot): void {
    const lane = slot.lane!;
    invariant(lane.state === 'free' || lane.state === 'busy', 'an event goes back where it was taken from');
    if (lane.state === 'free' && (slot.dueMs !== noDue || slot.isDoubted)) this.appendAlone(slot);
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
    const lane = this.doubted.pop();
    lane.state = 'busy';
    return lane;
  }

  /** Ends a busy lane's run: what waits in it is to run, and without any it is gone. */
  release(lane: Lane): void {
    invariant(lane.state === 'busy', 'only a busy lane is released');
    this.place(lane);
  }

  /** Lets the lanes run whose heads are due, and as many tries start as rates allow by now. */
  wake(nowMs: number): void {
    this.nowMs = nowMs;
    this.refill(nowMs);
    while (this.stuck.nextDueMs <= nowMs) {
      const lane = this.stuck.popDue();
      lane.head!.dueMs = noDue;
      this.place(lane);
    }
  }

  /** Makes a gated lane busy: the caller takes its head. */
  takeGated(lane: Lane): void {
    invariant(lane.state === 'gated', 'only a gated lane is taken like this');
    this.stuck.delete(lane);
    lane.state = 'busy';
  }

  /** Lets new events of a lane go to the store, and takes out those that wait; gives them in their order. */
  sendAway(lane: Lane): Slot[] {
    this.unplace(lane);
    const slots: Slot[] = [];
    while (lane.head !== null) slots.push(lane.shift());
    this.states?.rest(lane);
    lane.state = 'held';
    lane.isAway = true;
    return slots;
  }

  /**
   * The lanes of a handler that has its own and that no batch has a run of: of keys, and of single events without an
   * order, which no longer wait with those of other handlers.
   */
  idleOf(handler: number): Lane[] {
    const { free } = this.standOf(handler);
    const others: Slot[] = [];
    while (free.head !== null) {
      const slot = free.shift();
      if (slot.handler === handler) this.appendAlone(slot);
      else others.push(slot);
    }
    for (const slot of others) free.append(slot);
    const ready = this.standOf(handler).lanes.lanes;
    const alone = [...ready, ...this.doubted.lanes].filter(
      ({ key, head }) => key === null && head!.handler === handler,
    );
    const ofKeys = this.#map.of(handler).filter(({ state }) => state !== 'busy');
    return [...ofKeys, ...alone, ...this.stuck.alone(handler)];
  }

  /** Nothing follows what went away of a lane. */
  forget(lane: Lane): void {
    lane.isAway = false;
    this.#map.forget(lane);
  }

  /** Everything of a lane that was away is in memory: new events join it there. */
  comeBack(lane: Lane): void {
    lane.isAway = false;
    if (lane.state === 'held') this.place(lane);
  }

  /** Takes one event out of the lane it waits in. */
  delete(slot: Slot): void {
    const lane = slot.lane!;
    if (lane.state === 'free' || lane.state === 'busy') {
      lane.delete(slot);
      return;
    }
    this.unplace(lane);
    lane.delete(slot);
    this.place(lane);
  }

  /** Takes lanes that are stuck or ready out of where they stand, all at once: the caller sends them away. */
  takeOut(lanes: ReadonlySet<Lane>): void {
    const ready = new Set(this.takeReady(this.stands.spent, (lane) => lanes.has(lane)));
    this.stuck.deleteAll(new Set([...lanes].filter((lane) => !ready.has(lane))));
    for (const lane of lanes) {
      lane.state = 'held';
      this.states?.rest(lane);
    }
  }

  protected override emptied(lane: Lane): void {
    if (!lane.isAway) this.#map.forget(lane);
  }
}
