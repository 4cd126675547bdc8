// The types that cross between the main thread and the writer thread, and nothing else.

import type { Durability } from '../options.js';

/** Opens the store; the first call. */
export interface OpenRequest {
  readonly path: string;
  readonly durability: Durability;
  /** Names of the handlers; rows carry indexes into this list. */
  readonly handlerNames: readonly string[];
}

/** What the store knows of one partition. */
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
}

export interface Watermark {
  readonly partition: number;
  readonly watermark: number;
  /** At the end: one above the highest position given to an event, with or without an outcome. */
  readonly positionNext?: number;
}

/** One group: outcomes of several batches, stored in one transaction with the watermarks reached before it. */
export interface GroupRequest {
  /** Joined rows (see RowsBuilder), transferred. */
  readonly rows: readonly ArrayBuffer[];
  readonly watermarks: readonly Watermark[];
}

/** What came of a group, once it is durable. */
export interface GroupResult {
  readonly stored: number;
  /** Rows whose identity had its outcome already; they were ignored. */
  readonly ignored: number;
  /** Size of the write-ahead log, in bytes. */
  readonly walBytes: number;
}
