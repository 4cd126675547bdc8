// Judges a finished run from its store alone: every event once, with its key and its result, order kept per key.

import Database from 'better-sqlite3';
import type { BenchEvents } from './bench-events.js';

/** Times are cut to whole microseconds, so that neighbours may seem to overlap by one. */
const roundingUs = 1;

type Row = [position: number, status: string, key: string | null, result: unknown, startedAtUs: number, us: number];

/** Gives what is wrong with the outcomes of events 0 to `count` - 1, published in this order; empty when nothing is. */
export function checkStore(path: string, { events, count }: { events: BenchEvents; count: number }): string[] {
  const db = new Database(path, { readonly: true });
  try {
    const found = { rows: 0, unsuccessful: 0, misplaced: 0, keys: 0, results: 0, early: 0 };
    const endOfKey = new Map<string, number>();
    const rows = db
      .prepare('SELECT position, status, key, result, started_at, duration_us FROM outcomes ORDER BY position')
      .raw()
      .iterate() as IterableIterator<Row>;
    for (const [position, status, key, result, startedAtUs, durationUs] of rows) {
      const n = position - 1;
      if (n !== found.rows) found.misplaced += 1;
      found.rows += 1;
      if (status !== 'succeeded') found.unsuccessful += 1;
      if (key !== events.keyOf(n)) found.keys += 1;
      if (Number(result) !== events.resultOf(n)) found.results += 1;
      if (key === null) continue;
      if (startedAtUs < (endOfKey.get(key) ?? 0) - roundingUs) found.early += 1;
      endOfKey.set(key, startedAtUs + durationUs);
    }
    const wrong: string[] = [];
    if (found.rows !== count) wrong.push(`${count} events, ${found.rows} outcomes`);
    if (found.unsuccessful > 0) wrong.push(`${found.unsuccessful} outcomes are no success`);
    if (found.misplaced > 0) wrong.push(`${found.misplaced} outcomes are not at the position expected`);
    if (found.keys > 0) wrong.push(`${found.keys} outcomes have another key than their event`);
    if (found.results > 0) wrong.push(`${found.results} results are not what the handler must give`);
    if (found.early > 0) wrong.push(`${found.early} events began before their predecessor of the same key had ended`);
    return wrong;
  } finally {
    db.close();
  }
}
