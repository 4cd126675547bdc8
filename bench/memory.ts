// Resident memory while many no-op events pass: the mean around one event and around a later one. Called as
// `node memory.js '{"from":n,"to":n}'`; prints one MemoryRun as JSON.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createProcessor } from '../src/index.js';
import { BenchEvents } from './bench-events.js';
import { checkStore } from './check.js';
import type handlers from './handlers.js';

export interface MemoryRun {
  readonly rssFromBytes: number;
  readonly rssToBytes: number;
  readonly wrong: readonly string[];
}

const { from, to } = JSON.parse(process.argv[2] ?? 'null') as { from: number; to: number };
/** Memory goes up and down with each collection of garbage: samples over so many events, half of them on each side. */
const window = Math.ceil(from / 5);
const samples = 100;

const folder = await mkdtemp(join(tmpdir(), 'keylane-bench-'));
try {
  console.log(JSON.stringify(await run(join(folder, 'memory.db'))));
} finally {
  await rm(folder, { recursive: true });
}

async function run(store: string): Promise<MemoryRun> {
  const events = new BenchEvents({ workload: 'no-op', keys: 'uniform', keyCount: 1000, payload: '100B' });
  const count = to + Math.ceil(window / 2);
  const around = [from, to].map((middle) => ({ middle, sum: 0, samples: 0 }));
  const every = Math.ceil(window / samples);
  const processor = await createProcessor<typeof handlers>({
    ...{ handlers: new URL('./handlers.js', import.meta.url), store, intake: 'memory', durability: 'process' },
  });
  const sampled = function* () {
    for (let n = 0; n < count; n += 1) {
      const near = n % every === 0 ? around.find(({ middle }) => Math.abs(n - middle) <= window / 2) : undefined;
      if (near !== undefined) {
        near.sum += process.memoryUsage.rss();
        near.samples += 1;
      }
      yield events.event(n);
    }
  };
  await processor.publishMany(sampled());
  await processor.drain();
  const [rssFromBytes = 0, rssToBytes = 0] = around.map((near) => near.sum / near.samples);
  return { rssFromBytes, rssToBytes, wrong: checkStore(store, { events, count }) };
}
