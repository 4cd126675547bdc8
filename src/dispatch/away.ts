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

/** How often a lane in the store is looked at that somebody has paused. */
const pausedLookMs = 1000;
/** The same of one of a handler whose rate is spent. */
const spentLookMs = 250;

export class Away {
  readonly #lanes: Lanes;
  readonly #ring: RingBuffer;
  readonly #departures: Departures;
  readonly #breakers: Breakers | null;
  readonly #pauses: Pauses;
  readonly #parks: readonly boolean[];
  #aside: Slot[] = [];
  #unstored = 0;
  /** Events in memory that wait in the store as well, until they have their outcomes. */
  readonly #recalled = new Set<string>();
  #parked: ParkedBy[] = [];

  constructor({ lanes, ring, departures, breakers, pauses, parks }: Parts) {
    this.#lanes = lanes;
    this.#ring = ring;
    this.#departures = departures;
    this.#breakers = breakers;
    this.#pauses = pauses;
    this.#parks = parks;
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
    const left = this.#idle;
    if (!this.#isShare(left, 2)) return [];
    const gone = new Map<Lane, number>();
    for (const { lane, dueMs } of this.#lastFirst(nowMs)) {
      if (!this.#isShare(left, 4)) break;
      gone.set(lane, dueMs);
      left.events -= lane.waiting;
      left.bytes -= lane.bytes;
    }
    this.#lanes.takeOut(new Set(gone.keys()));
    for (const lane of [...gone.keys()].reverse()) if (lane.key === null) this.#sendAway(lane);
    const ofKeys = [...gone].filter(([{ key }]) => key !== null);
    return ofKeys.map(([lane, dueMs]) => ({ lane, dueMs, letGo: this.#sendAway(lane) }));
  }

  /**
   * When a lane of a handler that is due is to come back: not while that is paused and what may not run holds enough of
   * the memory, except for the first behind a breaker, as one event has to show whether the handler is well.
   */
  comeBackMs({ handler, key }: { handler: number; key: string }, nowMs: number): number {
    if (!this.#pauses.isNone && this.#pauses.holds(handler, key)) {
      return this.#isShare(this.#idle, 4) ? nowMs + pausedLookMs : nowMs;
    }
    const isSpent = handler >= 0 && this.#lanes.standOf(handler).isSpent;
    if (isSpent && this.#isShare(this.#idle, 4)) return nowMs + spentLookMs;
    if (this.#breakers === null || handler < 0 || this.#breakers.stateOf(handler) === 'closed') return nowMs;
    if (this.#lanes.oldestGated(handler) === null || !this.#isShare(this.#idle, 4)) return nowMs;
    return this.#breakers.lookAgainMs(handler, nowMs);
  }

  /** When an event of a handler that waits for no time is worth a look again. */
  lookAgainMs(handler: number, nowMs: number): number {
    if (!this.#pauses.isNone && this.#pauses.holds(handler, null)) return nowMs + pausedLookMs;
    return this.#breakers?.lookAgainMs(handler, nowMs) ?? nowMs;
  }

  /** How many events that cannot run yet may come back all the same: until such events hold a quarter of the memory. */
  get roomToWait(): number {
    const idle = this.#idle;
    return this.#isShare(idle, 4) ? 0 : Math.ceil(this.#ring.capacity / 4) - idle.events;
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

  /** Stops the lanes of dead letters whose handlers say so. */
  park(slots: readonly Slot[], results: Uint8Array): void {
    for (let index = 0; index < slots.length; index += 1) {
      if (results[index] !== handlerResult.failed) continue;
      const { lane, handler, partition, position } = slots[index]!;
      if (!this.#parks[handler] || lane === null || lane.key === null) continue;
      // It is gone if nothing waited in it.
      const stopped = this.#lanes.laneOf(Math.max(0, lane.handler), lane.key);
      this.#parked.push({ lane: stopped, partition, position, handler, letGo: this.#sendAway(stopped) });
    }
  }

  /** What may not run for a while; bytes of what waits for its handler's rate are those of an average event. */
  get #idle(): { events: number; bytes: number } {
    const { stuck, spentEvents } = this.#lanes;
    const bytesEach = spentEvents === 0 ? 0 : this.#ring.bytes / this.#ring.held;
    return { events: stuck.events + spentEvents, bytes: stuck.bytes + spentEvents * bytesEach };
  }

  /** Whether so much is at least one part of the memory. */
  #isShare({ events, bytes }: { readonly events: number; readonly bytes: number }, parts: number): boolean {
    return events * parts >= this.#ring.capacity || bytes * parts >= this.#ring.bytesMax;
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

function identityOf({ partition, position, handler }: OwedPlace): string {
  return `${partition}/${position}/${handler}`;
}
