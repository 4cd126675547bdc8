// The FIFO of one live (handler, key): a linked list through the slots of its events, so that it owns no memory of
// its own. It knows order within itself and nothing of other lanes.

import { invariant } from '../invariant.js';
import type { KeyState } from '../keyed-state.js';
import type { Slot } from './ring-buffer.js';

/**
 * - `ready`: has events and nothing in flight.
 * - `busy`: one run is in flight; events may wait behind it.
 * - `delayed`: its head has failed and waits for its next try; the others wait behind it.
 * - `gated`: its head is for a handler whose breaker is open.
 * - `paused`: its head is for what somebody has paused by hand.
 * - `doubted`: its head is doubted, and waits for a fresh thread.
 * - `cold`: it waits for the state of its key, which is in the store.
 * - `held`: has nothing in memory, but does in the store, or is stopped behind a dead letter.
 * - `free`: no order is kept in it (events without a key, or order `none`): any number of its events run at once.
 */
export type LaneState = 'ready' | 'busy' | 'delayed' | 'gated' | 'paused' | 'doubted' | 'cold' | 'held' | 'free';

export class Lane {
  // Written by Lanes alone.
  state: LaneState;
  /** Whether new events go to the store, behind those of the lane that wait there. */
  isAway = false;
  /** Of a handler that keeps state: what its key has; undefined while it has no events here. By LaneStates. */
  keyState: KeyState | null | undefined = undefined;
  /** Written by the LaneHeap it stands in. */
  rank = 0;
  /** Index of the handler; -1 where the lane has events of several. */
  readonly handler: number;
  /** Null for the events that have no order among them. */
  readonly key: string | null;
  #head: Slot | null = null;
  #tail: Slot | null = null;
  #waiting = 0;
  #bytes = 0;

  constructor(of: { handler: number; key: string | null; state: LaneState }) {
    this.handler = of.handler;
    this.key = of.key;
    this.state = of.state;
  }

  /** Events that wait in it, not counting those in flight. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Size of the events that wait in it. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The oldest event that waits, or null. */
  get head(): Slot | null {
    return this.#head;
  }

  /** The newest event that waits, or null. */
  get last(): Slot | null {
    return this.#tail;
  }

  /** Sequence of the oldest event that waits. */
  get headSequence(): number {
    return this.#head === null ? Number.POSITIVE_INFINITY : this.#head.sequence;
  }

  /** Adds a new event behind all others. */
  append(slot: Slot): void {
    slot.next = null;
    if (this.#tail === null) this.#head = slot;
    else this.#tail.next = slot;
    this.#tail = slot;
    this.#waiting += 1;
    this.#bytes += slot.size;
  }

  /** Puts an event back in front of all others: the last one taken goes back first. */
  putBack(slot: Slot): void {
    slot.next = this.#head;
    this.#head = slot;
    if (this.#tail === null) this.#tail = slot;
    this.#waiting += 1;
    this.#bytes += slot.size;
  }

  /** Takes the oldest event. */
  shift(): Slot {
    const slot = this.#head;
    invariant(slot !== null, 'an event is taken only from a lane that has one');
    this.#head = slot.next;
    if (this.#head === null) this.#tail = null;
    slot.next = null;
    this.#waiting -= 1;
    this.#bytes -= slot.size;
    return slot;
  }

  /** Puts an event in the place of the newest one that waits. */
  replaceLast(slot: Slot): void {
    const last = this.#tail;
    invariant(last !== null, 'an event takes the place of another only where there is one');
    const before = this.#before(last);
    if (before === null) this.#head = slot;
    else before.next = slot;
    slot.next = null;
    this.#tail = slot;
    this.#bytes += slot.size - last.size;
  }

  /** Takes an event from wherever it stands. */
  delete(slot: Slot): void {
    if (this.#head === slot) {
      this.shift();
      return;
    }
    const before = this.#before(slot);
    invariant(before !== null, 'an event is taken only from the lane it waits in');
    before.next = slot.next;
    if (this.#tail === slot) this.#tail = before;
    slot.next = null;
    this.#waiting -= 1;
    this.#bytes -= slot.size;
  }

  /** The event before one; null when there is none. */
  #before(slot: Slot): Slot | null {
    if (this.#head === slot) return null;
    let before = this.#head;
    while (before !== null && before.next !== slot) before = before.next;
    return before;
  }
}
