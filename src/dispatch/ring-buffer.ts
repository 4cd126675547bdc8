// The bounded intake between publishers or sources and the lanes: a fixed number of slots, made once and used again
// and again, so that accepting an event allocates nothing here. Free slots form the ring: a slot is taken at its head
// and comes back at its tail when its event is durable, in whatever order events become durable. So one slow event
// holds one slot, never the ring. It does not know lanes or order; it counts slots and sizes.

import { type EncodedEvent, sizeOf } from '../event.js';
import { invariant } from '../invariant.js';
import type { LaneName } from '../store-lanes.js';
import type { Lane } from './lane.js';

/**
 * Where the event of a slot is on its path. Written by the Dispatcher, and `free` by the RingBuffer. `aside`: it is on
 * its way to the store, where it will wait; `settled`: it is decided.
 */
export type SlotState = 'free' | 'buffered' | 'in-flight' | 'aside' | 'settled';

/** `dueMs` of an event that can run at any time. */
export const noDue = -1;

/** `acceptedMs` of an event of which nobody knows. */
export const notMeasured = -1;

/** `run` of an event that no other of its batch has to wait for. */
export const noRun = -1;

/** The place of one accepted event, for one of its handlers, from admission to its durable outcome. */
export class Slot {
  state: SlotState = 'free';
  /** Number in order of admission in this process. */
  sequence = 0;
  partition = 0;
  position = 0;
  handler = 0;
  /** The try the event is in or waits for, counted from 1. */
  attempt = 1;
  /** Tries that its handler had postponed; they are not counted in `attempt`. */
  postponed = 0;
  /** When its next try is due, by the pump's clock; noDue when it need not wait. */
  dueMs = noDue;
  /** What its last try failed with, in short; null when that is not known. */
  problem: string | null = null;
  /** Which run of its batch it is in; noRun for one that no other of the batch has to wait for. */
  run = 0;
  /** The lane of the store that it came from, where it waits until it has its outcome; no watermark waits for it. */
  recalledFrom: LaneName | null = null;
  /** The lane of the store that it is sent to, if it has no order. Written by the Settlement. */
  sentTo: LaneName | null = null;
  /** Deaths of the process it is charged with; null when it is no suspect. Written by the Dispatcher. */
  deaths: number | null = null;
  /** Whether its thread died while it ran, and it is not known of what: it runs next on a fresh one. Likewise. */
  isDoubted = false;
  /** Whether the store has decided it by itself: it waits there no more, nor will it. Written by Cancellations. */
  isDecidedInStore = false;
  /** Whether it was a dead letter, and is run again. Written by the Dispatcher. */
  isRedriven = false;
  event: EncodedEvent | null = null;
  size = 0;
  /** When it was accepted, by the pump's clock; notMeasured where that is not known. */
  acceptedMs = notMeasured;
  /** The lane it waits in or runs for; null while the slot is free. Written by Lanes and RingBuffer. */
  lane: Lane | null = null;
  /** The next event of its lane. Written by Lane. */
  next: Slot | null = null;
  /** Neighbours in its partition, in order of admission. Written by Watermarks. */
  older: Slot | null = null;
  newer: Slot | null = null;

  /** The lane of the store that it is on its way to. */
  get asideLane(): LaneName {
    return this.sentTo ?? { handler: this.lane!.handler, key: this.lane!.key! };
  }
}

/** Whether an event was in a thread that did not put it back untouched, or may have been, or is decided elsewhere. */
export function wasTried({ attempt, postponed, deaths, isDoubted, isDecidedInStore, isRedriven }: Slot): boolean {
  return attempt > 1 || postponed > 0 || deaths !== null || isDoubted || isDecidedInStore || isRedriven;
}

export class RingBuffer {
  readonly capacity: number;
  readonly bytesMax: number;
  readonly #all: readonly Slot[];
  readonly #free: Slot[];
  /** Slots free at which it is nearly full. */
  #roomLow = 0;
  #head = 0;
  #room: number;
  #bytes = 0;

  /** @param limits `widest`: the most handlers that one event may be owed to. */
  constructor(limits: { capacity: number; bytesMax: number; widest: number }) {
    this.capacity = limits.capacity;
    this.widen(limits.widest);
    this.bytesMax = limits.bytesMax;
    this.#room = limits.capacity;
    this.#all = Array.from({ length: limits.capacity }, () => new Slot());
    this.#free = [...this.#all];
  }

  /** An event may be owed to so many handlers from here on. */
  widen(widest: number): void {
    this.#roomLow = Math.max(this.capacity / 8, widest - 1);
  }

  /** Slots that are free. */
  get room(): number {
    return this.#room;
  }

  /** Slots that are taken. */
  get held(): number {
    return this.capacity - this.#room;
  }

  /** Size of the events held, by `sizeOf`. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether slots or bytes are taken but for an eighth, or an event may have no room. */
  get isNearlyFull(): boolean {
    return this.#room <= this.#roomLow || this.#bytes >= this.bytesMax * (7 / 8);
  }

  /** Whether one more event may come. Its size counts once it is in: bytes pass their limit by one event at most. */
  get isOpen(): boolean {
    return this.#room > 0 && this.#bytes < this.bytesMax;
  }

  /** Takes a free slot for the event. Call it only while `isOpen`. */
  take(event: EncodedEvent): Slot {
    invariant(this.#room > 0, 'a slot is taken only when one is free');
    const slot = this.#free[this.#head]!;
    this.#head = this.#head + 1 === this.capacity ? 0 : this.#head + 1;
    this.#room -= 1;
    slot.event = event;
    slot.size = sizeOf(event);
    this.#bytes += slot.size;
    return slot;
  }

  taken(): readonly Slot[] {
    return this.held === 0 ? [] : this.#all.filter(({ state }) => state !== 'free');
  }

  /** Finds the event with this identity or id among those held, once for each handler. It looks at all of them. */
  find(of: { partition: number; position: number } | string): readonly Slot[] {
    if (typeof of === 'string') return this.taken().filter(({ event }) => event?.id === of);
    return this.taken().filter(({ partition, position }) => partition === of.partition && position === of.position);
  }

  /** Gives a slot back. */
  release(slot: Slot): void {
    invariant(slot.state !== 'free', 'a slot is released once');
    this.#bytes -= slot.size;
    slot.state = 'free';
    slot.event = null;
    slot.lane = null;
    slot.size = 0;
    slot.attempt = 1;
    slot.postponed = 0;
    slot.dueMs = noDue;
    slot.problem = null;
    slot.recalledFrom = null;
    slot.sentTo = null;
    slot.deaths = null;
    slot.isDoubted = false;
    slot.isDecidedInStore = false;
    slot.isRedriven = false;
    const tail = this.#head + this.#room;
    this.#free[tail >= this.capacity ? tail - this.capacity : tail] = slot;
    this.#room += 1;
  }
}
