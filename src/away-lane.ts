// One lane of which events wait in the store, and what of such lanes is in memory or on its way from there, for whoever
// is told what the store has.

import type { Lane } from './dispatch/lane.js';
import type { Slot } from './dispatch/ring-buffer.js';
import type { LaneName } from './store-lanes.js';

export interface AwayLane {
  readonly name: LaneName;
  /** The index of its handler, by whatever name; -1 under order `global`. */
  readonly group: number;
  /** The lane itself; null when its events need no order among them, or new ones need not wait behind these. */
  readonly lane: Lane | null;
  /** The handler is left out where only the store knows it; of one event several may be in one lane. */
  parkedBy: { readonly partition: number; readonly position: number; readonly handler?: number } | null;
  /** When it is asked for; only while it is not parked. */
  dueMs: number;
  /** Until when some of its events may not be due, though it is; null when it stands for no span of time. */
  readonly endMs: number | null;
  /** Its events in the store that are not in memory. */
  waiting: number;
  /** Where the page before ended. */
  after: number | null;
  /** The group that must have been sent before a page tells all. */
  barrier: number;
  /** How often it has been stopped, sent away or let go on: a page that was asked for before that is stale. */
  turn: number;
}

interface InMemory {
  /** Events that are both in memory and in the store. */
  recalled: number;
  /** Events on their way to the store. */
  aside: number;
}

/** One text for each lane. */
export function nameOf({ handler, key }: LaneName): string {
  return `${handler} ${key}`;
}

/**
 * Counts of the lanes that have any. An event without an order may leave one and be on its way to another; one that the
 * store has cancelled by itself is in none.
 */
export function countInMemory(slots: readonly Slot[]): ReadonlyMap<string, InMemory> {
  const counts = new Map<string, InMemory>();
  const countOf = (lane: LaneName): InMemory => {
    const name = nameOf(lane);
    const count = counts.get(name) ?? { recalled: 0, aside: 0 };
    counts.set(name, count);
    return count;
  };
  for (const slot of slots) {
    if (slot.isDecidedInStore) continue;
    if (slot.recalledFrom !== null) countOf(slot.recalledFrom).recalled += 1;
    if (slot.state === 'aside') countOf(slot.asideLane).aside += 1;
  }
  return counts;
}
