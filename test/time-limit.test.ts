// Tries that run for too long, and what handlers ask for, in real threads.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { withPool } from './fixtures/pool.js';
import { makeFolder } from './processor-fixture.js';

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
  const handlers = moduleOf(`export const policies = { loop: { timeoutMs: 40, graceMs: 10 } };
    export default { slow: () => new Promise((resolve) => setTimeout(resolve, 120)), loop: () => { for (;;); } };`);
  await withPool(handlers, { attemptsMax: 1 }, async ({ run }) => {
    const [slow, loop] = await run(event('slow'), event('loop'));
    expect(slow).toMatchObject({ status: 'succeeded' });
    expect(loop).toMatchObject({ status: 'failed', error: { name: 'TimeoutError' } });
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
