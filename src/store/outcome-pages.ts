// The outcomes of a store as its reader sees them: one by its identity, all of them in order, page by page. Prepared
// for one connection; decodes nothing.

import type { Identity } from '../event.js';
import type { OutcomeStatus } from '../outcome.js';
import type { Connection, Statement } from './database.js';
import { pageRowsMax, rowsOf, type Stretch, stretchesOf, type Walk } from './pages.js';
import { statusNumber } from './schema.js';
import { type StoredOutcome, storedOutcomeSql } from './stored-outcome.js';
import { storedText } from './stored-text.js';

/** The primary key of the row before: partition, position, handler. */
export type OutcomePlace = readonly [partition: number, position: number, handler: number];

/** What is wanted of the outcomes; absent: whatever it is. */
export interface OutcomesWanted {
  readonly key?: string;
  readonly type?: string;
  readonly handler?: string;
  readonly status?: OutcomeStatus;
  /** Name of the error. */
  readonly error?: string;
}

const numberOfStatus: Readonly<Record<OutcomeStatus, number>> = {
  succeeded: statusNumber.succeeded,
  'dead-lettered': statusNumber.deadLettered,
  cancelled: statusNumber.cancelled,
  discarded: statusNumber.discarded,
  superseded: statusNumber.superseded,
};

/** The rows of a stretch. Its parameters are those of `stretchValues`. */
export const inOutcomeStretch = `
  (outcome.partition, outcome.position, outcome.handler) > (@partitionAfter, @positionAfter, @handlerAfter)
  AND (outcome.partition, outcome.position, outcome.handler) <= (@partitionTo, @positionTo, @handlerTo)`;

/** The rows that are wanted. Its parameters are those of `wantedValues`. */
const isWanted = `
  (@key IS NULL OR key = @key)
  AND (@type IS NULL OR type = @type)
  AND (@status IS NULL OR status = @status)
  AND (@handler IS NULL OR handler.name = @handler)
  AND (@error IS NULL OR json_extract(error, '$.name') = @error)`;

export class OutcomePages {
  /** By partition, position and handler. */
  readonly walk: Walk<OutcomePlace>;
  readonly #at: Statement;
  readonly #inStretch: Statement;
  readonly #count: Statement;

  constructor(db: Connection) {
    this.walk = outcomeWalk(db);
    this.#at = db.prepare(`
      ${storedOutcomeSql}
      WHERE outcome.partition = (SELECT id FROM partition WHERE name = ?) AND position = ?
      ORDER BY outcome.handler`);
    this.#inStretch = db.prepare(`
      ${storedOutcomeSql}
      WHERE ${inOutcomeStretch} AND ${isWanted}
      ORDER BY outcome.partition, position, outcome.handler`);
    this.#count = db
      .prepare(
        `SELECT count(*) FROM outcome JOIN handler ON handler.id = outcome.handler
         WHERE ${inOutcomeStretch} AND ${isWanted}`,
      )
      .pluck();
  }

  /** Outcomes of one event, by handler. */
  at({ partition, position }: Identity): StoredOutcome[] {
    return this.#at.all(storedText(partition), position) as StoredOutcome[];
  }

  /** Looks at every outcome there is. */
  rows(wanted: OutcomesWanted): Generator<StoredOutcome, void, undefined> {
    const values = wantedValues(wanted);
    return rowsOf(this.walk, {
      read: (stretch) =>
        this.#inStretch.iterate({ ...values, ...outcomeStretchValues(stretch) }) as Iterable<StoredOutcome>,
      placeOf: (row): OutcomePlace => [row.partition_id, row.position, row.handler_id],
      sizeOf: ({ result, error }) => (result?.length ?? 0) + (error?.length ?? 0),
    });
  }

  /** How many there are; looks at every outcome, and decodes none. */
  count(wanted: OutcomesWanted): number {
    const values = wantedValues(wanted);
    let count = 0;
    for (const stretch of stretchesOf(this.walk)) {
      count += this.#count.get({ ...values, ...outcomeStretchValues(stretch) }) as number;
    }
    return count;
  }
}

function wantedValues({ key, type, handler, status, error }: OutcomesWanted): Readonly<Record<string, unknown>> {
  return {
    key: storedOrNull(key),
    type: storedOrNull(type),
    handler: storedOrNull(handler),
    status: status === undefined ? null : numberOfStatus[status],
    error: error ?? null,
  };
}

/** The values that `inOutcomeStretch` asks for. */
export function outcomeStretchValues({ after, to }: Stretch<OutcomePlace>): Readonly<Record<string, number>> {
  const [partitionAfter, positionAfter, handlerAfter] = after;
  const [partitionTo, positionTo, handlerTo] = to;
  return { partitionAfter, positionAfter, handlerAfter, partitionTo, positionTo, handlerTo };
}

function outcomeWalk(db: Connection): Walk<OutcomePlace> {
  // The steps of an OFFSET read keys and no results.
  const further = db
    .prepare(
      `SELECT partition, position, handler FROM outcome WHERE (partition, position, handler) > (?, ?, ?)
       ORDER BY partition, position, handler LIMIT 1 OFFSET ${pageRowsMax - 1}`,
    )
    .raw();
  return {
    // The numbers of partitions begin at 1.
    first: [0, 0, 0],
    last: [Number.MAX_SAFE_INTEGER, 0, 0],
    further: (after) => further.get(...after) as OutcomePlace | undefined,
  };
}

function storedOrNull(text: string | undefined): string | Buffer | null {
  return text === undefined ? null : storedText(text);
}
