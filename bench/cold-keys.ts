// As many keys with state as do not fit into memory: each gets its state from one event, and once all have, each is read
// back from the store for another. Called as `node cold-keys.js '{"keys":n}'`; prints one ColdKeysRun as JSON.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { createProcessor } from '../src/index.js';
import { BenchEvents } from './bench-events.js';
import { checkStore } from './check.js';
import type handlers from './handlers-stateful.js';

export interface ColdKeysRun {
  /** Events per second of the first events of all keys, and of the second. */
  readonly newPerSecond: number;
  readonly coldPerSecond: number;
  /** Above what the processor took when it had just been made. */
  readonly rssGrowthBytes: number;
  readonly wrong: readonly string[];
}

/** How often memory is looked at. */
const sampleMs = 20;

const { keys } = JSON.parse(process.argv[2] ?? 'null') as { keys: number };
const folder = await mkdtemp(join(tmpdir(), 'keylane-bench-'));
try {
  console.log(JSON.stringify(await run(join(folder, 'cold.db'))));
} finally {
  await rm(folder, { recursive: true });
}

async function run(store: string): Promise<ColdKeysRun> {
  const events = new BenchEvents({ workload: 'no-op', keys: 'uniform', keyCount: keys, payload: '100B' });
  const processor = await createProcessor<typeof handlers>({
    ...{ handlers: new URL('./handlers-stateful.js', import.meta.url), store },
    ...{ intake: 'memory', durability: 'process' },
  });
  const idle = process.memoryUsage.rss();
  let highest = idle;
  const watch = setInterval(() => {
    highest = Math.max(highest, process.memoryUsage.rss());
  }, sampleMs);
  const rates: number[] = [];
  for (const round of [0, 1]) {
    const startMs = performance.now();
    await processor.publishMany(events.range(round * keys, (round + 1) * keys));
    await processor.whenIdle();
    rates.push((keys * 1000) / (performance.now() - startMs));
  }
  clearInterval(watch);
  await processor.drain();
  const [newPerSecond = 0, coldPerSecond = 0] = rates;
  const wrong = [...checkStore(store, { events, count: 2 * keys }), ...wrongStates(store, keys)];
  return { newPerSecond, coldPerSecond, rssGrowthBytes: highest - idle, wrong };
}

/** Every key has the state that its two events have left. */
function wrongStates(store: string, keyCount: number): string[] {
  const db = new Database(store, { readonly: true });
  try {
    const sql = "SELECT count(*) FROM states WHERE json_extract(value, '$.count') = 2";
    const right = db.prepare(sql).pluck().get() as number;
    return right === keyCount ? [] : [`${right} of ${keyCount} keys have the state of two events`];
  } finally {
    db.close();
  }
}
