// A short form of `npm run crash-test`: what was accepted survives SIGKILL at any moment, exactly once and in order.
// A failing seed is printed; `KEYLANE_SEED=<seed> npm test -- test/crash.test.ts` runs it alone.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { sized } from './long-form.js';

const main = fileURLToPath(new URL('../dist/scripts/crash-test/main.js', import.meta.url));
const seed = process.env['KEYLANE_SEED'] ?? String(Date.now() % 1_000_000);

const kills = sized({ short: 6, long: 60 });
/** Of each kind of handlers that keep state. */
const fewer = sized({ short: 2, long: 12 });

test(`${kills} deaths lose nothing, double nothing and keep the order`, { timeout: 240_000 }, async () => {
  const printed = await run(['--kills', String(kills), '--events-max', '600']);
  expect(printed).toContain('lost 0, duplicates 0, out of order 0, wrong otherwise 0');
});

test.each([
  ['events that run together', '--together'],
  ['events of which the newest counts', '--latest'],
])('deaths leave %s with the states and outcomes of a run without any', { timeout: 240_000 }, async (_, flag) => {
  expect(await run([flag, '--kills', String(fewer)])).toContain(`${fewer} kills, 0 things wrong`);
});

/** Runs the crash test to its end, which must be a good one; gives what it printed. */
async function run(flags: readonly string[]): Promise<string> {
  const args = [main, '--seed', seed, ...flags];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill());
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      printed += chunk;
    });
  }
  const [code] = await once(child, 'close');
  expect(code, printed).toBe(0);
  return printed;
}
