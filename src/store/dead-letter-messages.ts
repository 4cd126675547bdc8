// What crosses to the writer thread and back when dead letters are run again or given up.

import type { DeadLetterSelection } from '../dead-letter-selection.js';
import type { Identity } from '../event.js';
import type { LaneAway } from './messages.js';

/** Runs dead letters again, or gives them up, a part at a time: the same call again does the next part. */
export interface DeadLettersRequest {
  readonly wanted: DeadLetterSelection;
  /** Why they are given up; null when they are run again. */
  readonly reason: string | null;
  readonly atUs: number;
  readonly countMax: number;
  /** Where the part before ended; null for the first. */
  readonly after: LetterPlace | null;
}

/** The place of a dead letter among all; the handler by its id in the store. */
export interface LetterPlace extends Identity {
  readonly handler: number;
}

export interface DeadLettersResult {
  readonly count: number;
  /** Of those that were run again, how many are of handlers that are not there. */
  readonly parked: number;
  /** Dead letters that cannot be run again, as the store does not have their events (those of before schema 3). */
  readonly withoutEvent: number;
  /** Lanes that are to go on, as they are now. */
  readonly lanes: readonly LaneAway[];
  readonly next: LetterPlace | null;
}
