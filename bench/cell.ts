// One cell of the bench, in a process of its own: so many events through a fresh store, then every result is checked.
// Called as `node cell.js '<Cell as JSON>'`; prints one CellResult as JSON. The pool is warm before the clock starts.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createProcessor, type Durability, type IntakeMode } from '../src/index.js';
import { checkStore } from './check.js';
import type handlers from './handlers.js';

export interface Cell {
  readonly threads: number;
  readonly events: number;
  readonly keys: number;
  readonly durability: Durability;
  readonly intake: IntakeMode;
}

export interface CellResult extends Cell {
  /** From the first publish to the last durable outcome. */
  readonly eventsPerSecond: number;
  /** CPU of the whole process per event, in microseconds. */
  readonly cpuUsPerEvent: number;
  /** Resident memory, in bytes: the mean over the middle tenth of the events, and over the last. */
  readonly rssMiddleBytes: number;
  readonly rssEndBytes: number;
  /** What is wrong with the stored outcomes; empty when nothing is. */
  readonly wrong: readonly string[];
}

const cell = JSON.parse(process.argv[2] ?? 'null') as Cell | null;
if (cell === null) throw new Error('expected a cell as JSON; run `npm run bench`');
const folder = await mkdtemp(join(tmpdir(), 'keylane-bench-'));
try {
  console.log(JSON.stringify(await run(cell, join(folder, 'bench.db'))));
} finally {
  await rm(folder, { recursive: true });
}

async function run(cell: Cell, store: string): Promise<CellResult> {
  const { threads, durability, intake } = cell;
  const handlersUrl = new URL('./handlers.js', import.meta.url);
  const processor = await createProcessor<typeof handlers>({
    ...{ handlers: handlersUrl, store, threads, durability, intake },
  });
  const rss: number[] = [];
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  await processor.publishMany(events(cell, rss));
  await processor.drain();
  const seconds = (performance.now() - startMs) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return {
    ...cell,
    eventsPerSecond: cell.events / seconds,
    cpuUsPerEvent: (user + system) / cell.events,
    rssMiddleBytes: mean(rss.slice(50, 60)),
    rssEndBytes: mean(rss.slice(90)),
    wrong: checkStore(store, cell.events),
  };
}

/** Events over uniform keys; samples resident memory a hundred times, evenly. */
function* events(cell: Cell, rss: number[]) {
  const padding = 'x'.repeat(80);
  const every = Math.ceil(cell.events / 100);
  for (let n = 0; n < cell.events; n += 1) {
    if (n % every === 0) rss.push(process.memoryUsage.rss());
    yield { type: 'no-op', key: `key-${(n * 7919) % cell.keys}`, data: { n, padding } } as const;
  }
}

function mean(values: readonly number[]): number {
  return Math.round(values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length));
}
