// What crosses to the writer thread when handlers come while the store is open.

import type { LaneOrder } from '../policy.js';

/** Handlers that come while the store is open. */
export interface HandlersAdded {
  /** Index of the first one: as many as there are and were. */
  readonly indexFirst: number;
  readonly names: readonly string[];
  readonly orders: readonly LaneOrder[];
}
