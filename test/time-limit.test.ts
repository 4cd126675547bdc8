// Tries that run for too long, and what handlers ask for, in real threads.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { openStore } from '../dist/src/index.js';
import { withPool } from './fixtures/pool.js';
import { makeFolder, makeProcessor } from './processor-fixture.js';

function moduleOf(text: string): URL {
  const path = join(makeFolder(), 'handlers.mjs');
  writeFileSync(path, text);
  return pathToFileURL(path);
}

const limits = { timeoutMs: 60, graceMs: 30, attemptsMax: 1 };
const event = (type: string) => ({ type, key: 'k' });

test('a loop is timed out; what had finished before it in its batch is kept, what comes after runs again', async () => {
  const handlers = moduleOf(`export default { fine: () => 'kept', loop: () => { for (;;); } };`);
  await withPool(handlers, limits, async ({ run, warnings }) => {
    const [before, loop, after] = await run(event('fine'), event('loop'), event('fine'));
    expect([before, after]).toMatchObject([{ status: 'succeeded', result: 'kept' }, { status: 'skipped' }]);
    expect(loop).toMatchObject({ status: 'failed', error: { name: 'TimeoutError', code: 'timed-out' } });
    expect(loop?.error?.message).toBe('handler "loop" did not end within 60 ms (option timeoutMs)');
    expect(await run(event('fine'))).toMatchObject([{ status: 'succeeded' }]);
    expect(warnings).toHaveLength(1);
  });
});

test('a handler that looks at context.aborted, or listens to context.signal, ends by itself: its thread lives', async () => {
  const handlers = moduleOf(`export default {
    looks: (event, ctx) => { while (!ctx.aborted); return 'too late'; },
    listens: (event, ctx) => new Promise((resolve, reject) => {
      ctx.signal.addEventListener('abort', () => reject(new Error('stopped')));
    }),
  };`);
  await withPool(handlers, { ...limits, graceMs: 5000 }, async ({ run, warnings }) => {
    const [looks, listens] = await run(event('looks'), event('listens'));
    expect(looks).toMatchObject({ status: 'failed', error: { name: 'TimeoutError' } });
    expect(listens).toMatchObject({ status: 'failed', error: { name: 'TimeoutError', cause: { message: 'stopped' } } });
    expect(warnings).toEqual([]);
  });
});

test('a native call past its limit is charged to its event once its thread has exited', async () => {
  const handlers = moduleOf(`import { pbkdf2Sync } from 'node:crypto';
    export default { fine: () => 1, native: () => pbkdf2Sync('a', 'b', 2_000_000, 64, 'sha512').length };`);
  await withPool(handlers, limits, async ({ run }) => {
    const [fine, native] = await run(event('fine'), event('native'));
    expect(fine).toMatchObject({ status: 'succeeded' });
    expect(native).toMatchObject({ status: 'failed', error: { name: 'TimeoutError' } });
  });
});

test('policies of the module go before the options, and are checked', async () => {
  const handlers = moduleOf(`import { pbkdf2Sync } from 'node:crypto';
    export const policies = { loop: { timeoutMs: 40, graceMs: 10 } };
    export default { slow: () => pbkdf2Sync('a', 'b', 200_000, 64, 'sha512').length, loop: () => { for (;;); } };`);
  await withPool(handlers, { attemptsMax: 1, timeoutMs: 60_000 }, async ({ run }) => {
    const [slow, loop] = await run(event('slow'), event('loop'));
    expect(slow).toMatchObject({ status: 'succeeded' });
    expect(loop?.error?.message).toBe('handler "loop" did not end within 40 ms (option timeoutMs)');
  });
  const wrong = [
    ['{ other: {} }', /has a policy for "other", which is none of its handlers/],
    ['{ a: { attemptsMax: 0 } }', /policies\["a"\]\.attemptsMax must be a whole number from 1 to 1000/],
    ['{ a: { tries: 3 } }', /has a member "tries"/],
    ['{ a: { retryIf: true } }', /must have a function as policies\["a"\]\.retryIf/],
  ] as const;
  for (const [policies, message] of wrong) {
    const bad = moduleOf(`export const policies = ${policies}; export default { a: () => 1 };`);
    await expect(withPool(bad, {}, async () => {})).rejects.toMatchObject({
      code: 'bad-handlers',
      message: expect.stringMatching(message),
    });
  }
});

test('a running loop that is cancelled loses its thread after graceMs, without a time limit; its neighbour runs', async () => {
  const handlers = moduleOf(`export default { fine: () => 1, loop: () => { for (;;); } };`);
  const store = join(makeFolder(), 'test.db');
  const processor = await makeProcessor({ store, handlers, graceMs: 20, attemptsMax: 5 });
  processor.on('warning', () => {});
  const { identity } = await processor.publish({ type: 'loop', key: 'a' });
  await processor.publish({ type: 'fine', key: 'b' });
  await expect.poll(() => processor.explain({ handler: 'loop', key: 'a' }).threadId).toBeGreaterThan(0);
  expect(await processor.cancel(identity)).toBe('cancelled');
  await processor.drain();
  expect(processor.stats()).toMatchObject({ cancelled: 1, succeeded: 1, deadLettered: 0, retried: 0 });
  using reader = openStore(store);
  expect(reader.outcome(identity)).toMatchObject({ status: 'cancelled', error: { name: 'Cancelled' } });
});

test('a rejection that nobody handles is charged to the event that runs, unless an earlier one may have left it', async () => {
  const handlers = moduleOf(`export default {
    fine: () => 'kept',
    floats: () => { Promise.reject(new RangeError('left')); return new Promise(() => {}); },
  };`);
  await withPool(handlers, { attemptsMax: 1 }, async ({ run, warnings }) => {
    expect(await run(event('fine'), event('floats'), event('fine'))).toMatchObject([
      { status: 'succeeded', result: 'kept' },
      { status: 'doubted' },
      { status: 'skipped' },
    ]);
    // The first of its thread can only have done it itself.
    const [floats, after] = await run(event('floats'), event('fine'));
    expect(floats).toMatchObject({ status: 'failed', error: { name: 'ThreadDied', cause: { message: 'left' } } });
    expect(after).toMatchObject({ status: 'skipped' });
    expect(warnings).toHaveLength(2);
  });
});

const keylane = new URL('../dist/src/index.js', import.meta.url).href;
const quick = { backoffMsMin: 0, backoffMsMax: 1 };

test('tries are counted per handler: its policy, retryIf and PermanentError decide how many there are', async () => {
  const handlers = moduleOf(`import { PermanentError } from '${keylane}';
    export const policies = {
      twice: { attemptsMax: 2 },
      picky: { retryIf: (error) => error.name !== 'TypeError' },
      broken: { retryIf: () => { throw new Error('of retryIf'); } },
    };
    const fail = ({ data }) => { throw data === 'type' ? new TypeError('no') : new RangeError('no'); };
    const permanent = () => { throw new PermanentError('never'); };
    export default { usual: fail, twice: fail, picky: fail, broken: fail, permanent };`);
  const store = join(makeFolder(), 'test.db');
  const processor = await makeProcessor({ store, handlers, attemptsMax: 3, ...quick });
  const expected = [
    ['usual', 'range', 3],
    ['twice', 'range', 2],
    ['picky', 'range', 3],
    ['picky', 'type', 1],
    ['broken', 'range', 3],
    ['permanent', 'range', 1],
  ] as const;
  for (const [type, data] of expected) await processor.publish({ type, key: 'k', data });
  await processor.drain();
  using reader = openStore(store);
  const found = expected.map(([type, data], index) => {
    const outcome = reader.outcome({ partition: 'journal', position: index + 1 });
    expect(outcome?.status).toBe('dead-lettered');
    return [type, data, outcome?.attempts];
  });
  expect(found).toEqual(expected);
  expect(processor.stats()).toMatchObject({ deadLettered: 6, retried: 7 });
});

test('RetryLater postpones without counting a try, in the order of its key, within postponementsMax', async () => {
  const handlers = moduleOf(`import { RetryLater } from '${keylane}';
    let calls = 0;
    export default {
      later: ({ data }, { attempt }) => {
        if (data === 'first' && (calls += 1) < 3) throw new RetryLater(1);
        return { attempt, calls };
      },
      never: () => { throw new RetryLater(0); },
    };`);
  const store = join(makeFolder(), 'test.db');
  const processor = await makeProcessor({ store, handlers, attemptsMax: 1, postponementsMax: 2, ...quick });
  const first = await processor.publish({ type: 'later', key: 'k', data: 'first' });
  const second = await processor.publish({ type: 'later', key: 'k', data: 'second' });
  const never = await processor.publish({ type: 'never', key: 'k' });
  await processor.drain();
  using reader = openStore(store);
  const postponed = [{ isCounted: false }, { isCounted: false }];
  expect(reader.outcome(first.identity)).toMatchObject({ attempts: 1, result: { attempt: 1, calls: 3 } });
  expect(reader.history(first.identity)).toMatchObject(postponed);
  expect(reader.outcome(second.identity)).toMatchObject({ attempts: 1, result: { attempt: 1, calls: 3 } });
  expect(reader.outcome(never.identity)).toMatchObject({ status: 'dead-lettered', error: { name: 'RetryLater' } });
  expect(reader.history(never.identity).filter(({ isCounted }) => !isCounted)).toHaveLength(2);
});
