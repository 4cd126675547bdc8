// The lanes that could run now, oldest waiting event first: a binary heap over the sequence of each lane's head.
// A lane stands in it once, and its head does not change while it does.

import type { Lane } from './lane.js';

export class ReadyLanes {
  readonly #heap: Lane[] = [];

  get count(): number {
    return this.#heap.length;
  }

  /** Sequence of the oldest event of all. */
  get oldestSequence(): number {
    return this.#heap.length === 0 ? Number.POSITIVE_INFINITY : this.#heap[0]!.headSequence;
  }

  /** The lane with the oldest head, or null. */
  get oldest(): Lane | null {
    return this.#heap[0] ?? null;
  }

  push(lane: Lane): void {
    const heap = this.#heap;
    const sequence = lane.headSequence;
    let index = heap.length;
    heap.push(lane);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent]!;
      if (above.headSequence <= sequence) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = lane;
  }

  /** Takes the lane with the oldest head; call it only while `count` is above 0. */
  pop(): Lane {
    const heap = this.#heap;
    const oldest = heap[0]!;
    const last = heap.pop()!;
    if (heap.length > 0) this.#sink(last);
    return oldest;
  }

  /** Finds the place of a lane that stood last, from the top down. */
  #sink(lane: Lane): void {
    const heap = this.#heap;
    const sequence = lane.headSequence;
    const { length } = heap;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= length) break;
      if (child + 1 < length && heap[child + 1]!.headSequence < heap[child]!.headSequence) child += 1;
      const below = heap[child]!;
      if (below.headSequence >= sequence) break;
      heap[index] = below;
      index = child;
    }
    heap[index] = lane;
  }
}
