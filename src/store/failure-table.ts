// Tries that failed and were followed by another: the history of an event, and how far its retries have come when the
// store is opened again. Runs inside the transactions of the store.

import { type OutcomeRow, verdict } from '../outcome.js';
import type { Connection, Statement } from './database.js';
import type { LaneNames } from './lane-name.js';
import type { Retries } from './messages.js';
import { MultiInsert } from './multi-insert.js';

/**
 * Added to `is_counted` of every try when its event is run again: those of before no longer count. Times could not tell
 * them apart, as those of tries and of redrives come from clocks that differ once the wall clock was set.
 */
const ofBefore = 2;

/** Moves the last try of a dead letter here, as it is run again: it becomes one that another follows. */
const moveSql = `
  INSERT INTO attempt_failure
    (partition, position, handler, started_at, duration_us, attempt, is_counted, due_at, error)
  SELECT partition, position, handler, started_at, duration_us, attempts, 1, NULL, error
  FROM outcome WHERE partition = ? AND position = ? AND handler = ?
  ON CONFLICT DO NOTHING`;

const sinceRedrive = `
  attempt_failure.partition = waiting.partition AND attempt_failure.position = waiting.position
  AND attempt_failure.handler = waiting.event_handler AND attempt_failure.is_counted < ${ofBefore}`;

/**
 * The tries of one event since it was redriven, for a query that has it as `waiting`. Counted tries carry their
 * number; it is asked for instead of their count, as two that began in one microsecond are one row.
 */
export const triesSql = `
  (SELECT ifnull(max(attempt) FILTER (WHERE is_counted = 1), 0) FROM attempt_failure WHERE ${sinceRedrive}) AS attempts,
  (SELECT count(*) FILTER (WHERE is_counted = 0) FROM attempt_failure WHERE ${sinceRedrive}) AS postponed,
  (SELECT due_at FROM attempt_failure WHERE ${sinceRedrive} ORDER BY started_at DESC LIMIT 1) AS due_at`;

export class FailureTable {
  readonly #names: LaneNames;
  readonly #insert: MultiInsert;
  readonly #move: Statement;
  readonly #setBefore: Statement;
  readonly #isOfBefore: Statement;
  readonly #countedTries: Statement;
  readonly #retries: Statement;

  constructor(db: Connection, { names }: { names: LaneNames }) {
    this.#names = names;
    this.#insert = new MultiInsert(db, {
      table: 'attempt_failure',
      columns: [
        ...['partition', 'position', 'handler', 'started_at', 'duration_us'],
        ...['attempt', 'is_counted', 'due_at', 'error'],
      ],
      // A group that comes again.
      onConflict: { skip: ['partition', 'position', 'handler', 'started_at'] },
    });
    this.#move = db.prepare(moveSql);
    this.#setBefore = db.prepare(
      `UPDATE attempt_failure SET is_counted = is_counted | ${ofBefore}
       WHERE partition = ? AND position = ? AND handler = ?`,
    );
    this.#isOfBefore = db
      .prepare(
        `SELECT 1 FROM attempt_failure
         WHERE partition = ? AND position = ? AND handler = ? AND started_at = ? AND is_counted >= ${ofBefore}`,
      )
      .pluck();
    this.#countedTries = db
      .prepare(
        `SELECT ifnull(max(attempt), 0) FROM attempt_failure
         WHERE partition = @partition AND position = @position AND handler = @handler AND is_counted = 1`,
      )
      .pluck();
    this.#retries = db
      .prepare(
        `SELECT position, handler, ifnull(max(attempt) FILTER (WHERE is_counted = 1), 0),
           count(*) FILTER (WHERE is_counted = 0),
           (SELECT due_at FROM attempt_failure AS newest
            WHERE newest.partition = attempt_failure.partition AND newest.position = attempt_failure.position
              AND newest.handler = attempt_failure.handler
            ORDER BY started_at DESC LIMIT 1)
         FROM attempt_failure
         WHERE partition = @partition AND position >= @watermark
           AND NOT EXISTS (
             SELECT 1 FROM outcome WHERE outcome.partition = attempt_failure.partition
               AND outcome.position = attempt_failure.position AND outcome.handler = attempt_failure.handler)
           AND NOT EXISTS (
             SELECT 1 FROM waiting WHERE waiting.partition = attempt_failure.partition
               AND waiting.position = attempt_failure.position AND waiting.event_handler = attempt_failure.handler)
         GROUP BY position, handler ORDER BY position, handler`,
      )
      .raw();
  }

  /** Stores failed tries; of those it has already nothing changes. */
  add(rows: readonly OutcomeRow[]): void {
    let next = 0;
    this.#insert.insert(rows.length, (values, at) => {
      this.#bind(values, at, rows[next]!);
      next += 1;
    });
  }

  /** Takes over the last try of a dead letter, whose outcome is about to be deleted; no try of it counts any more. */
  takeOutcome(partition: number, position: number, handler: number): void {
    this.#move.run(partition, position, handler);
    this.#setBefore.run(partition, position, handler);
  }

  /** Whether this is a try of an event that was run again since. */
  isOfBefore({ partition, position, handler, startedAtUs }: OutcomeRow): boolean {
    return this.#isOfBefore.get(partition, position, this.#names.idOf(handler), startedAtUs) !== undefined;
  }

  /** Tries of an event that were counted, since it was redriven if it was. */
  countedTriesOf(event: { partition: number; position: number; handler: number }): number {
    return this.#countedTries.get(event) as number;
  }

  /** What was tried of events that have no outcome and do not wait in the store, by handlers that are there. */
  retriesOf(partition: number, { watermark }: { watermark: number }): Retries {
    const rows = this.#retries.all({ partition, watermark }) as [number, number, ...(number | null)[]][];
    return Float64Array.from(
      rows.flatMap(([position, handler, ...tries]) => {
        const index = this.#names.indexOf(handler);
        return index === undefined ? [] : [position, index, ...tries.map(Number)];
      }),
    );
  }

  #bind(values: unknown[], at: number, row: OutcomeRow): void {
    values[at] = row.partition;
    values[at + 1] = row.position;
    values[at + 2] = this.#names.idOf(row.handler);
    values[at + 3] = row.startedAtUs;
    values[at + 4] = row.durationUs;
    values[at + 5] = row.attempts;
    values[at + 6] = row.verdict === verdict.tryFailed ? 1 : 0;
    values[at + 7] = row.dueAtUs === 0 ? null : row.dueAtUs;
    values[at + 8] = row.error;
  }
}
