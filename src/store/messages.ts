// The types that cross between the main thread and the writer thread, and nothing else.

import type { JoinedEvents } from '../joined-events.js';
import type { LeftStates } from '../joined-states.js';
import type { Durability, OrderMode, Retention } from '../options.js';
import type { Outcome } from '../outcome.js';
import type { LaneOrder } from '../policy.js';
import type { LaneName } from '../store-lanes.js';

/** Opens the store; the first call. */
export interface OpenRequest {
  readonly path: string;
  readonly durability: Durability;
  /** Names of the handlers, and which of them have been removed; rows carry indexes into this list. */
  readonly handlerNames: readonly string[];
  readonly removedHandlers?: readonly number[];
  /** Which outcomes are kept; null when all of them are. */
  readonly retention: Retention | null;
  /** What a lane is; those kept in the store that do not fit are let go on. */
  readonly order: OrderMode;
  /** The same of each handler, by index; left out where they all have that order. */
  readonly orders?: readonly LaneOrder[];
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

/**
 * Events that were running when a process died: three numbers an event, its position, the index of the handler that ran
 * it (-1: its only one, whichever that was), and the deaths it is charged with.
 */
export type Suspects = Float64Array;
export const numbersPerSuspect = 3;

/**
 * Tries of events that have no outcome yet and do not wait in the store: five numbers an event, its position, the index
 * of the handler, the tries counted, those that the handler had postponed, and when it is due, in microseconds since
 * the Unix epoch.
 */
export type Retries = Float64Array;
export const numbersPerRetry = 5;

/** A lane that stops behind a dead letter. */
export interface LaneParked extends LaneName {
  readonly partition: number;
  readonly position: number;
  /** Index of the handler whose dead letter it is: the lane may have events of several. */
  readonly eventHandler: number;
}

/** A lane of which events wait in the store, or none may run. */
export interface LaneAway extends LaneName {
  /** The dead letter it is stopped by; null when it may go on. */
  readonly parkedBy: { readonly partition: number; readonly position: number } | null;
  /** Events that wait in the store. */
  readonly waiting: number;
}

/** Asks for the events of a lane that wait in the store, in their order. They stay there until they have outcomes. */
export interface LanePageRequest extends LaneName {
  /** Where the page before ended; null for the first. */
  readonly after: number | null;
  readonly countMax: number;
  readonly bytesMax: number;
}

export interface LanePage {
  readonly events: JoinedEvents;
  /** By index in the store. */
  readonly partitions: Float64Array;
  readonly positions: Float64Array;
  /** Index of the handler each is owed to. */
  readonly handlers: Int32Array;
  /** Tries counted and tries postponed so far, and when the next is due (0: at once). */
  readonly attempts: Int32Array;
  readonly postponed: Int32Array;
  readonly dueAtUs: Float64Array;
  /** Deaths of the process that are charged to it; -1 of one that is not suspected. */
  readonly deaths: Int32Array;
  /** 1 of one that was a dead letter, and is run again; 0 of any other. */
  readonly redriven: Uint8Array;
  /** Names of the partitions. */
  readonly names: Readonly<Record<number, string>>;
  /** What `after` of the next page is. */
  readonly next: number;
  /** Whether nothing of the lane waits behind this page. */
  readonly isLast: boolean;
}

/** What the store knows of the journal. */
export interface JournalStart {
  readonly partition: number;
  /** Every event below this position has its durable outcome. */
  readonly watermark: number;
  /** A position from which on none was ever given to an event. */
  readonly positionUnused: number;
  /** Outcomes that events of the journal are owed, parked ones included. */
  readonly pending: number;
  /** The most handlers that one event of the journal is owed to. */
  readonly widest: number;
  /** The ids by which the store knows the handlers, by index. */
  readonly handlerIds: Int32Array;
  /** Events that wait in lanes, of every partition, for handlers that the module does not have. */
  readonly parked: number;
  readonly suspects: Suspects;
  readonly retries: Retries;
  /** Lanes of which events wait in the store, of every partition; what waits there is not among `pending`. */
  readonly lanes: readonly LaneAway[];
}

/** What the store knows of one partition of a source. */
export interface PartitionStart {
  /** The number by which rows and watermarks name it. */
  readonly partition: number;
  /** Every event below this position has its durable outcome; 0 when the partition is new. */
  readonly watermark: number;
  /** Positions at or above the watermark that have an outcome or wait in the store, as runs; see PositionRuns. */
  readonly durable: Float64Array;
  /** The same for each handler, by index: an event that several take may be done for some of them. */
  readonly doneBy: readonly Float64Array[];
  /** The smallest position above every stored outcome and not below the watermark; at least 1. */
  readonly positionNext: number;
  /** A position from which on none was ever given to an event, with or without an outcome. */
  readonly positionUnused: number;
  /** What `setFingerprint` stored, or null. */
  readonly fingerprint: string | null;
  readonly suspects: Suspects;
  readonly retries: Retries;
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
  /** Index of the handler each is owed to; `-1 - index` of its route, where that is not one handler alone. */
  readonly handlers: Int32Array;
  /** Indexes of handlers, ascending. */
  readonly routes: readonly (readonly number[])[];
  /** Microseconds since the Unix epoch. */
  readonly acceptedAtUs: number;
  /** Left out where none of them was emitted. */
  readonly emitters?: Emitters;
}

/** Of emitted events: their indexes among those of their group, and the event and handler that emitted each. */
export interface Emitters {
  readonly indexes: Int32Array;
  readonly partitions: Int32Array;
  readonly positions: Float64Array;
  /** Indexes of handlers. */
  readonly handlers: Int32Array;
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
  /** Lanes that stop with this group. */
  readonly parked: readonly LaneParked[];
  /** States as its events have left them, beside their rows; left out without any. */
  readonly states?: readonly (LeftStates | null)[];
}

/** Asks for the states of some keys, each with the index of its handler, as many as fit, at least one. */
export interface StatesRequest {
  readonly handlers: readonly number[];
  readonly keys: readonly string[];
  readonly bytesMax: number;
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
  /** Outcome rows stored. Rows that are no outcomes are not counted, here and below. */
  readonly stored: number;
  /**
   * Outcome rows whose identity had its outcome already; they were ignored. Among them are all rows of a group that was
   * stored by a thread that died before it could answer.
   */
  readonly ignored: number;
  readonly duplicates: readonly DuplicateEvent[];
  /**
   * Indexes of emitted events that were not stored, as the event that emitted them had its outcome otherwise: somebody
   * had cancelled it in the store. Left out without any.
   */
  readonly withheld?: readonly number[];
  /** Time it took the writer thread, from its arrival to its commit, in microseconds. */
  readonly tookUs: number;
  readonly gauges: StoreGauges;
}

/** Asks for journaled events that are owed outcomes, in order. */
export interface PageRequest {
  /** The first position to look at. */
  readonly from: number;
  /** The most outcomes that they are owed together; an event comes whole, or with the next page. */
  readonly countMax: number;
  /** Size (text units and bytes) at which the page ends. */
  readonly bytesMax: number;
}

/** Some journaled events that are owed outcomes, in order. */
export interface JournalPage {
  readonly events: JoinedEvents;
  readonly positions: Float64Array;
  /** Indexes of the handlers that the events are owed to still, one after another. */
  readonly handlers: Int32Array;
  /** How many of `handlers` each event has; null when each has one. */
  readonly owedCounts: Int32Array | null;
  /** Where the next page begins. */
  readonly next: number;
  /** Whether the journal ends at `next`. */
  readonly isLast: boolean;
  /** Events passed over, as they are owed to handlers that the module no longer has. */
  readonly parked: readonly ParkedEvents[];
}

/** Events that are owed to a handler that is not there. */
export interface ParkedEvents {
  readonly handler: string;
  readonly count: number;
  readonly positionFirst: number;
}
