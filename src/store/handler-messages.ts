// What crosses to the writer thread and back when handlers come while the store is open.

import type { LaneOrder } from '../policy.js';
import type { LaneAway } from './messages.js';

/** Handlers that come while the store is open. */
export interface HandlersAdded {
  /** Index of the first one: as many as there are and were. */
  readonly indexFirst: number;
  readonly names: readonly string[];
  readonly orders: readonly LaneOrder[];
}

/** What the store has of handlers that came. */
export interface HandlersKnown {
  /** Their ids, in their order. */
  readonly ids: readonly number[];
  /** Their lanes that are stopped or of which events wait, from the time when they were not there. */
  readonly lanes: readonly LaneAway[];
}

/** A handler that is to come, whose journaled events are to wait in its lanes; those from a position on. */
export interface OwedRequest {
  readonly name: string;
  readonly order: LaneOrder;
  readonly from: number;
}

/** Journaled events that wait in lanes now. */
export interface OwedParked {
  readonly positions: Float64Array;
  /** Where to go on; null when there are no more. */
  readonly next: number | null;
}
