// What came of one event of a batch, before it becomes a row of the report or a line of the ledger.

import type { EncodedEvent } from '../event.js';
import type { HandlerResult } from '../handler.js';

/** One that is built in a handler thread is written again for every event, so none of its fields is read-only. */
export interface EndedTry {
  result: HandlerResult;
  /** False for an event that was skipped or cancelled before its handler was called. */
  isTried: boolean;
  /** Microseconds since the Unix epoch. */
  startedAtUs: number;
  durationUs: number;
  /** The wait before the next try; 0 where there is none. */
  delayMs: number;
  /** What the handler gave: JSON text, bytes, or null. */
  value: string | Uint8Array | null;
  /** JSON text of an ErrorRecord, or null. */
  error: string | null;
  /** What a try that succeeded has emitted; null where that is nothing. */
  emitted: readonly EncodedEvent[] | null;
}
