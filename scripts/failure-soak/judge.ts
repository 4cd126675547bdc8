// The judge of the soak goes by the finished store, read through a connection of its own, and by what the threads wrote
// down; it asks the processor nothing.

import Database from 'better-sqlite3';
import { attemptsMax, type Fate, fateOf, keyOf, reasons, typeOf } from './plan.js';
import { type LogRecord, readLogs } from './thread-log.js';

interface Row {
  readonly position: number;
  readonly status: string;
  readonly attempts: number;
  readonly error: string | null;
  readonly result: string | null;
}

interface FailedTry {
  readonly position: number;
  readonly attempt: number;
  readonly is_counted: number;
  readonly error: string | null;
}

/** What is known of one event besides its outcome. */
interface Traces {
  starts: number;
  ends: number;
  readonly failures: FailedTry[];
}

/** Gives what it counted, and a line for each thing that is wrong. */
export function judge(at: { store: string; folder: string; count: number }): { counted: string; wrong: string[] } {
  const wrong: string[] = [];
  const records = readLogs(at.folder);
  const db = new Database(at.store, { readonly: true });
  const tracesOf = gatherTraces(records, db.prepare('SELECT * FROM attempt_failure').all() as FailedTry[]);
  const seen = { fine: 0, throws: 0, loops: 0, exits: 0, exhausts: 0 };
  let outcomes = 0;
  const rows = db.prepare('SELECT position, status, attempts, error, result FROM outcomes ORDER BY position');
  for (const row of rows.iterate() as Iterable<Row>) {
    outcomes += 1;
    if (row.position !== outcomes) wrong.push(`outcome ${outcomes} is that of event ${row.position}`);
    const fate = fateOf(row.position);
    seen[fate] += 1;
    const said = judgeOne(row, fate, tracesOf(row.position));
    if (said !== null) wrong.push(`event ${row.position} (${fate}) ${said}`);
  }
  db.close();
  if (outcomes !== at.count) wrong.push(`${outcomes} outcomes of ${at.count} events`);
  wrong.push(...outOfOrder(records));
  const shown = Object.entries(seen).map(([fate, of]) => `${of} ${fate}`);
  const starts = records.filter(({ what }) => what === 'start').length;
  const runs = `${starts} starts, ${records.length - starts} ends`;
  return { counted: `${outcomes} outcomes (${shown.join(', ')}), ${runs}`, wrong };
}

function gatherTraces(records: readonly LogRecord[], failures: readonly FailedTry[]): (n: number) => Traces {
  const traces = new Map<number, Traces>();
  const of = (n: number): Traces => {
    const found = traces.get(n) ?? { starts: 0, ends: 0, failures: [] };
    traces.set(n, found);
    return found;
  };
  for (const { n, what } of records) {
    if (what === 'start') of(n).starts += 1;
    else of(n).ends += 1;
  }
  for (const failure of failures) of(failure.position).failures.push(failure);
  return of;
}

/** What is wrong with an event; null when nothing is. */
function judgeOne(row: Row, fate: Fate, { starts, ends, failures }: Traces): string | null {
  if (fate === 'fine') {
    if (row.status !== 'succeeded' || row.result !== String(row.position)) return `is ${row.status}: ${row.error}`;
    if (row.attempts !== 1 || failures.length > 0)
      return `has ${row.attempts} tries, ${failures.length} of them failed`;
    // The handlers are synchronous, so no thread dies of one event while it runs another.
    return starts === 1 && ends === 1 ? null : `started ${starts} times and ended ${ends} times`;
  }
  if (row.status !== 'dead-lettered') return `is ${row.status}`;
  if (row.attempts !== attemptsMax) return `has ${row.attempts} tries`;
  if (starts !== attemptsMax || ends !== 0) return `started ${starts} times and ended ${ends} times`;
  const attempts = failures.map(({ attempt, is_counted }) => attempt * is_counted).sort((a, b) => a - b);
  if (attempts.join() !== Array.from({ length: attemptsMax - 1 }, (_, index) => index + 1).join()) {
    return `has tries ${attempts.join()} on record before the last`;
  }
  const untrue = [row.error, ...failures.map(({ error }) => error)].find((error) => !isReason(error, fate));
  return untrue === undefined ? null : `failed with ${untrue?.slice(0, 300)}`;
}

function isReason(error: string | null, fate: Exclude<Fate, 'fine'>): boolean {
  const { name, text } = reasons[fate];
  return error !== null && JSON.parse(error).name === name && text.test(error);
}

/**
 * Within a lane every start comes after all starts and ends of earlier events, in whichever threads; a try that comes
 * again is the same event's.
 */
function outOfOrder(records: readonly LogRecord[]): string[] {
  const last = new Map<string, number>();
  return records.flatMap(({ n, what }) => {
    const lane = `${typeOf(n)} ${keyOf(n)}`;
    const before = last.get(lane) ?? 0;
    last.set(lane, Math.max(n, before));
    return n < before ? [`event ${n} had its ${what} after the start of event ${before} of its lane`] : [];
  });
}
