// What follows a try, where what a handler throws, or what its module says of it, makes no sense.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { openStore } from '../dist/src/index.js';
import { makeFolder, makeProcessor } from './processor-fixture.js';

function moduleOf(text: string): URL {
  const path = join(makeFolder(), 'handlers.mjs');
  writeFileSync(path, text);
  return pathToFileURL(path);
}

const quick = { backoffMsMin: 0, backoffMsMax: 1 };

/** Runs one event of each handler, to the end; gives the outcomes by type. */
async function outcomesOf(handlers: URL, types: readonly string[]) {
  const store = join(makeFolder(), 'test.db');
  const processor = await makeProcessor({ store, handlers, attemptsMax: 2, ...quick });
  for (const type of types) await processor.publish({ type, key: type });
  await processor.drain();
  const stats = processor.stats();
  await processor.stop();
  using reader = openStore(store);
  const outcomes = types.map((_, index) => reader.outcome({ partition: 'journal', position: index + 1 }));
  return { outcomes, stats };
}

test('a RetryLater without a sensible wait is an ordinary failure, and costs no other event', async () => {
  const waits = ['NaN', 'Infinity', '-Infinity', '-1', 'null', 'undefined', '"5"', '1n', '{}'];
  const ducks = waits.map((wait, index) => `d${index}: () => { throw { [later]: true, delayMs: ${wait} }; },`);
  const handlers = moduleOf(`const later = Symbol.for('keylane.RetryLater');
    export default {
      ${ducks.join('\n')}
      throws: () => { throw { [later]: true, get delayMs() { throw new Error('of the getter'); } }; },
      fine: () => 1,
    };`);
  const types = [...ducks.map((_, index) => `d${index}`), 'throws', 'fine'];
  const { outcomes, stats } = await outcomesOf(handlers, types);
  const failed = types.slice(1).map(() => ({ status: 'dead-lettered', attempts: 2 }));
  expect(outcomes).toMatchObject([...failed, { status: 'succeeded', result: 1 }]);
  expect(stats).toMatchObject({ postponed: 0, retried: types.length - 1 });
});

test('the wait of a RetryLater is read once, and is a day at most', async () => {
  const handlers = moduleOf(`const later = Symbol.for('keylane.RetryLater');
    class Twofold {
      [later] = true;
      reads = 0;
      get delayMs() { return (this.reads += 1) === 1 ? 1e300 : NaN; }
    }
    export default { twofold: () => { throw new Twofold(); } };`);
  const processor = await makeProcessor({ store: join(makeFolder(), 'test.db'), handlers, attemptsMax: 2, ...quick });
  const { identity } = await processor.publish({ type: 'twofold', key: 'k' });
  await expect.poll(() => processor.stats().postponed).toBe(1);
  const { dueInMs } = processor.explain({ handler: 'twofold', key: 'k' });
  expect(dueInMs).toBeGreaterThan(0);
  expect(dueInMs).toBeLessThanOrEqual(24 * 60 * 60 * 1000);
  expect(await processor.cancel(identity)).toBe('cancelled');
});

test('a thrown function of which nothing can be read is a failure like any other', async () => {
  const handlers = moduleOf(`export default {
    bare: () => { throw Object.defineProperty(() => {}, 'name', { value: Object.create(null) }); },
    fine: () => 1,
  };`);
  const { outcomes } = await outcomesOf(handlers, ['bare', 'fine']);
  expect(outcomes).toMatchObject([{ status: 'dead-lettered', error: { name: 'NonError' } }, { status: 'succeeded' }]);
});
