// What the reader of a store sees of lanes and of tries: the events that wait, the lanes that are stopped, the failures
// of one event. Prepared for one connection to a store of a schema that has them.

import type { ErrorRecord } from '../errors.js';
import { type Identity, journalPartition } from '../event.js';
import type { Connection, Statement } from './database.js';
import type { PendingCounts } from './journal-pages.js';
import { pageRowsMax, rowsOf, stretchesOf, type Walk } from './pages.js';
import { statusNumber } from './schema.js';
import type { StoredKeptEvent, StoredWaitingEvent } from './stored-event.js';
import { storedText, textFrom } from './stored-text.js';

/** A try of an event that failed. */
export interface FailedTry {
  /** The handler that ran it. */
  readonly handler: string;
  /** Microseconds since the Unix epoch. */
  readonly startedAtUs: number;
  readonly durationUs: number;
  /** Tries counted so far, this one included if it is. */
  readonly attempt: number;
  /** False where the handler had asked to be called later. */
  readonly isCounted: boolean;
  /** When the next try was due, in microseconds since the Unix epoch; null for the last try of a dead letter. */
  readonly dueAtUs: number | null;
  readonly error: ErrorRecord | null;
}

/** A lane that is stopped by a dead letter. */
export interface ParkedLane {
  /** The lane's handler and key; both are null for the one lane of order `global`. */
  readonly handler: string | null;
  readonly key: string | null;
  /** The dead letter that stops it. */
  readonly head: Identity;
  /** Microseconds since the Unix epoch. */
  readonly parkedAtUs: number;
  /** Events that wait behind it. */
  readonly waiting: number;
}

/** The primary key of the row before. */
type LanePlace = readonly [handler: number, key: string | Buffer, place: number];

interface FailureRow {
  readonly handler: string | Buffer;
  readonly started_at: number;
  readonly duration_us: number;
  readonly attempt: number;
  readonly is_counted: 0 | 1;
  readonly due_at: number | null;
  readonly error: string | null;
}

interface ParkedRow {
  readonly handler: string | Buffer | null;
  readonly key: string | Buffer;
  readonly partition: string | Buffer;
  readonly position: number;
  readonly parked_at: number;
  readonly waiting: number;
}

// As in the view pending_events.
const waitingSql = `
  FROM waiting JOIN partition ON partition.id = waiting.partition JOIN handler ON handler.id = waiting.event_handler
    LEFT JOIN lane_parked ON lane_parked.handler = waiting.handler AND lane_parked.key = waiting.key
    LEFT JOIN event ON partition.name = '${journalPartition}' AND event.position = waiting.position
    LEFT JOIN kept_event ON kept_event.partition = waiting.partition AND kept_event.position = waiting.position
  WHERE (waiting.handler, waiting.key, place) > (@handlerAfter, @keyAfter, @placeAfter)
    AND (waiting.handler, waiting.key, place) <= (@handlerTo, @keyTo, @placeTo)`;

const either = (column: string): string =>
  `CASE WHEN event.position IS NULL THEN kept_event.${column} ELSE event.${column} END AS ${column}`;

export class LaneReader {
  readonly #walk: Walk<LanePlace>;
  readonly #waiting: Statement;
  readonly #counts: Statement;
  readonly #failures: Statement;
  readonly #parked: Statement;
  readonly #reason: Statement;
  readonly #kept: Statement;

  constructor(db: Connection) {
    this.#walk = laneWalk(db);
    this.#waiting = db.prepare(`
      SELECT partition.name AS partition, waiting.position AS position, handler.name AS handler, is_present,
        lane_parked.handler IS NOT NULL AS is_parked, accepted_at,
        ${['id', 'type', 'key', 'extras', 'data'].map(either).join(', ')},
        waiting.handler AS lane_handler, waiting.key AS lane_key, place
      ${waitingSql} ORDER BY waiting.handler, waiting.key, place`);
    this.#counts = db.prepare(`
      SELECT count(*) AS pending, count(*) FILTER (WHERE is_present = 0 OR lane_parked.handler IS NOT NULL) AS parked
      ${waitingSql}`);
    const isEvent = 'partition = (SELECT id FROM partition WHERE name = @partition) AND position = @position';
    this.#failures = db.prepare(`
      SELECT name AS handler, started_at, duration_us, attempt, is_counted, due_at, error
      FROM (
        SELECT handler, started_at, duration_us, attempt, is_counted & 1 AS is_counted, due_at, error
        FROM attempt_failure WHERE ${isEvent}
        UNION ALL
        SELECT handler, started_at, duration_us, attempts, 1, NULL, error FROM outcome
        WHERE ${isEvent} AND status IN (${statusNumber.deadLettered}, ${statusNumber.discarded})
      ) AS tried JOIN handler ON handler.id = tried.handler
      ORDER BY started_at`);
    this.#parked = db.prepare(`
      SELECT handler.name AS handler, key, partition.name AS partition, position, parked_at,
        (SELECT count(*) FROM waiting
         WHERE waiting.handler = lane_parked.handler AND waiting.key = lane_parked.key) AS waiting
      FROM lane_parked JOIN partition ON partition.id = lane_parked.partition
        LEFT JOIN handler ON handler.id = lane_parked.handler
      ORDER BY parked_at, lane_parked.handler, key`);
    this.#reason = db
      .prepare(
        `SELECT reason FROM discarded
         WHERE ${isEvent} AND (@handler IS NULL OR handler = (SELECT id FROM handler WHERE name = @handler))`,
      )
      .pluck();
    this.#kept = db.prepare(`
      SELECT kept_event.position AS position, kept_event.id AS id, type, kept_event.key AS key, extras, data,
        handler.name AS handler
      FROM kept_event
        LEFT JOIN waiting ON waiting.partition = kept_event.partition AND waiting.position = kept_event.position
        LEFT JOIN handler ON handler.id = waiting.event_handler
      WHERE kept_event.partition = (SELECT id FROM partition WHERE name = @partition)
        AND kept_event.position = @position
      ORDER BY handler.id`);
  }

  /** Events that wait, lane by lane. */
  waiting(): Generator<StoredWaitingEvent, void, undefined> {
    return rowsOf(this.#walk, {
      read: (stretch) => this.#waiting.iterate(valuesOf(stretch)) as Iterable<StoredWaitingEvent>,
      placeOf: (row): LanePlace => [row.lane_handler, row.lane_key, row.place],
      sizeOf: ({ data }) => data?.length ?? 0,
    });
  }

  /** How many events wait; those of handlers that are not there, or in lanes that are stopped, are parked. */
  pendingCounts(): PendingCounts {
    let [pending, parked] = [0, 0];
    for (const stretch of stretchesOf(this.#walk)) {
      const counts = this.#counts.get(valuesOf(stretch)) as PendingCounts;
      pending += counts.pending;
      parked += counts.parked;
    }
    return { pending, parked };
  }

  /** The tries of one event that failed, the oldest first. */
  failuresOf({ partition, position }: Identity): FailedTry[] {
    const rows = this.#failures.all({ partition: storedText(partition), position }) as FailureRow[];
    return rows.map(({ handler, started_at, duration_us, attempt, is_counted, due_at, error }) => ({
      handler: textFrom(handler),
      startedAtUs: started_at,
      durationUs: duration_us,
      attempt,
      isCounted: is_counted === 1,
      dueAtUs: due_at,
      error: error === null ? null : (JSON.parse(error) as ErrorRecord),
    }));
  }

  parkedLanes(): ParkedLane[] {
    return (this.#parked.all() as ParkedRow[]).map(({ handler, key, partition, position, parked_at, waiting }) => ({
      handler: handler === null ? null : textFrom(handler),
      key: handler === null ? null : textFrom(key),
      head: { partition: textFrom(partition), position },
      parkedAtUs: parked_at,
      waiting,
    }));
  }

  /** An event that is kept beside the journal, once for each handler that it waits for, or once. */
  keptEvent({ partition, position }: Identity): readonly StoredKeptEvent[] {
    return this.#kept.all({ partition: storedText(partition), position }) as StoredKeptEvent[];
  }

  /** Why a dead letter was given up; null for any other event. */
  discardReasonOf({ partition, position }: Identity, handler: string | null): string | null {
    const values = { partition: storedText(partition), position };
    const of = handler === null ? null : storedText(handler);
    const reason = this.#reason.get({ ...values, handler: of }) as string | Buffer | undefined;
    return reason === undefined ? null : textFrom(reason);
  }
}

function valuesOf({ after, to }: { after: LanePlace; to: LanePlace }): Record<string, unknown> {
  const [handlerAfter, keyAfter, placeAfter] = after;
  const [handlerTo, keyTo, placeTo] = to;
  return { handlerAfter, keyAfter, placeAfter, handlerTo, keyTo, placeTo };
}

function laneWalk(db: Connection): Walk<LanePlace> {
  const further = db
    .prepare(
      `SELECT handler, key, place FROM waiting WHERE (handler, key, place) > (?, ?, ?)
       ORDER BY handler, key, place LIMIT 1 OFFSET ${pageRowsMax - 1}`,
    )
    .raw();
  return {
    first: [Number.MIN_SAFE_INTEGER, '', 0],
    last: [Number.MAX_SAFE_INTEGER, '', 0],
    further: (after) => further.get(...after) as LanePlace | undefined,
  };
}
