// An outcome as a row of the public view, and as the object that people see.

import type { ErrorRecord } from '../errors.js';
import type { Outcome, OutcomeStatus } from '../outcome.js';
import { statusTextSql } from './schema.js';
import { textFrom, textOrNullFrom } from './stored-text.js';

/** One row of `outcomes`, with the numbers of its partition and handler. */
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
  readonly partition_id: number;
  readonly handler_id: number;
}

/** Reads StoredOutcomes by the numbers of the tables: the caller adds WHERE. */
export const storedOutcomeSql = `
  SELECT partition.name AS partition, position, outcome.id AS id, type, key, handler.name AS handler,
    ${statusTextSql} AS status,
    attempts, started_at, duration_us, result, error,
    outcome.partition AS partition_id, outcome.handler AS handler_id
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
