// Lanes that have events and may not run: their next try is not due yet, their handler's breaker is open, or somebody
// has paused them. It knows which of
// them goes on first, and how much of the memory they hold. Their states are Lanes' to write.

import type { Lane } from './lane.js';
import { LaneHeap } from './lane-heap.js';
import type { Slot } from './ring-buffer.js';

export class StuckLanes {
  /** By the time at which their heads are due. */
  readonly #delayed = new LaneHeap();
  /** By handler; each by the sequence of its heads. Behind an open breaker there may be as many as there are slots. */
  readonly #gated: LaneHeap[];
  /** By the sequence of their heads. */
  readonly #paused = new LaneHeap();
  #delayedEvents = 0;
  #events = 0;
  #bytes = 0;

  constructor(handlerCount: number) {
    this.#gated = Array.from({ length: handlerCount }, () => new LaneHeap());
  }

  addHandler(): void {
    this.#gated.push(new LaneHeap());
  }

  /** Events that wait in delayed lanes. */
  get delayedEvents(): number {
    return this.#delayedEvents;
  }

  /** Events that wait in any of them. */
  get events(): number {
    return this.#events;
  }

  /** Size of these events. */
  get bytes(): number {
    return this.#bytes;
  }

  /** When the first delayed lane is due; infinity when there is none. */
  get nextDueMs(): number {
    return this.#delayed.leastRank;
  }

  /** Takes in a lane whose head is not due yet. */
  delay(lane: Lane, dueMs: number): void {
    this.#delayed.push(lane, dueMs);
    this.#count(lane, 1);
  }

  /** Takes in a lane whose head waits for a handler that is paused. */
  gate(lane: Lane, { handler, sequence }: Slot): void {
    this.#gated[handler]!.push(lane, sequence);
    this.#count(lane, 1);
  }

  /** Takes in a lane whose head is paused. */
  pause(lane: Lane, { sequence }: Slot): void {
    this.#paused.push(lane, sequence);
    this.#count(lane, 1);
  }

  /** Takes in that an event has come to the end of one of them. */
  joined(lane: Lane, slot: Slot): void {
    if (lane.state === 'delayed') this.#delayedEvents += 1;
    this.#events += 1;
    this.#bytes += slot.size;
  }

  /** Takes in that an event of one of them has another size than the one whose place it took. */
  resized(byBytes: number): void {
    this.#bytes += byBytes;
  }

  /** Takes out the lane that is due first. */
  popDue(): Lane {
    const lane = this.#delayed.pop();
    this.#count(lane, -1);
    return lane;
  }

  /** The lane with the oldest head that waits for a paused handler; null when there is none. */
  oldestGated(handler: number): Lane | null {
    return this.#gated[handler]!.least;
  }

  /** Takes out the lanes that wait for a handler. */
  popGated(handler: number): Lane[] {
    return this.#pop(this.#gated[handler]!, () => true);
  }

  /** Takes out the lanes that wait for any breaker and whose heads fit. */
  popGatedIf(fits: (head: Slot) => boolean): Lane[] {
    return this.#gated.flatMap((heap) => this.#pop(heap, fits));
  }

  /** Takes out the paused lanes whose heads fit. */
  popPausedIf(fits: (head: Slot) => boolean): Lane[] {
    return this.#pop(this.#paused, fits);
  }

  /** Takes out one of them. */
  delete(lane: Lane): void {
    if (lane.state === 'delayed') this.#delayed.delete(lane);
    else if (lane.state === 'paused') this.#paused.delete(lane);
    else this.#gated[lane.head!.handler]!.delete(lane);
    this.#count(lane, -1);
  }

  /** Takes out many of them, at the cost of one look at all. */
  deleteAll(lanes: ReadonlySet<Lane>): void {
    for (const heap of [this.#delayed, this.#paused, ...this.#gated]) heap.deleteAll((lane) => lanes.has(lane));
    for (const lane of lanes) this.#count(lane, -1);
  }

  /** Lanes of single events of a handler that have no order. */
  alone(handler: number): Lane[] {
    return this.all().filter(({ key, head }) => key === null && head!.handler === handler);
  }

  /** All of them, in no order. */
  all(): Lane[] {
    return [this.#delayed, this.#paused, ...this.#gated].flatMap(({ lanes }) => lanes);
  }

  #pop(heap: LaneHeap, fits: (head: Slot) => boolean): Lane[] {
    const lanes = heap.deleteAll(({ head }) => fits(head!));
    for (const lane of lanes) this.#count(lane, -1);
    return lanes;
  }

  #count(lane: Lane, sign: 1 | -1): void {
    if (lane.state === 'delayed') this.#delayedEvents += sign * lane.waiting;
    this.#events += sign * lane.waiting;
    this.#bytes += sign * lane.bytes;
  }
}
