// The contract between the processor and a source of events that keeps its own position, such as a file.

import type { EncodedEvent, EventLimits } from '../event.js';
import type { HandlerTable } from '../handler.js';

/** Where a source begins: what the store knows of its partition, and what its events are for. */
export interface SourceStart {
  /** Every event below this position has its durable outcome; 0 when the partition is new. */
  readonly watermark: number;
  /** Positions at or above the watermark that have their outcome all the same; a source may leave them out. */
  readonly durable: { has(position: number): boolean };
  /** The smallest position above every stored outcome and not below the watermark; at least 1. */
  readonly positionNext: number;
  /** A position from which on none was ever given to an event: where new input begins that cannot be read again. */
  readonly positionUnused: number;
  /** What `open` gave last time; null when the partition is new, or it gave null. */
  readonly fingerprint: string | null;
  /** Limits on one event. */
  readonly limits: EventLimits;
  /** The handlers that run the events. */
  readonly handlers: HandlerTable;
}

/** One event with its position in its partition. */
export interface SourceRecord {
  readonly position: number;
  readonly event: EncodedEvent;
}

/** A source of events. Its positions rise; it may leave some out. */
export interface Source {
  /** The partition its positions belong to; names the same input at every start. */
  readonly partition: string;
  /** Called once, before the first request. Gives a text by which the same input is known again, or null. */
  open(start: SourceStart): Promise<string | null>;
  /** Gives at least one and at most `demand` records, or null at the end. Called again only after it has settled. */
  request(demand: number): Promise<readonly SourceRecord[] | null>;
  /** Everything below this position is durable: the source may forget it. */
  commit?(watermark: number): void;
  /** Called once, whatever happened; nobody waits longer than five seconds for it, or for a `request` under way. */
  close(): Promise<void>;
}
