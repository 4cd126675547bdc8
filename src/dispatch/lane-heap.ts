// Lanes, or the like, in the order of a rank that each is given: a binary heap, least rank first. One stands in at
// most one heap, so its rank is kept in itself, where comparing is cheap.

import type { Lane } from './lane.js';

export class LaneHeap<Of extends { rank: number } = Lane> {
  readonly #heap: Of[] = [];

  get count(): number {
    return this.#heap.length;
  }

  /** The least rank of all. */
  get leastRank(): number {
    return this.#heap.length === 0 ? Number.POSITIVE_INFINITY : this.#heap[0]!.rank;
  }

  /** The lane with the least rank, or null. */
  get least(): Of | null {
    return this.#heap[0] ?? null;
  }

  /** All lanes, in no order. */
  get lanes(): readonly Of[] {
    return this.#heap;
  }

  push(lane: Of, rank: number): void {
    const heap = this.#heap;
    lane.rank = rank;
    let index = heap.length;
    heap.push(lane);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent]!;
      if (above.rank <= rank) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = lane;
  }

  /** Takes the lane with the least rank; call it only while `count` is above 0. */
  pop(): Of {
    const heap = this.#heap;
    const least = heap[0]!;
    const last = heap.pop()!;
    if (heap.length > 0) this.#sink(last);
    return least;
  }

  /** Takes a lane out from wherever it stands. Unless that is at the top it looks at all of them: for what is rare. */
  delete(lane: Of): void {
    if (lane === this.least) this.pop();
    else this.#refill(this.#heap.filter((other) => other !== lane));
  }

  /** Takes out all lanes for which `isWanted`; gives them in no order. */
  deleteAll(isWanted: (lane: Of) => boolean): Of[] {
    const wanted = this.#heap.filter(isWanted);
    if (wanted.length > 0) this.#refill(this.#heap.filter((lane) => !isWanted(lane)));
    return wanted;
  }

  #refill(lanes: readonly Of[]): void {
    this.#heap.length = 0;
    for (const lane of lanes) this.push(lane, lane.rank);
  }

  /** Finds the place of a lane that stood last, from the top down. */
  #sink(lane: Of): void {
    const heap = this.#heap;
    const { rank } = lane;
    const { length } = heap;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= length) break;
      if (child + 1 < length && heap[child + 1]!.rank < heap[child]!.rank) child += 1;
      const below = heap[child]!;
      if (below.rank >= rank) break;
      heap[index] = below;
      index = child;
    }
    heap[index] = lane;
  }
}
