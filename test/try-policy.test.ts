// What follows a try, where what a handler throws, or what its module says of it, makes no sense.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { openStore, type Processor } from '../dist/src/index.js';
import { configFrom } from '../dist/src/options.js';
import { withPool } from './fixtures/pool.js';
import { sized } from './long-form.js';
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
  const warnings: unknown[] = [];
  processor.on('warning', (warning) => warnings.push(warning));
  for (const type of types) await processor.publish({ type, key: type });
  await processor.drain();
  const stats = processor.stats();
  await processor.stop();
  using reader = openStore(store);
  const outcomes = types.map((_, index) => reader.outcome({ partition: 'journal', position: index + 1 }));
  return { outcomes, stats, warnings };
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

test('a retryIf that gives neither true nor false means yes, and every try says so', async () => {
  const handlers = moduleOf(`const fail = () => { throw new RangeError('of the try'); };
    export const policies = {
      nothing: { retryIf: () => {} },
      promise: { retryIf: () => Promise.reject(new Error('nobody listens')) },
      truthy: { retryIf: (error) => error.message },
      revoked: { retryIf: () => { const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); return proxy; } },
      no: { retryIf: () => false },
    };
    export default { nothing: fail, promise: fail, truthy: fail, revoked: fail, no: fail };`);
  const { outcomes, warnings } = await outcomesOf(handlers, ['nothing', 'promise', 'truthy', 'revoked', 'no']);
  const unclear = (type: string, found: string) => ({
    ...{ status: 'dead-lettered', attempts: 2 },
    error: {
      ...{ name: 'PolicyError', code: 'bad-policy', cause: { name: 'RangeError', message: 'of the try' } },
      message: `retryIf of handler "${type}" must give true or false, got ${found}`,
    },
  });
  expect(outcomes).toMatchObject([
    unclear('nothing', 'undefined'),
    unclear('promise', 'a promise'),
    unclear('truthy', '"of the try"'),
    unclear('revoked', 'something that cannot be shown'),
    { status: 'dead-lettered', attempts: 1, error: { name: 'RangeError' } },
  ]);
  expect(warnings).toEqual([]);
});

test('an async retryIf is refused when the module is loaded', async () => {
  const handlers = moduleOf(`export const policies = { a: { retryIf: async () => false } };
    export default { a: () => 1 };`);
  await expect(withPool(handlers, {}, async () => {})).rejects.toMatchObject({
    code: 'bad-handlers',
    message: expect.stringMatching(
      /must have a function that gives true or false as policies\["a"\]\.retryIf, found an/,
    ),
  });
});

test('a first wait above the longest one is refused, in options and in policies over them', async () => {
  expect(() => configFrom({ handlers: 'x.mjs', store: 'x.db', backoffMsMin: 2, backoffMsMax: 1 })).toThrow(
    /^backoffMsMin must be at most backoffMsMax \(1\), got 2$/,
  );
  const handlers = moduleOf(`export const policies = { a: { backoffMsMin: 31_000 } }; export default { a: () => 1 };`);
  const options = { store: join(makeFolder(), 'test.db'), handlers };
  await expect(makeProcessor(options)).rejects.toMatchObject({
    code: 'bad-handlers',
    message: expect.stringMatching(
      /^policies\["a"\]\.backoffMsMin must be at most its backoffMsMax \(30000\), got 31000/,
    ),
  });
  const processor = await makeProcessor({ ...options, backoffMsMax: 31_000 });
  await processor.stop();
});

/** Several times what memory holds. */
const many = sized({ short: 80, long: 200 });

test.each([
  { what: 'RetryLater without a key', order: 'key', key: undefined, thrown: 'new RetryLater(3_600_000)' },
  { what: 'RetryLater under order none', order: 'none', key: 'k', thrown: 'new RetryLater(3_600_000)' },
  { what: 'back-off without a key', order: 'key', key: undefined, thrown: 'new Error()' },
] as const)(
  'many events that wait long hold no others up, nor after a restart: $what',
  async ({ order, key, thrown }) => {
    const { href } = new URL('../dist/src/index.js', import.meta.url);
    // What waits the longest leaves memory first: the waits that are drawn fall, so that event 7 is in the store only.
    const handlers = moduleOf(`import { RetryLater } from ${JSON.stringify(href)};
    let draws = 0;
    Math.random = () => 1 - (draws += 1) / 1_000_000;
    export default { later: () => { throw ${thrown}; }, now: () => 1 };`);
    const store = join(makeFolder(), 'test.db');
    const wait = { backoffMsMin: 86_400_000, backoffMsMax: 86_400_000 };
    const options = { store, handlers, order, ringSize: 16, ...wait } as const;
    const publish = (processor: Processor, type: string, count: number) =>
      processor.publishMany(Array.from({ length: count }, () => ({ type, ...(key !== undefined && { key }) })));
    const first = await makeProcessor(options);
    await publish(first, 'later', many);
    await publish(first, 'now', 50);
    await expect.poll(() => first.stats().succeeded, { timeout: 10_000 }).toBe(50);
    await expect.poll(() => first.stats().unacknowledged).toBe(0);
    const { waiting, backlog, retried, postponed } = first.stats();
    expect([waiting + backlog, retried + postponed]).toEqual([many, many]);
    await first.stop();
    const second = await makeProcessor(options);
    await publish(second, 'now', 50);
    await expect.poll(() => second.stats().succeeded, { timeout: 10_000 }).toBe(50);
    expect(await second.cancel({ partition: 'journal', position: 7 })).toBe('cancelled');
    await expect.poll(() => second.stats().unacknowledged).toBe(0);
    const left = second.stats();
    expect([left.waiting + left.backlog, left.retried + left.postponed, left.cancelled]).toEqual([many - 1, 0, 1]);
    await second.stop();
    const reader = openStore(store);
    expect([[...reader.pending()].length, reader.counts()]).toMatchObject([
      many - 1,
      { pending: many - 1, cancelled: 1 },
    ]);
    reader.close();
  },
);
