// The types that cross between the main thread and the writer thread, and nothing else.

import type { JoinedEvents } from '../joined-events.js';
import type { Durability, Retention } from '../options.js';
import type { Outcome } from '../outcome.js';

/** Opens the store; the first call. */
export interface OpenRequest {
  readonly path: string;
  readonly durability: Durability;
  /** Names of the handlers; rows carry indexes into this list. */
  readonly handlerNames: readonly string[];
  /** Which outcomes are kept; null when all of them are. */
  readonly retention: Retention | null;
  /** What the first opening gave: a new thread takes over from one that died, and the same process goes on. */
  readonly takeOver?: OpenResult;
}

/** What the store says of itself once it is open. */
export interface OpenResult {
  /** How often the store was opened; marks what was written since. */
  readonly epoch: number;
  /** Whether the user before closed it in order. */
  readonly wasClean: boolean;
  /** The store's absolute path with its links resolved. */
  readonly path: string;
  /** The file itself, whatever its name leads to later. */
  readonly file: FileIdentity;
}

/** What tells a file from any other that ever has its name. */
export interface FileIdentity {
  readonly device: number;
  readonly inode: number;
}

/** What is said of a call that opens something. */
export interface Repeat {
  /** Whether this very call was sent before, to a thread that died, and may have been carried out. */
  readonly isRepeat: boolean;
}

/** Events that were running when a process died: pairs of a position, and of the deaths it is charged with. */
export type Suspects = Float64Array;

/** What the store knows of the journal. */
export interface JournalStart {
  readonly partition: number;
  /** Every event below this position has its durable outcome. */
  readonly watermark: number;
  /** A position from which on none was ever given to an event. */
  readonly positionUnused: number;
  /** Events that are owed their outcomes, parked ones included. */
  readonly pending: number;
  readonly suspects: Suspects;
}

/** What the store knows of one partition of a source. */
export interface PartitionStart {
  /** The number by which rows and watermarks name it. */
  readonly partition: number;
  /** Every event below this position has its durable outcome; 0 when the partition is new. */
  readonly watermark: number;
  /** Positions at or above the watermark that have an outcome, as runs; see PositionRuns. */
  readonly durable: Float64Array;
  /** The smallest position above every stored outcome and not below the watermark; at least 1. */
  readonly positionNext: number;
  /** A position from which on none was ever given to an event, with or without an outcome. */
  readonly positionUnused: number;
  /** What `setFingerprint` stored, or null. */
  readonly fingerprint: string | null;
  readonly suspects: Suspects;
}

export interface Watermark {
  readonly partition: number;
  readonly watermark: number;
  /** At the end: one above the highest position given to an event, with or without an outcome. */
  readonly positionNext?: number;
}

/** Published events on their way into the journal. Their positions follow each other. */
export interface JournalEvents extends JoinedEvents {
  readonly positionFirst: number;
  /** Index of the handler each is owed to. */
  readonly handlers: Int32Array;
  /** Microseconds since the Unix epoch. */
  readonly acceptedAtUs: number;
}

/**
 * One group: published events and outcomes of several batches, stored in one transaction with the watermarks reached
 * before it. A group that was stored already may come again: nothing of it is stored twice.
 */
export interface GroupRequest {
  readonly events: JournalEvents | null;
  /** Joined rows (see RowsBuilder). */
  readonly rows: readonly ArrayBuffer[];
  readonly watermarks: readonly Watermark[];
}

/** An event whose id was known already: it was not stored. */
export interface DuplicateEvent {
  /** Its index among the events of its group. */
  readonly index: number;
  /** Of the event that has the id. */
  readonly position: number;
  /** That event's outcome, or null while it has none. */
  readonly outcome: Outcome | null;
}

/** Sizes in bytes. */
export interface StoreGauges {
  readonly walBytes: number;
  /** What is used of the database, and its log. */
  readonly storeBytes: number;
  /** Free on the store's file system, for this user. */
  readonly freeBytes: number;
}

/** What came of a group, once it is durable. */
export interface GroupResult {
  /** Outcome rows stored. */
  readonly stored: number;
  /**
   * Outcome rows whose identity had its outcome already; they were ignored. Among them are all rows of a group that was
   * stored by a thread that died before it could answer.
   */
  readonly ignored: number;
  readonly duplicates: readonly DuplicateEvent[];
  readonly gauges: StoreGauges;
}

/** Asks for journaled events without an outcome, in order. */
export interface PageRequest {
  /** The first position to look at. */
  readonly from: number;
  readonly countMax: number;
  /** Size (text units and bytes) at which the page ends. */
  readonly bytesMax: number;
}

/** Some journaled events without an outcome, in order. */
export interface JournalPage {
  readonly events: JoinedEvents;
  readonly positions: Float64Array;
  /** Index of the handler each is owed to. */
  readonly handlers: Int32Array;
  /** Where the next page begins. */
  readonly next: number;
  /** Whether the journal ends at `next`. */
  readonly isLast: boolean;
  /** Events passed over, as they are owed to handlers that the module no longer has. */
  readonly parked: readonly ParkedEvents[];
}

/** Events of one handler that is not there. */
export interface ParkedEvents {
  readonly handler: string;
  readonly count: number;
  readonly positionFirst: number;
}
