// How fast one thread inserts outcomes into a store that holds few, and once it holds many. Called as
// `node growth.js '{"small":n,"large":n,"window":n}'`; prints one GrowthRun as JSON.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BenchEvents } from './bench-events.js';
import { GroupMaker } from './group-maker.js';

export interface GrowthRun {
  /** Rows per second over the window behind so many rows. */
  readonly rateSmall: number;
  readonly rateLarge: number;
  readonly wrong: readonly string[];
}

interface Request {
  readonly small: number;
  readonly large: number;
  readonly window: number;
}

const { small, large, window } = JSON.parse(process.argv[2] ?? 'null') as Request;
const folder = await mkdtemp(join(tmpdir(), 'keylane-bench-'));
try {
  const payload = '100B';
  const events = new BenchEvents({ workload: 'no-op', keys: 'uniform', keyCount: 1000, payload });
  const path = join(folder, 'growth.db');
  const maker = new GroupMaker({ path, durability: 'process', intake: 'memory', payload, events });
  maker.append(small);
  const rateSmall = window / maker.append(window);
  maker.append(large - small - window);
  const rateLarge = window / maker.append(window);
  console.log(JSON.stringify({ rateSmall, rateLarge, wrong: maker.close() } satisfies GrowthRun));
} finally {
  await rm(folder, { recursive: true });
}
