// Judges a finished run from its store alone: every event once, the right sum, order kept per key.

import Database from 'better-sqlite3';

/** Gives what is wrong with the outcomes of events numbered 0 to `events` - 1; empty when nothing is. */
export function checkStore(path: string, events: number): string[] {
  const db = new Database(path, { readonly: true });
  try {
    const wrong: string[] = [];
    const one = (sql: string): unknown => db.prepare(sql).pluck().get();
    const count = one("SELECT count(*) FROM outcomes WHERE status = 'succeeded'");
    if (count !== events) wrong.push(`${events} events, ${count} succeeded outcomes`);
    const sum = one('SELECT sum(CAST(result AS INTEGER)) FROM outcomes');
    if (sum !== (events * (events - 1)) / 2) wrong.push(`the results add up to ${sum}`);
    const late = one(`
      SELECT count(*) FROM (
        SELECT started_at < lag(started_at + duration_us) OVER (PARTITION BY key ORDER BY position) - 1 AS late
        FROM outcomes
      ) WHERE late`);
    if (late !== 0) wrong.push(`${late} events began before their predecessor ended`);
    return wrong;
  } finally {
    db.close();
  }
}
