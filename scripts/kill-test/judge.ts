// The judge of the kill test, in a process of its own: reads nothing but the finished store. Called as
// `node judge.js <store> <lines>`; prints what is wrong and exits with 1, or prints what it found.

import Database from 'better-sqlite3';
import { digest } from './handlers.js';

interface Row {
  readonly position: number;
  readonly key: string;
  readonly status: string;
  readonly started_at: number;
  readonly duration_us: number;
  readonly result: string;
}

const [path, lines] = [process.argv[2] as string, Number(process.argv[3])];
const db = new Database(path, { readonly: true });
const rows = db
  .prepare('SELECT position, key, status, started_at, duration_us, result FROM outcomes ORDER BY position')
  .all() as Row[];
db.close();

const wrong: string[] = [];
if (rows.length !== lines) wrong.push(`${lines} lines, ${rows.length} outcomes`);
const endOf = new Map<string, number>();
rows.forEach((row, index) => {
  if (row.position !== index + 1) wrong.push(`line ${index + 1} has no outcome of its own, found ${row.position}`);
  if (row.status !== 'succeeded') wrong.push(`line ${row.position} is ${row.status}`);
  const { n, digest: found } = JSON.parse(row.result) as { n: number; digest: number };
  if (n !== index || (index % 100 === 0 && found !== digest(n)))
    wrong.push(`line ${row.position} has another's result`);
  // A microsecond is lost to rounding on either side.
  if (row.started_at < (endOf.get(row.key) ?? 0) - 1)
    wrong.push(`line ${row.position} began before its predecessor ended`);
  endOf.set(row.key, row.started_at + row.duration_us);
});
for (const what of wrong.slice(0, 10)) console.error(what);
if (wrong.length > 10) console.error(`and ${wrong.length - 10} more`);
console.log(`${rows.length} outcomes for ${lines} lines over ${endOf.size} keys: ${wrong.length} wrong`);
process.exitCode = wrong.length === 0 ? 0 : 1;
