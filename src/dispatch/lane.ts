// The FIFO of one live (handler, key): a linked list through the slots of its events, so that it owns no memory of
// its own. It knows order within itself and nothing of other lanes.

import { invariant } from '../invariant.js';
import type { Slot } from './ring-buffer.js';

/**
 * - `ready`: has events and nothing in flight; stands in ReadyLanes.
 * - `busy`: one run is in flight; events may wait behind it.
 * - `free`: no order is kept in it (events without a key, or order `none`): any number of its events run at once.
 */
export type LaneState = 'ready' | 'busy' | 'free';

export class Lane {
  /** Written by Lanes alone. */
  state: LaneState;
  readonly handler: number;
  readonly key: string;
  #head: Slot | null = null;
  #tail: Slot | null = null;
  #waiting = 0;

  constructor(of: { handler: number; key: string; state: LaneState }) {
    this.handler = of.handler;
    this.key = of.key;
    this.state = of.state;
  }

  /** Events that wait in it, not counting those in flight. */
  get waiting(): number {
    return this.#waiting;
  }

  /** The oldest event that waits, or null. */
  get head(): Slot | null {
    return this.#head;
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
  }

  /** Puts an event back in front of all others: the last one taken goes back first. */
  putBack(slot: Slot): void {
    slot.next = this.#head;
    this.#head = slot;
    if (this.#tail === null) this.#tail = slot;
    this.#waiting += 1;
  }

  /** Takes the oldest event. */
  shift(): Slot {
    const slot = this.#head;
    invariant(slot !== null, 'an event is taken only from a lane that has one');
    this.#head = slot.next;
    if (this.#head === null) this.#tail = null;
    slot.next = null;
    this.#waiting -= 1;
    return slot;
  }
}
