// Events that travel together, and what came of them.

import type { StateAt } from '../keyed-state.js';
import type { Lane } from './lane.js';
import type { Slot } from './ring-buffer.js';
import type { Stand } from './stand.js';

/** Events that were sent to a thread together, in the order in which they run. */
export interface Batch {
  readonly slots: readonly Slot[];
  /** The lanes that gave a run; busy until the batch is settled. */
  readonly lanes: readonly Lane[];
  /** Where its events stood. */
  readonly stands: readonly Stand[];
  /** Whether it is one suspect, and nothing else runs until it is settled. */
  readonly alone: boolean;
  /** Whether it is one doubted event, which runs on a thread that has run nothing; others run beside it. */
  readonly isFresh: boolean;
  /** The handler that its only event is to show to be well; null when it is an ordinary batch. */
  readonly probed: number | null;
}

/** What came of a batch. */
export interface Came {
  /** A HandlerResult per event. */
  readonly results: Uint8Array;
  /** Per event, how long to wait before its next try; null when no event has one. */
  readonly delaysMs: Float64Array | null;
  readonly busyUs: number;
  /** How many events, from the first, have run, also where they are skipped; left out where no skipped one has. */
  readonly ran?: number;
  readonly states?: readonly StateAt[];
}
