// The judge of the power test: reads the store as any program may and holds it against what was acknowledged. It shares
// no code with the library.

import Database from 'better-sqlite3';

/** One run of the publisher, from its start to its loss of power. */
export interface Life {
  readonly number: number;
  /** The position in each receipt, by the number of the event. */
  readonly acknowledged: Map<number, number>;
  /** Numbers of events whose receipts came when the power was gone. */
  readonly late: Set<number>;
  /** Events of it that the store held when it was last judged, or 0. */
  kept: number;
}

export interface Verdict {
  /** What must not be at any durability, in sentences. */
  readonly wrong: string[];
  /** Acknowledged events that the store does not hold. */
  readonly lost: number;
  readonly events: number;
  readonly deadLettered: number;
}

interface EventRow {
  readonly position: number;
  readonly data: string;
  readonly outcomes: number;
  readonly status: string | null;
  readonly result: string | null;
}

const eventsSql = `
  SELECT event.position, event.data, count(outcomes.position) AS outcomes, status, result
  FROM event LEFT JOIN outcomes ON outcomes.partition = 'journal' AND outcomes.position = event.position
  GROUP BY event.position ORDER BY event.position`;

/** Judges a store in which nothing is owed any more. Notes in each life how much of it was kept. */
export function judge(path: string, lives: readonly Life[]): Verdict {
  const db = new Database(path, { readonly: true });
  try {
    const wrong: string[] = [];
    const integrity = db.pragma('integrity_check', { simple: true });
    if (integrity !== 'ok') wrong.push(`integrity_check says ${String(integrity)}`);
    const rows = db.prepare(eventsSql).all() as EventRow[];
    const outcomes = db.prepare('SELECT count(*) FROM outcomes').pluck().get() as number;
    if (outcomes !== rows.length) wrong.push(`${rows.length} events have ${outcomes} outcomes`);
    const found = new Map(lives.map(({ number }) => [number, [] as number[]]));
    for (const row of rows) {
      const { life, n } = JSON.parse(row.data) as { life: number; n: number };
      wrong.push(...wrongWith(row, `{"life":${life},"n":${n}}`));
      found.get(life)?.push(row.position);
      const expected = (found.get(life)?.length ?? 0) - 1;
      if (n !== expected) wrong.push(`event ${n} of life ${life} stands where its event ${expected} should`);
    }
    let lost = 0;
    for (const life of lives) lost += judgeLife(life, found.get(life.number) ?? [], wrong);
    const deadLettered = rows.filter(({ status }) => status === 'dead-lettered').length;
    return { wrong, lost, events: rows.length, deadLettered };
  } finally {
    db.close();
  }
}

function wrongWith({ position, outcomes, status, result }: EventRow, expected: string): string[] {
  if (outcomes !== 1) return [`the event at ${position} has ${outcomes} outcomes`];
  if (status === 'succeeded' && result !== expected) return [`the event at ${position} has the result ${result}`];
  return [];
}

/** How many acknowledged events of a life are missing; `positions` are those of its events, without a hole. */
function judgeLife(life: Life, positions: readonly number[], wrong: string[]): number {
  let lost = 0;
  for (const [n, position] of life.acknowledged) {
    if (n >= positions.length) lost += 1;
    else if (positions[n] !== position) {
      wrong.push(`event ${n} of life ${life.number} was promised position ${position}, found at ${positions[n]}`);
    }
  }
  // Judged once, the store had been closed in order: what it held then stays at every durability.
  if (positions.length < life.kept) {
    wrong.push(`life ${life.number} had ${life.kept} events after an orderly end, now ${positions.length}`);
  }
  life.kept = positions.length;
  return lost;
}
