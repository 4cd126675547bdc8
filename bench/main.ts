// `npm run bench`: no-op events through a whole processor at several thread counts, each cell in a process of its own,
// checked, and told as a ratio to what one thread can insert. `--smoke` is the same in seconds, for CI: it fails on a
// wrong result, never on time. `--json` prints one JSON object instead of the table.

import { execFile, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import Database from 'better-sqlite3';
import type { Cell, CellResult } from './cell.js';

const { values: flags } = parseArgs({
  options: { smoke: { type: 'boolean', default: false }, json: { type: 'boolean', default: false } },
});
const size = flags.smoke
  ? { events: 50_000, repeats: 1, growthEvents: 0 }
  : { events: 500_000, repeats: 5, growthEvents: 8_000_000 };
const cores = availableParallelism();
const threadCounts = [...new Set([1, 2, cores])].filter((threads) => threads <= Math.max(2, cores));

/** One line of the report: the median of its runs. */
interface Row {
  readonly threads: number;
  readonly intake: string;
  readonly durability: string;
  readonly eventsPerSecond: number;
  readonly spread: number;
  readonly cpuUsPerEvent: number;
  readonly ofInsertLimit: number;
}

const rows: Row[] = [];
const wrong: string[] = [];
/** The first is the lightest there is, the last is what one gets without asking. */
const settings = [
  { intake: 'memory', durability: 'process' },
  { intake: 'memory', durability: 'power' },
  { intake: 'journal', durability: 'process' },
  { intake: 'journal', durability: 'power' },
] as const;
for (const { intake, durability } of settings) {
  const limits: number[] = [];
  for (let repeat = 0; repeat < size.repeats; repeat += 1) {
    const args = [size.events, durability, intake];
    limits.push((await json<{ eventsPerSecond: number }>('insert-limit.js', args)).eventsPerSecond);
  }
  for (const threads of threadCounts) {
    const runs: CellResult[] = [];
    for (let repeat = 0; repeat < size.repeats; repeat += 1) {
      runs.push(await runCell({ threads, intake, durability, events: size.events, keys: 1000 }));
    }
    const rates = runs.map((run) => run.eventsPerSecond);
    rows.push({
      ...{ threads, intake, durability, eventsPerSecond: Math.round(median(rates)) },
      spread: round((Math.max(...rates) - Math.min(...rates)) / median(rates)),
      cpuUsPerEvent: round(median(runs.map((run) => run.cpuUsPerEvent))),
      ofInsertLimit: round(median(rates) / median(limits)),
    });
  }
}
const growth =
  size.growthEvents === 0
    ? null
    : await runCell({ threads: cores, intake: 'memory', durability: 'process', events: size.growthEvents, keys: 1000 });
print();
process.exitCode = wrong.length === 0 ? 0 : 1;

async function runCell(cell: Cell): Promise<CellResult> {
  const result = await json<CellResult>('cell.js', [JSON.stringify(cell)]);
  for (const what of result.wrong) wrong.push(`${cell.threads} threads, ${cell.intake}, ${cell.durability}: ${what}`);
  return result;
}

async function json<T>(script: string, args: readonly (string | number)[]): Promise<T> {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [path, ...args.map(String)]);
  return JSON.parse(stdout) as T;
}

function print(): void {
  const machine = `${cpus()[0]?.model}, ${cores} cores, Node ${process.version}, load ${loadavg()[0]?.toFixed(2)}`;
  if (flags.json) {
    console.log(
      JSON.stringify({ version: 1, machine, subject: subject(), events: size.events, rows, growth, wrong }, null, 2),
    );
    return;
  }
  console.log(`No-op handler, 1,000 keys, ~100-byte data, ${size.events} events a run, median of ${size.repeats}`);
  console.log(machine);
  console.log(subject());
  console.table(
    rows.map((row) => ({
      threads: row.threads > cores ? `${row.threads} (over cores)` : row.threads,
      intake: row.intake,
      durability: row.durability,
      'events/s': row.eventsPerSecond,
      spread: row.spread,
      'CPU us/event': row.cpuUsPerEvent,
      'of one-thread insert': row.ofInsertLimit,
    })),
  );
  if (growth !== null) {
    const [from, to] = [growth.rssMiddleBytes, growth.rssEndBytes].map((bytes) => (bytes / 1e6).toFixed(0));
    const [middle, end] = [growth.events / 2, growth.events].map((events) => events.toLocaleString('en'));
    console.log(`Resident memory at event ${middle}: ${from} MB; at event ${end}: ${to} MB.`);
  }
  for (const what of wrong) console.error(`WRONG: ${what}`);
  if (wrong.length === 0) console.log('Checked: every event once, the right sum, order kept per key.');
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;
}

/** What was measured, and with what: the commit where there is one, and the versions that carry the work. */
function subject(): string {
  const git = spawnSync('git', ['describe', '--always', '--dirty'], { encoding: 'utf8' });
  const commit = git.status === 0 ? git.stdout.trim() : 'no commit';
  const versionOf = (name: string): string => {
    const manifest = new URL(`../../node_modules/${name}/package.json`, import.meta.url);
    return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
  };
  const sqlite = new Database(':memory:').prepare('SELECT sqlite_version()').pluck().get();
  const packages = ['piscina', 'better-sqlite3'].map((name) => `${name} ${versionOf(name)}`);
  return `keylane ${commit}, ${packages.join(', ')}, SQLite ${sqlite}`;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
