// whenIdle on real threads and a real store: what it waits for, what it does not, and every end.

import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { IterableSource, type KeylaneError } from '../dist/src/index.js';
import { Gate, makeFolder, makeProcessor } from './processor-fixture.js';

const codeOf = (error: KeylaneError): string => error.code;

test('resolves at once where nothing waits or runs, and after all that was published without awaiting it', async () => {
  const processor = await makeProcessor({ threads: 2 });
  await processor.whenIdle();
  for (let n = 0; n < 500; n += 1) void processor.publish({ type: 'echo', key: `k${n % 5}`, data: n });
  await processor.whenIdle();
  expect(processor.stats()).toMatchObject({ succeeded: 500, waiting: 0, inFlight: 0, unacknowledged: 0, backlog: 0 });
});

test('waits for what fits its key, type or handler, and for nothing else', async () => {
  const processor = await makeProcessor({ threads: 2 });
  const gate = new Gate();
  await processor.publish({ ...gate.event, key: 'k' });
  await gate.reached;
  await processor.publish({ type: 'echo', key: 'other' });
  for (const which of [{ key: 'other' }, { type: 'ech*' }, { handler: 'echo' }, { key: 'k', type: 'echo' }]) {
    await processor.whenIdle(which);
  }
  const held = [{}, { key: 'k' }, { type: 'gated' }, { handler: 'g*' }].map((which) => processor.whenIdle(which));
  const first = await Promise.race([
    ...held.map((one) => one.then(() => 'idle')),
    processor.whenIdle({ key: 'other' }),
  ]);
  expect(first).toBeUndefined();
  gate.open();
  await Promise.all(held);
  expect(processor.stats().succeeded).toBe(2);
});

test('waits for retries, wherever they wait, and not for what is parked', async () => {
  const until = join(makeFolder(), 'now');
  const handlers = join(makeFolder(), 'handlers.mjs');
  writeFileSync(
    handlers,
    `import { existsSync } from 'node:fs';
     export default {
       stubborn: ({ data }) => { if (!existsSync(data)) throw new Error('not yet'); },
       fail: () => { throw new Error('no'); },
     };
     export const policies = { fail: { attemptsMax: 1, onDeadLetter: 'park' } };`,
  );
  const processor = await makeProcessor({ handlers, attemptsMax: 1000, backoffMsMin: 1, backoffMsMax: 5 });
  const retried = new Promise((resolve) => processor.on('retry', resolve));
  await processor.publish({ type: 'stubborn', key: 'k', data: until });
  await retried;
  let isIdle = false;
  const idle = processor.whenIdle({ key: 'k' }).then(() => {
    isIdle = true;
  });
  for (let n = 0; n < 3; n += 1) await processor.publish({ type: 'fail', key: 'p' });
  await processor.whenIdle({ key: 'p' });
  expect([isIdle, existsSync(until), processor.stats().parked]).toEqual([false, false, 2]);
  writeFileSync(until, '');
  await idle;
  await processor.whenIdle();
  expect(processor.stats()).toMatchObject({ succeeded: 1, deadLettered: 1, parked: 2 });
});

test.each([
  { what: 'per key', exported: '{ late, echo }', free: { key: 'other' } },
  {
    what: 'of the whole handler',
    exported: `[{ name: 'late', on: 'late', order: 'handler', run: late }, { name: 'echo', on: 'echo', run: echo }]`,
    free: { key: 'other', handler: 'echo' },
  },
])('waits for a retry that has given its memory to others, and knows whose it is: order $what', async (given) => {
  const handlers = join(makeFolder(), 'handlers.mjs');
  writeFileSync(
    handlers,
    `import { RetryLater } from ${JSON.stringify(new URL('../dist/src/index.js', import.meta.url).href)};
     const late = () => { throw new RetryLater(3_600_000); };
     const echo = () => {};
     export default ${given.exported};`,
  );
  const processor = await makeProcessor({ handlers, ringSize: 16 });
  await processor.publishMany(Array.from({ length: 16 }, () => ({ type: 'late', key: 'k' })));
  while (processor.stats().backlog < 16) await processor.process({ type: 'echo', key: 'other' });
  const told: string[] = [];
  const held = [{}, { key: 'k' }, { handler: 'late' }, { type: 'late' }].map((which) =>
    processor.whenIdle(which).then(() => told.push('idle'), codeOf),
  );
  for (const which of [given.free, { handler: 'echo' }]) await processor.whenIdle(which);
  expect(told).toEqual([]);
  await processor.abort();
  expect(await Promise.all(held)).toEqual(['aborted', 'aborted', 'aborted', 'aborted']);
});

test('is let go when the handler of what waits in the store has gone', async () => {
  const handlers = join(makeFolder(), 'handlers.mjs');
  writeFileSync(
    handlers,
    `import { RetryLater } from ${JSON.stringify(new URL('../dist/src/index.js', import.meta.url).href)};
     export default { late: () => { throw new RetryLater(3_600_000); }, echo: () => {} };`,
  );
  const processor = await makeProcessor({ handlers, ringSize: 16 });
  const keys = Array.from({ length: 32 }, (_, n) => `k${n}`);
  await processor.publishMany(keys.map((key) => ({ type: 'late', key })));
  while (processor.stats().backlog < 16) await processor.process({ type: 'echo', key: 'other' });
  const told: string[] = [];
  // Those of some keys are in memory, those of others in the store alone.
  const idle = keys.map((key) => processor.whenIdle({ key }).then(() => told.push(key)));
  await processor.whenIdle({ handler: 'echo' });
  expect(told).toEqual([]);
  await processor.removeHandler('late', { owed: 'park' });
  await Promise.all(idle);
});

test('waits for what is in the store for want of memory, and for what a source gave', async () => {
  const processor = await makeProcessor({ ringSize: 16, autoStart: false, threads: 2 });
  await processor.publishMany(Array.from({ length: 300 }, (_, n) => ({ type: 'echo', key: n === 299 ? 'last' : 'k' })));
  expect(processor.stats().backlog).toBeGreaterThan(200);
  const idle = processor.whenIdle({ key: 'last' }).then(() => processor.stats().succeeded);
  processor.start();
  expect(await idle).toBeGreaterThan(16);
  await processor.whenIdle();
  expect(processor.stats().succeeded).toBe(300);
  const gate = new Gate();
  const consumed = processor.consume(new IterableSource({ partition: 'list', events: [{ ...gate.event, key: 's' }] }));
  await gate.reached;
  const source = processor.whenIdle({ key: 's' }).then(() => processor.stats().succeeded);
  gate.open();
  expect(await source).toBe(301);
  await consumed;
});

test('a signal ends the wait; what is no filter is refused', async () => {
  const processor = await makeProcessor({ autoStart: false });
  await processor.publish({ type: 'echo' });
  const controller = new AbortController();
  const idle = processor.whenIdle({}, { signal: controller.signal });
  await processor.whenIdle({ key: 'other' });
  controller.abort(new Error('changed my mind'));
  await expect(idle).rejects.toThrow('changed my mind');
  await expect(processor.whenIdle({}, { signal: controller.signal })).rejects.toThrow('changed my mind');
  await expect(processor.whenIdle({ status: 'succeeded' } as never)).rejects.toMatchObject({ code: 'bad-option' });
  await processor.abort();
});

describe('when the processor ends', () => {
  test.each(['drain', 'stop', 'abort', 'trouble'] as const)('by %s', async (end) => {
    const store = join(makeFolder(), 'test.db');
    const processor = await makeProcessor({ store });
    processor.on('fatal', () => {});
    const [gate, behind] = [new Gate(), new Gate()];
    await processor.publish({ ...gate.event, key: 'k' });
    await processor.publish({ ...behind.event, key: 'k' });
    await gate.reached;
    const told: string[] = [];
    const idle = [processor.whenIdle(), processor.whenIdle({ key: 'k' })].map((one) =>
      one.then(
        () => 'idle',
        (error: KeylaneError) => {
          told.push(error.message);
          return error.code;
        },
      ),
    );
    await processor.whenIdle({ key: 'other' });
    if (end === 'trouble') {
      rmSync(store);
      expect(await Promise.all(idle)).toEqual(['store-replaced', 'store-replaced']);
      return;
    }
    const ended = processor[end]();
    gate.open();
    if (end === 'drain') await behind.reached;
    behind.open();
    await ended;
    const expected = { drain: 'idle', stop: 'not-running', abort: 'aborted' }[end];
    expect(await Promise.all(idle)).toEqual([expected, expected]);
    // It asked for no outcome, and is not told of one.
    const busy = /^the processor has ended, and not everything that was waited for is done: what is left stays/;
    if (end === 'stop') expect(told).toEqual([expect.stringMatching(busy), expect.stringMatching(busy)]);
    // After a drain all is done, and stays so.
    for (const which of [{ key: 'k' }, { key: 'other' }, {}] as { key?: string }[]) {
      const after = await processor.whenIdle(which).then(() => 'idle', codeOf);
      expect(after).toBe(
        { drain: 'idle', stop: which.key === 'other' ? 'idle' : 'not-running', abort: 'aborted' }[end],
      );
    }
  });
});

test('whoever begins to wait as the last event is done does not wait in vain, though the processor ends', async () => {
  const processor = await makeProcessor();
  await processor.publish({ type: 'echo' });
  const waits: Promise<void>[] = [];
  processor.on('outcome', () => waits.push(processor.whenIdle()));
  await processor.drain();
  expect(waits).toHaveLength(1);
  await waits[0];
});
