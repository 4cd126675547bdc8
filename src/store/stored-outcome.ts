// An outcome as a row of the public view, and as the object that people see.

import type { ErrorRecord } from '../errors.js';
import type { Outcome, OutcomeStatus } from '../outcome.js';
import { textFrom, textOrNullFrom } from './stored-text.js';

/** One row of `outcomes`. */
export interface StoredOutcome {
  readonly partition: string | Buffer;
  readonly position: number;
  readonly id: string | Buffer | null;
  readonly type: string | Buffer;
  readonly key: string | Buffer | null;
  readonly handler: string | Buffer;
  readonly status: OutcomeStatus;
  readonly attempts: number;
  readonly started_at: number;
  readonly duration_us: number;
  readonly result: string | Buffer | null;
  readonly error: string | null;
}

/** Reads StoredOutcomes by the numbers of the tables: the caller adds WHERE. */
export const storedOutcomeSql = `
  SELECT partition.name AS partition, position, outcome.id AS id, type, key, handler.name AS handler,
    CASE status WHEN 0 THEN 'succeeded' WHEN 1 THEN 'dead-lettered' END AS status,
    attempts, started_at, duration_us, result, error
  FROM outcome JOIN partition ON partition.id = outcome.partition JOIN handler ON handler.id = outcome.handler`;

export function toOutcome(row: StoredOutcome): Outcome {
  const { result } = row;
  return {
    identity: { partition: textFrom(row.partition), position: row.position },
    id: textOrNullFrom(row.id),
    type: textFrom(row.type),
    key: textOrNullFrom(row.key),
    handler: textFrom(row.handler),
    status: row.status,
    attempts: row.attempts,
    startedAtUs: row.started_at,
    durationUs: row.duration_us,
    result: result === null ? undefined : typeof result === 'string' ? JSON.parse(result) : new Uint8Array(result),
    error: row.error === null ? null : (JSON.parse(row.error) as ErrorRecord),
  };
}
