// The types that cross between the main thread and the writer thread about single events, asked for by their identity:
// to cancel one that is in the store, and to read what has become of some.

import type { Identity } from '../event.js';
import type { Outcome } from '../outcome.js';
import type { LaneName } from '../store-lanes.js';

/** Decides an event that is not in memory, for each handler for which it has no outcome. */
export interface CancelRequest {
  /** An identity, or the id of a published event. */
  readonly event: Identity | string;
  /** Name of the only handler that is meant; null for all of them. */
  readonly handler: string | null;
  readonly atUs: number;
}

export interface CancelResult {
  /** `cancelled`: for one handler at least; `decided`: there was nothing to cancel, and it has an outcome. */
  readonly found: 'cancelled' | 'decided' | 'unknown';
  readonly identity: Identity | null;
  /** What was cancelled, by handler. */
  readonly cancelled: readonly CancelledFor[];
}

/** An event that was cancelled for one handler. */
export interface CancelledFor {
  /** Its index; null when the module does not have it. */
  readonly handler: number | null;
  readonly handlerName: string;
  /** Whether it waited in a lane until it was cancelled. */
  readonly hasWaited: boolean;
  /** The lane; null also when the module does not have the handler it was owed to. */
  readonly waitedIn: LaneName | null;
}

/** Asks what has become of events. */
export interface OutcomesRequest {
  readonly events: readonly Identity[];
  /** Size of results and errors at which the answer ends; what comes after may be asked for again. */
  readonly sizeMax: number;
}

/** What has become of one event. */
export interface EventOutcomes {
  readonly outcomes: readonly Outcome[];
  /** Names of the handlers of which the store owes the event an outcome: it has the event, and not that. */
  readonly owed: readonly string[];
  /** Whether it has the event and no handler took it. Without all of these it has nothing of the event. */
  readonly isUnmatched: boolean;
}
