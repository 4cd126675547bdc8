// Lanes of which events wait in the store instead of in memory: behind a dead letter that stops them, or because they
// may not run for a while and memory is needed. New events of such a lane follow the others there. Of events without an
// order, each goes by itself, and nothing follows it.

import { handlerResult } from '../handler.js';
import type { Breakers } from './breakers.js';
import type { Departures } from './departures.js';
import type { OwedPlace } from './histories.js';
import type { Lane } from './lane.js';
import type { Lanes } from './lanes.js';
import type { Pauses } from './pauses.js';
import { pausedLookMs, Returns } from './returns.js';
import type { RingBuffer, Slot } from './ring-buffer.js';

/** A lane that stopped, and the dead letter it stopped behind. */
export interface ParkedBy {
  readonly lane: Lane;
  readonly partition: number;
  readonly position: number;
  readonly handler: number;
  /** Events of it that were let go, as the store has them already. */
  readonly letGo: number;
}

/** A lane that gave its memory to others, until it may go on. */
export interface SentAway {
  readonly lane: Lane;
  readonly dueMs: number;
  readonly letGo: number;
}

interface Parts {
  readonly lanes: Lanes;
  readonly ring: RingBuffer;
  readonly departures: Departures;
  readonly breakers: Breakers | null;
  readonly pauses: Pauses;
  /** By handler, whether a dead letter stops its lane. */
  readonly parks: readonly boolean[];
}

export class Away {
  readonly #lanes: Lanes;
  readonly #ring: RingBuffer;
  readonly #departures: Departures;
  readonly #breakers: Breakers | null;
  readonly returns: Returns;
  readonly #parks: boolean[];
  #aside: Slot[] = [];
  #unstored = 0;
  /** Handlers that went. */
  readonly #closed = new Set<number>();
  #abandoned = 0;
  /** Events in memory that wait in the store as well, until they have their outcomes. */
  readonly #recalled = new Set<string>();
  #parked: ParkedBy[] = [];

  constructor({ lanes, ring, departures, breakers, pauses, parks }: Parts) {
    this.returns = new Returns({ lanes, ring, breakers, pauses });
    this.#lanes = lanes;
    this.#ring = ring;
    this.#departures = departures;
    this.#breakers = breakers;
    this.#parks = [...parks];
  }

  addHandler({ parks }: { parks: boolean }): void {
    this.#parks.push(parks);
  }

  /** Events on their way to the store. */
  get unstored(): number {
    return this.#unstored;
  }

  /** An event has its outcome, or is where it is to wait. */
  confirmed(slot: Slot): void {
    if (slot.state === 'aside') this.#unstored -= 1;
    if (slot.recalledFrom !== null) this.#recalled.delete(identityOf(slot));
  }

  /** Events that are to wait in the store, in the order in which they came there; their slots are confirmed later. */
  takeAside(): readonly Slot[] {
    return this.#aside.length === 0 ? this.#aside : this.#aside.splice(0);
  }

  /** Lanes that stopped since the last call. */
  takeParked(): readonly ParkedBy[] {
    return this.#parked.length === 0 ? this.#parked : this.#parked.splice(0);
  }

  /** Makes a lane of which events wait in the store, before any of them comes: new ones follow them there. */
  holdLane(handler: number, key: string): Lane {
    const lane = this.#lanes.laneOf(Math.max(0, handler), key);
    if (lane.state !== 'free') this.#sendAway(lane);
    return lane;
  }

  /**
   * Has what waits of a handler wait in the store, for good, and so what comes. What runs is finished, and waits there
   * if it is to be tried again.
   */
  close(handler: number): void {
    this.#closed.add(handler);
    this.#closeAgain(handler);
  }

  #closeAgain(handler: number): void {
    if (!this.#closed.has(handler)) return;
    for (const lane of this.#lanes.idleOf(handler)) {
      this.#abandoned += this.#sendAway(lane);
      this.#lanes.forget(lane);
    }
  }

  /** Events of handlers that went, which were let go as the store had them. */
  get abandoned(): number {
    return this.#abandoned;
  }

  /** Whether a handler went, and nothing of it starts any more. */
  isClosed(handler: number): boolean {
    return this.#closed.size > 0 && this.#closed.has(handler);
  }

  /** Has an event wait in the store where others of its lane do, or its handler went; says whether it has. */
  takes(lane: Lane, slot: Slot): boolean {
    const isClosed = this.isClosed(slot.handler);
    // Behind a run that has not ended it keeps its place: all of the lane is sent away together once that has.
    if (!lane.isAway && (!isClosed || lane.state === 'busy')) return false;
    slot.lane = lane;
    this.setAside(slot);
    if (isClosed && lane.state !== 'busy') this.#lanes.forget(lane);
    return true;
  }

  /** Everything that waited in the store is in memory again. */
  comeBack(lane: Lane): void {
    this.#lanes.comeBack(lane);
  }

  /**
   * Takes lanes that may not run out of memory while they hold more than half of it, slots or bytes, until they hold a
   * quarter: those first that go on last. Gives those of keys, each with the time at which it is to come back; events
   * without an order are only set aside, those that go on first before the others.
   */
  relieve(nowMs: number): SentAway[] {
    if (!this.#ring.isNearlyFull) return [];
    this.#lanes.gateFree();
    this.#lanes.refill(nowMs);
    const left = this.returns.idle;
    if (!this.returns.isShare(left, 2)) return [];
    const gone = new Map<Lane, number>();
    for (const { lane, dueMs } of this.#lastFirst(nowMs)) {
      if (!this.returns.isShare(left, 4)) break;
      gone.set(lane, dueMs);
      left.events -= lane.waiting;
      left.bytes -= lane.bytes;
    }
    this.#lanes.takeOut(new Set(gone.keys()));
    for (const lane of [...gone.keys()].reverse()) if (lane.key === null) this.#sendAway(lane);
    const ofKeys = [...gone].filter(([{ key }]) => key !== null);
    return ofKeys.map(([lane, dueMs]) => ({ lane, dueMs, letGo: this.#sendAway(lane) }));
  }

  /** Takes in that an event that waits in the store comes into memory; false when it is there already. */
  recall(of: OwedPlace): boolean {
    const identity = identityOf(of);
    if (this.#recalled.has(identity)) return false;
    this.#recalled.add(identity);
    return true;
  }

  /** Has an event wait in the store. */
  setAside(slot: Slot): void {
    slot.state = 'aside';
    this.#unstored += 1;
    this.#aside.push(slot);
  }

  /** Takes in what came of a batch: stops the lanes of dead letters whose handlers say so. */
  settled(slots: readonly Slot[], results: Uint8Array): void {
    for (let index = 0; index < slots.length; index += 1) {
      if (results[index] !== handlerResult.failed) continue;
      const { lane, handler, partition, position } = slots[index]!;
      if (!this.#parks[handler] || lane === null || lane.key === null) continue;
      // It is gone if nothing waited in it.
      const stopped = this.#lanes.laneOf(Math.max(0, lane.handler), lane.key);
      this.#parked.push({ lane: stopped, partition, position, handler, letGo: this.#sendAway(stopped) });
    }
    if (this.#closed.size > 0) for (const handler of new Set(slots.map(handlerOf))) this.#closeAgain(handler);
  }

  /** Lanes that may not run, those first that go on last. */
  #lastFirst(nowMs: number): { lane: Lane; dueMs: number }[] {
    const stuck = this.#lanes.stuck.all().map((lane) => {
      if (lane.state === 'delayed') return { lane, dueMs: lane.rank };
      if (lane.state === 'paused') return { lane, dueMs: nowMs + pausedLookMs };
      return { lane, dueMs: this.#breakers!.lookAgainMs(lane.head!.handler, nowMs) };
    });
    const lanes = [...stuck, ...this.#lanes.spentLanes()];
    return lanes.sort((a, b) => b.dueMs - a.dueMs || b.lane.headSequence - a.lane.headSequence);
  }

  /**
   * Takes what waits of a lane out of memory; what the store has already is let go at once, and counted. An event
   * without an order is sent once more instead, as the store is to put it where it comes back in time.
   */
  #sendAway(lane: Lane): number {
    let letGo = 0;
    for (const slot of this.#lanes.sendAway(lane)) {
      if (slot.deaths !== null) this.#departures.countSuspect(-1);
      if (slot.recalledFrom !== null && lane.key !== null) {
        this.#recalled.delete(identityOf(slot));
        this.#ring.release(slot);
        letGo += 1;
      } else {
        this.setAside(slot);
      }
    }
    return letGo;
  }
}

const handlerOf = ({ handler }: Slot): number => handler;

function identityOf({ partition, position, handler }: OwedPlace): string {
  return `${partition}/${position}/${handler}`;
}
