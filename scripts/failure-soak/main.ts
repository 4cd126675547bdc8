// `npm run failure-soak`: events of which some throw, loop, exit or exhaust their heap, among many that do not. At the
// end exactly those are dead-lettered, each with its true reason, and nobody else was charged or run again.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createProcessor } from '../../src/index.js';
import { judge } from './judge.js';
import { keyOf, typeOf } from './plan.js';

const { values } = parseArgs({ options: { events: { type: 'string', default: '200000' } } });
const count = Number(values.events);
if (!Number.isInteger(count) || count < 1)
  throw new Error(`--events must be a whole number from 1, got ${values.events}`);

const folder = mkdtempSync(join(tmpdir(), 'keylane-soak-'));
const store = join(folder, 'soak.db');
process.env['KEYLANE_SOAK_FOLDER'] = folder;
// It stops by itself, whatever happens.
const limit = setTimeout(() => {
  console.error('failure-soak: not done after 15 minutes');
  rmSync(folder, { recursive: true, force: true });
  process.exit(1);
}, 900_000);

try {
  const startedMs = Date.now();
  await run();
  const { counted, wrong } = judge({ store, folder, count });
  console.log(`failure-soak: ${counted}`);
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
    ...{ handlers: new URL('./handlers.js', import.meta.url), store },
    ...{ threads: 2, durability: 'process', resourceLimits: { maxOldGenerationSizeMb: 16 } },
  });
  processor.on('warning', () => {});
  const events = function* () {
    for (let n = 1; n <= count; n += 1) yield { type: typeOf(n), key: `key-${keyOf(n)}`, data: { n } };
  };
  await processor.publishMany(events());
  await processor.drain();
}
