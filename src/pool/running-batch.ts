// A batch as its thread goes through it.

import type { BatchReader } from './batch-reader.js';
import type { EventsAhead } from './key-batch.js';
import type { Place } from './progress.js';
import type { RunStates } from './run-states.js';

/** A batch and the event at which it stands: one object for all its events, as the path through them is hot. */
export interface RunningBatch {
  readonly reader: BatchReader;
  readonly place: Place;
  /** Null for a batch without any event that has state. */
  readonly states: RunStates | null;
  readonly trace: Readonly<Record<string, string>>;
  /** Null until events of it are tried together. */
  ahead: EventsAhead | null;
  index: number;
}
