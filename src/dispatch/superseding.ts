// Handlers that want only the newest of what waits: an event that no thread was given yet makes way for a newer one of
// its key. That one stands where the older one stood, so that a key whose events keep coming does not lose its turn.
// What would outlive the process makes way for nothing that would not.

import type { Lane } from './lane.js';
import type { Lanes } from './lanes.js';
import { noDue, type Slot, wasTried } from './ring-buffer.js';

/** Events of a partition from a position on. */
export interface Volatile {
  readonly partition: number;
  readonly positionFirst: number;
}

export class Superseding {
  readonly #lanes: Lanes;
  /** By handler. */
  readonly #isLatest: boolean[];
  readonly #volatile: Volatile | null;
  #superseded: Slot[] = [];

  constructor(lanes: Lanes, { isLatest, volatile }: { isLatest: readonly boolean[]; volatile: Volatile | null }) {
    [this.#lanes, this.#volatile] = [lanes, volatile];
    this.#isLatest = [...isLatest];
  }

  addHandler({ isLatest }: { isLatest: boolean }): void {
    this.#isLatest.push(isLatest);
  }

  /** Puts an event in the place of the last one of its lane, if that may go, and settles it; says whether it did. */
  replaces(lane: Lane, slot: Slot): boolean {
    if (this.#isLatest[slot.handler] !== true || lane.key === null) return false;
    const { last } = lane;
    if (last === null || wasTried(last) || wasTried(slot) || slot.dueMs !== noDue || !isNewer(slot, last)) return false;
    if (this.#volatile !== null && isIn(this.#volatile, slot) && !isIn(this.#volatile, last)) return false;
    this.#lanes.replaceLast(lane, slot);
    last.state = 'settled';
    this.#superseded.push(last);
    return true;
  }

  /** Those since the last call. */
  take(): readonly Slot[] {
    const superseded = this.#superseded;
    if (superseded.length > 0) this.#superseded = [];
    return superseded;
  }
}

/** Of one partition, as positions of several do not compare: those come in the order in which they are taken in. */
function isNewer(slot: Slot, than: Slot): boolean {
  return slot.partition !== than.partition || slot.position > than.position;
}

function isIn({ partition, positionFirst }: Volatile, slot: Slot): boolean {
  return slot.partition === partition && slot.position >= positionFirst && slot.recalledFrom === null;
}
