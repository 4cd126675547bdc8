// What the judge asks of the outcomes: one for every event and every line, what its handler gives for it, and per
// handler and key in the order of positions; and what a reader once saw has not changed.

import type { Database } from 'better-sqlite3';
import type { Findings } from './findings.js';
import type { JournalFound } from './judge-events.js';
import { logPath, readLines, type SeenLine } from './line-log.js';
import { dataOf, lineNumberFirst, resultOf, shownValue, type Work, workOf } from './workload.js';

interface OutcomeRow {
  readonly partition: string;
  readonly position: number;
  readonly id: string | null;
  readonly type: string;
  readonly key: string | null;
  readonly handler: string;
  readonly status: string;
  readonly started_at: number;
  readonly duration_us: number;
  readonly result: string | Buffer | null;
  readonly error: string | null;
}

interface Expected {
  readonly seed: number;
  readonly folder: string;
  readonly lives: number;
  readonly lines: number;
  readonly journal: JournalFound;
  readonly ended: ReadonlySet<string>;
  readonly findings: Findings;
}

/** Gives the number of outcomes. */
export function judgeOutcomes(db: Database, expected: Expected): number {
  const { seed, lines, journal, ended, findings } = expected;
  const seenBefore = readSeen(expected);
  const inJournal = new Set<number>();
  const ofLines = new Set<number>();
  const lanes = new Map<string, { position: number; endUs: number }>();
  let count = 0;
  const rows = db.prepare('SELECT * FROM outcomes ORDER BY partition, position');
  for (const row of rows.iterate() as Iterable<OutcomeRow>) {
    count += 1;
    const { partition, position } = row;
    const isPublished = partition === 'journal';
    const n = isPublished ? journal.numbers.get(position) : lineNumberFirst + position - 1;
    const seen = isPublished ? inJournal : ofLines;
    if (seen.has(position)) findings.add('duplicates', `${partition} ${position} has two outcomes`);
    seen.add(position);
    if (n === undefined || (!isPublished && position > lines)) {
      findings.add('other', `${partition} ${position} has an outcome and was never stored`);
      continue;
    }
    const wrong = wrongIn(row, workOf(seed, n));
    if (wrong !== null) findings.add('other', `${partition} ${position} ${wrong}`);
    if (!ended.has(`${partition} ${position}`))
      findings.add('other', `${partition} ${position} was not tried to its end`);
    const startedAt = isPublished ? seenBefore.get(position) : undefined;
    if (startedAt !== undefined && startedAt !== row.started_at) {
      findings.add('duplicates', `${partition} ${position} had an outcome that was replaced`);
    }
    judgeOrder(row, { lanes, findings });
  }
  for (const [position] of seenBefore) {
    if (!inJournal.has(position)) findings.add('lost', `event ${position} had an outcome that is gone`);
  }
  for (const [position] of journal.numbers) {
    if (!inJournal.has(position)) findings.add('lost', `event ${position} of the journal has no outcome`);
  }
  for (let position = 1; position <= lines; position += 1) {
    if (!ofLines.has(position)) findings.add('lost', `line ${position} has no outcome`);
  }
  return count;
}

/** When the outcomes began that a reader saw, by position: as the first that saw them found it. */
function readSeen({ folder, lives }: Expected): Map<number, number> {
  const seen = new Map<number, number>();
  for (let life = 1; life <= lives; life += 1) {
    for (const [position, startedAt] of readLines<SeenLine>(logPath(folder, { log: 'seen', life }))) {
      if (!seen.has(position)) seen.set(position, startedAt);
    }
  }
  return seen;
}

function wrongIn(row: OutcomeRow, work: Work): string | null {
  if (row.status !== 'succeeded') return `is ${row.status}: ${row.error}`;
  const { id, type, key, handler, result } = row;
  if (id !== work.id || type !== work.type || key !== work.key || handler !== work.type) return "names another's event";
  if (result === null || shownValue(result) !== shownValue(resultOf(work.type, dataOf(work)))) {
    return `has the result ${result === null ? 'null' : shownValue(result)}`;
  }
  return null;
}

function judgeOrder(
  { partition, handler, key, position, started_at, duration_us }: OutcomeRow,
  { lanes, findings }: { lanes: Map<string, { position: number; endUs: number }>; findings: Findings },
): void {
  if (key === null) return;
  const name = `${partition} ${handler} ${key}`;
  const before = lanes.get(name);
  // A microsecond is lost to rounding on either side.
  if (before !== undefined && started_at < before.endUs - 1) {
    findings.add('outOfOrder', `${partition} ${position} began before ${before.position} of its key had ended`);
  }
  lanes.set(name, { position, endUs: started_at + duration_us });
}
