// Judges a finished run from its store alone: every event once, order kept, and what became of each, to be compared.

import Database from 'better-sqlite3';
import type { LaneOrder } from '../../src/policy.js';
import { hasFailed, noOutcome, resultHash } from './result-hash.js';

/** Times are cut to whole microseconds, so that neighbours may seem to overlap by one. */
const roundingUs = 1;

export interface OutcomesFound {
  /** By position, from 1 on. */
  readonly hashes: Uint32Array;
  readonly failed: number;
  /** Such as `TypeError: no luck`; null where nothing failed. */
  readonly firstError: string | null;
  /** Events that wait in the store behind a dead letter. */
  readonly parked: number;
  /** Empty when nothing is. */
  readonly wrong: readonly string[];
}

interface Row {
  readonly position: number;
  readonly status: string;
  readonly key: string | null;
  readonly handler: string;
  readonly result: string | Uint8Array | null;
  readonly error: string | null;
  readonly started_at: number;
  readonly duration_us: number;
}

/** Of a store that nobody writes to any more, the outcomes of a partition with so many events. */
export function checkOutcomes(
  path: string,
  { partition, count, orderOf }: { partition: string; count: number; orderOf: (handler: string) => LaneOrder },
): OutcomesFound {
  const db = new Database(path, { readonly: true });
  try {
    const hashes = new Uint32Array(count);
    const found = { rows: 0, doubled: 0, stray: 0, early: 0, failed: 0 };
    let firstError: string | null = null;
    const endOf = new Map<string, number>();
    const rows = db
      .prepare('SELECT * FROM outcomes WHERE partition = ? ORDER BY position')
      .iterate(partition) as IterableIterator<Row>;
    for (const row of rows) {
      const index = row.position - 1;
      if (index < 0 || index >= count) found.stray += 1;
      else if (hashes[index] !== noOutcome) found.doubled += 1;
      else {
        found.rows += 1;
        const isSuccess = row.status === 'succeeded';
        hashes[index] = isSuccess ? resultHash(row.result) : hasFailed;
        if (!isSuccess) {
          found.failed += 1;
          firstError ??= errorText(row.error);
        }
      }
      const lane = laneOf(row, orderOf(row.handler));
      if (lane === null) continue;
      if (row.started_at < (endOf.get(lane) ?? 0) - roundingUs) found.early += 1;
      endOf.set(lane, row.started_at + row.duration_us);
    }
    const parked = db
      .prepare('SELECT count(*) FROM pending_events WHERE partition = ?')
      .pluck()
      .get(partition) as number;
    return { hashes, failed: found.failed, firstError, parked, wrong: wrongOf(found, { count, parked }) };
  } finally {
    db.close();
  }
}

function wrongOf(
  { rows, doubled, stray, early }: { rows: number; doubled: number; stray: number; early: number },
  { count, parked }: { count: number; parked: number },
): string[] {
  const wrong: string[] = [];
  if (rows + parked !== count) wrong.push(`${count} events, ${rows} outcomes and ${parked} that wait for theirs`);
  if (doubled > 0) wrong.push(`${doubled} events have two outcomes`);
  if (stray > 0) wrong.push(`${stray} outcomes belong to no event`);
  if (early > 0) wrong.push(`${early} events began before their predecessor of the same key had ended`);
  return wrong;
}

/** What is run one at a time; null where nothing is promised. */
function laneOf({ key, handler }: Row, order: LaneOrder): string | null {
  switch (order) {
    case 'key':
      return key === null ? null : `${handler} ${key}`;
    case 'handler':
      return handler;
    case 'global':
      return '';
    case 'none':
      return null;
  }
}

function errorText(error: string | null): string {
  if (error === null) return 'no error is on record';
  const { name, message } = JSON.parse(error) as { name?: string; message?: string };
  return `${name}: ${message}`.slice(0, 200);
}
