// Judges a finished run from its store alone: every event once, order kept, and what became of each, to be compared.

import Database from 'better-sqlite3';
import type { LaneOrder } from '../../src/policy.js';
import type { Route } from '../../src/routes.js';
import { hasFailed, joinedHash, noOutcome, resultHash } from './result-hash.js';

/** Times are cut to whole microseconds, so that neighbours may seem to overlap by one. */
const roundingUs = 1;

export interface OutcomesFound {
  /** By position, from 1 on. */
  readonly hashes: Uint32Array;
  /** Events of which a handler failed. */
  readonly failed: number;
  /** Such as `TypeError: no luck`; null where nothing failed. */
  readonly firstError: string | null;
  /** Outcomes that wait in the store behind a dead letter. */
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

/** What the events of a partition owe, and in what order. */
interface Owed {
  readonly partition: string;
  readonly count: number;
  /** Of all handlers, by their indexes. */
  readonly handlers: readonly string[];
  readonly orders: readonly LaneOrder[];
  routeAt(position: number): Route;
}

/** Of a store that nobody writes to any more, the outcomes of a partition. */
export function checkOutcomes(path: string, { partition, count, handlers, orders, routeAt }: Owed): OutcomesFound {
  const db = new Database(path, { readonly: true });
  try {
    const hashes = new Uint32Array(count);
    const found = { owed: 0, rows: 0, doubled: 0, stray: 0, early: 0 };
    for (let position = 1; position <= count; position += 1) found.owed += routeAt(position).length;
    let firstError: string | null = null;
    const endOf = new Map<string, number>();
    const rows = db
      .prepare('SELECT * FROM outcomes WHERE partition = ? ORDER BY position')
      .iterate(partition) as IterableIterator<Row>;
    for (const together of byPosition(rows)) {
      const { position } = together[0]!;
      const route = position >= 1 && position <= count ? routeAt(position) : [];
      const came = route.map(() => noOutcome);
      const placeOf = (row: Row): number => route.indexOf(handlers.indexOf(row.handler));
      for (const row of together.sort((a, b) => placeOf(a) - placeOf(b))) {
        const place = placeOf(row);
        if (place === -1) found.stray += 1;
        else if (came[place] !== noOutcome) found.doubled += 1;
        else {
          found.rows += 1;
          const isSuccess = row.status === 'succeeded';
          came[place] = isSuccess ? resultHash(row.result) : hasFailed;
          if (!isSuccess) firstError ??= errorText(row.error);
        }
        const lane = laneOf(row, orders[handlers.indexOf(row.handler)] ?? 'none');
        if (lane === null) continue;
        if (row.started_at < (endOf.get(lane) ?? 0) - roundingUs) found.early += 1;
        endOf.set(lane, row.started_at + row.duration_us);
      }
      if (route.length > 0) hashes[position - 1] = joinedHash(came);
    }
    const parked = db
      .prepare('SELECT count(*) FROM pending_events WHERE partition = ?')
      .pluck()
      .get(partition) as number;
    const failed = hashes.reduce((sum, hash) => sum + (hash === hasFailed ? 1 : 0), 0);
    return { hashes, failed, firstError, parked, wrong: wrongOf({ ...found, parked }) };
  } finally {
    db.close();
  }
}

/** The outcomes of each event together. */
function* byPosition(rows: Iterable<Row>): Generator<Row[]> {
  let together: Row[] = [];
  for (const row of rows) {
    if (together.length > 0 && together[0]!.position !== row.position) {
      yield together;
      together = [];
    }
    together.push(row);
  }
  if (together.length > 0) yield together;
}

function wrongOf(of: Record<'owed' | 'rows' | 'parked' | 'doubled' | 'stray' | 'early', number>): string[] {
  const { owed, rows, parked, doubled, stray, early } = of;
  const wrong: string[] = [];
  if (rows + parked !== owed) wrong.push(`${owed} outcomes are owed, ${rows} are there and ${parked} wait`);
  if (doubled > 0) wrong.push(`${doubled} outcomes are there twice`);
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
