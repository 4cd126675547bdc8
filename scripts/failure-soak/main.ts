// `npm run failure-soak`: events of which some throw, loop, exit or exhaust their heap, among many that do not. At the
// end exactly those are dead-lettered, each with its true reason, and nobody else was charged or run again.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import Database from 'better-sqlite3';
import { createProcessor } from '../../src/index.js';
import { type Fate, fateOf, keys, reasons } from './plan.js';

const { values } = parseArgs({ options: { events: { type: 'string', default: '200000' } } });
const count = Number(values.events);
if (!Number.isInteger(count) || count < 1)
  throw new Error(`--events must be a whole number from 1, got ${values.events}`);

const folder = mkdtempSync(join(tmpdir(), 'keylane-soak-'));
process.env['KEYLANE_SOAK_FOLDER'] = folder;
// It stops by itself, whatever happens.
const limit = setTimeout(() => {
  console.error('failure-soak: not done after 15 minutes');
  process.exit(1);
}, 900_000);
/** What each thread ran to its end, in its order. */
const endOrder: number[][] = [];

try {
  const startedMs = Date.now();
  await run();
  const wrong = judge();
  console.log(`failure-soak: ${count} events in ${((Date.now() - startedMs) / 1000).toFixed(1)} s`);
  for (const line of wrong.slice(0, 20)) console.log(`  wrong: ${line}`);
  console.log(wrong.length === 0 ? 'failure-soak: all well' : `failure-soak: ${wrong.length} wrong`);
  process.exitCode = wrong.length === 0 ? 0 : 1;
} finally {
  clearTimeout(limit);
  rmSync(folder, { recursive: true });
}

async function run(): Promise<void> {
  const processor = await createProcessor({
    ...{ handlers: new URL('./handlers.js', import.meta.url), store: join(folder, 'soak.db') },
    ...{ threads: 2, durability: 'process', resourceLimits: { maxOldGenerationSizeMb: 16 } },
  });
  processor.on('warning', () => {});
  const events = function* () {
    for (let n = 1; n <= count; n += 1) yield { type: 'soak', key: `key-${n % keys}`, data: { n } };
  };
  await processor.publishMany(events());
  await processor.drain();
}

/** Goes by the store, read through another connection, and by what the threads wrote down. */
function judge(): string[] {
  const wrong: string[] = [];
  const db = new Database(join(folder, 'soak.db'), { readonly: true });
  const failures = new Map<number, number>();
  for (const { position } of db.prepare('SELECT position FROM attempt_failure').iterate() as Iterable<Row>) {
    failures.set(position, (failures.get(position) ?? 0) + 1);
  }
  const ends = endsByNumber();
  const seen = new Map<Fate, number>();
  let outcomes = 0;
  const rows = db.prepare('SELECT position, status, attempts, error, result, key FROM outcomes ORDER BY position');
  for (const row of rows.iterate() as Iterable<Row>) {
    outcomes += 1;
    const n = row.position;
    const fate = fateOf(n);
    seen.set(fate, (seen.get(fate) ?? 0) + 1);
    const said = judgeOne(row, { fate, ends: ends.get(n) ?? 0, failures: failures.get(n) ?? 0 });
    if (said !== null) wrong.push(`event ${n} (${fate}) ${said}`);
  }
  db.close();
  if (outcomes !== count) wrong.push(`${outcomes} outcomes of ${count} events`);
  wrong.push(...outOfOrder());
  const shown = [...seen].map(([fate, of]) => `${of} ${fate}`).join(', ');
  console.log(
    `failure-soak: ${outcomes} outcomes (${shown}), ${failures.size} events with failed tries before the last`,
  );
  return wrong;
}

interface Row {
  readonly position: number;
  readonly status: string;
  readonly attempts: number;
  readonly error: string | null;
  readonly result: string | null;
  readonly key: string;
}

function judgeOne(row: Row, { fate, ends, failures }: { fate: Fate; ends: number; failures: number }): string | null {
  if (fate === 'fine') {
    if (row.status !== 'succeeded' || row.result !== String(row.position)) return `is ${row.status}: ${row.error}`;
    if (row.attempts !== 1 || failures > 0) return `was charged ${row.attempts} tries, ${failures} failures`;
    return ends === 1 ? null : `ran to its end ${ends} times`;
  }
  const { name, text } = reasons[fate];
  if (row.status !== 'dead-lettered') return `is ${row.status}`;
  if (row.attempts !== 2 || failures !== 1) return `has ${row.attempts} tries and ${failures} failures on record`;
  const error = row.error ?? '';
  return JSON.parse(error).name === name && text.test(error) ? null : `failed with ${error.slice(0, 300)}`;
}

/** How often each event ran to its end. */
function endsByNumber(): Map<number, number> {
  const ends = new Map<number, number>();
  for (const name of readdirSync(folder).filter((file) => file.startsWith('ends-'))) {
    const bytes = readFileSync(join(folder, name));
    const numbers = [...new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength))];
    endOrder.push(numbers);
    for (const n of numbers) ends.set(n, (ends.get(n) ?? 0) + 1);
  }
  return ends;
}

function outOfOrder(): string[] {
  return endOrder.flatMap((numbers) => {
    const last = new Map<number, number>();
    return numbers.flatMap((n) => {
      const before = last.get(n % keys) ?? 0;
      last.set(n % keys, n);
      return n < before ? [`event ${n} ran after event ${before} of its key`] : [];
    });
  });
}
