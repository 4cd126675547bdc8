// A journaled event as a row, and as the object that people see.

import type { Identity } from '../event.js';
import { journalPartition } from '../event.js';
import { type ReadExtras, readExtras } from '../extras.js';
import { schemaVersionOfRoutes } from './schema.js';
import { textFrom, textOrNullFrom } from './stored-text.js';

/** A published event as the journal keeps it. */
export interface JournaledEvent extends ReadExtras {
  readonly identity: Identity;
  readonly id: string | null;
  readonly type: string;
  readonly key: string | null;
  /** A JSON value, a `Uint8Array`, or undefined when there was none. */
  readonly data: unknown;
  /** When it was accepted, in microseconds since the Unix epoch. */
  readonly acceptedAtUs: number;
  /** The handlers that its outcomes are owed to, one each. */
  readonly handlers: readonly string[];
}

/**
 * An event that has no outcome yet, as one of its handlers has it: one of the journal, or one of whichever origin that
 * waits in its lane.
 */
export interface PendingEvent extends Omit<JournaledEvent, 'acceptedAtUs' | 'handlers'> {
  /** The handler that the outcome is owed to. */
  readonly handler: string;
  /** Null for an event that the journal does not hold. */
  readonly acceptedAtUs: number | null;
  /**
   * `parked` when it is not run: the module of the processor that used the store last has no such handler, or its lane
   * is stopped by a dead letter.
   */
  readonly state: 'waiting' | 'parked';
}

/** An event that the journal does not hold, kept as it waits, or was dead-lettered or cancelled. */
export interface KeptEvent extends Omit<JournaledEvent, 'acceptedAtUs' | 'handlers'> {
  /** The handlers that it waits for; none when it does not wait. */
  readonly handlers: readonly string[];
}

/** One row of the journal, joined with one of its handlers; all of the handler are null where it has none. */
export interface StoredEvent {
  readonly position: number;
  readonly handler: string | Buffer | null;
  readonly handler_id: number | null;
  readonly is_present: 0 | 1 | null;
  readonly accepted_at: number;
  readonly id: string | Buffer | null;
  readonly type: string | Buffer;
  readonly key: string | Buffer | null;
  readonly extras: string | null;
  readonly data: string | Buffer | null;
}

/** One row of the kept events, joined with a handler that it waits for. */
export type StoredKeptEvent = Omit<StoredEvent, 'handler_id' | 'is_present' | 'accepted_at'>;

/** One row of what waits in lanes, joined with its event. */
export interface StoredWaitingEvent extends Omit<StoredEvent, 'accepted_at' | 'handler_id'> {
  readonly partition: string | Buffer;
  /** Null where the journal does not hold the event. */
  readonly accepted_at: number | null;
  readonly is_parked: 0 | 1;
  readonly lane_handler: number;
  readonly lane_key: string | Buffer;
  readonly place: number;
}

/** The events of a journal of some schema, each with its handlers, in SQL. */
export function ownedEventSql(version: number): string {
  return version < schemaVersionOfRoutes
    ? 'FROM event JOIN handler ON handler.id = event.handler'
    : 'FROM event LEFT JOIN route ON route.id = event.handler LEFT JOIN handler ON handler.id = route.handler';
}

/** Reads StoredEvents: the caller adds WHERE. */
export function storedEventSql(version: number): string {
  return `
    SELECT position, handler.name AS handler, handler.id AS handler_id, is_present, accepted_at, event.id AS id, type,
      key, extras, data
    ${ownedEventSql(version)}`;
}

/** The event of the rows that it has, one for each of its handlers; null where there are none. */
export function toJournaledEvent(rows: readonly StoredEvent[]): JournaledEvent | null {
  const [row] = rows;
  if (row === undefined) return null;
  const identity = { partition: journalPartition, position: row.position };
  return { ...contentOf(row), identity, handlers: handlersOf(rows), acceptedAtUs: row.accepted_at };
}

/** The same of an event that is kept. */
export function toKeptEvent(rows: readonly StoredKeptEvent[], identity: Identity): KeptEvent | null {
  const [row] = rows;
  return row === undefined ? null : { ...contentOf(row), identity, handlers: handlersOf(rows) };
}

function handlersOf(rows: readonly { readonly handler: string | Buffer | null }[]): string[] {
  return rows.flatMap(({ handler }) => (handler === null ? [] : textFrom(handler)));
}

type Content = Omit<JournaledEvent, 'identity' | 'acceptedAtUs' | 'handlers'>;

function contentOf(row: Pick<StoredEvent, 'id' | 'type' | 'key' | 'extras' | 'data'>): Content {
  const { data } = row;
  return {
    id: textOrNullFrom(row.id),
    type: textFrom(row.type),
    key: textOrNullFrom(row.key),
    ...readExtras(row.extras),
    data: data === null ? undefined : typeof data === 'string' ? JSON.parse(data) : new Uint8Array(data),
  };
}

export function toPendingEvent(row: StoredEvent | StoredWaitingEvent): PendingEvent {
  const identity = {
    partition: 'partition' in row ? textFrom(row.partition) : journalPartition,
    position: row.position,
  };
  const isParked = row.is_present === 0 || ('is_parked' in row && row.is_parked === 1);
  const handler = textFrom(row.handler ?? '');
  return {
    ...contentOf(row),
    identity,
    handler,
    acceptedAtUs: row.accepted_at,
    state: isParked ? 'parked' : 'waiting',
  };
}
