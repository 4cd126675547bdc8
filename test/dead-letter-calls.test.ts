// What people do about failures while a processor runs: retries, parked lanes, redrive, discard, cancel, explain.

import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openStore } from '../dist/src/index.js';
import { makeFolder, makeProcessor } from './processor-fixture.js';

const freshStore = (): string => join(makeFolder(), 'test.db');

/** A handlers module of this text. */
function moduleOf(text: string): string {
  const path = join(makeFolder(), 'handlers.mjs');
  writeFileSync(path, text);
  return path;
}

const options = { backoffMsMin: 1, backoffMsMax: 5, threads: 2 };

/** Fails while the file named by `data.until` does not exist. */
const stubborn = `
  import { existsSync } from 'node:fs';
  export default { t: ({ data }) => {
    if (data.until !== undefined && !existsSync(data.until)) throw new TypeError('not yet');
    return data.n;
  } };`;

test('a try that failed is followed by others, each on record, before the event is dead-lettered', async () => {
  const store = freshStore();
  const retries: number[] = [];
  const processor = await makeProcessor({
    ...{ store, handlers: moduleOf(`export default { t: () => { throw new TypeError('no'); } };`) },
    ...{ ...options, attemptsMax: 3 },
  });
  processor.on('retry', ({ attempt, error }) => {
    expect(error).toMatchObject({ name: 'TypeError', message: 'no' });
    retries.push(attempt);
  });
  const { identity } = await processor.publish({ type: 't', key: 'k' });
  await processor.drain();
  expect(retries).toEqual([1, 2]);
  expect(processor.stats()).toMatchObject({ deadLettered: 1, retried: 2, waiting: 0, delayed: 0 });
  using reader = openStore(store);
  expect(reader.outcome(identity)).toMatchObject({ status: 'dead-lettered', attempts: 3 });
  expect(reader.history(identity).map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
});

test('a parked lane keeps its followers in the store; redrive runs the dead letter first, then them', async () => {
  const store = freshStore();
  const until = `${store}-now`;
  const processor = await makeProcessor({
    ...{ store, handlers: moduleOf(stubborn), onDeadLetter: 'park', attemptsMax: 2, ...options },
  });
  const order: number[] = [];
  processor.on('outcome', ({ status, result }) => {
    if (status === 'succeeded') order.push(result as number);
  });
  const dead = new Promise((resolve) => processor.on('deadLetter', resolve));
  await processor.publish({ type: 't', key: 'k', data: { n: 1, until } });
  for (let n = 2; n <= 20; n += 1) await processor.publish({ type: 't', key: 'k', data: { n } });
  await processor.publish({ type: 't', key: 'other', data: { n: 100 } });
  await dead;
  await expect.poll(() => processor.stats()).toMatchObject({ parked: 19, waiting: 0, succeeded: 1 });
  expect(processor.explain({ handler: 't', key: 'k' })).toMatchObject({ situation: 'parked', waitingInStore: 19 });
  expect(processor.explain({ handler: 't', key: 'k' }).text).toContain('parked behind dead letter journal/1');
  writeFileSync(until, '');
  expect(await processor.redrive({ error: 'TypeError' })).toEqual({ redriven: 1, withoutEvent: 0 });
  expect(await processor.redrive({})).toEqual({ redriven: 0, withoutEvent: 0 });
  await processor.drain();
  expect(order).toEqual([100, ...Array.from({ length: 20 }, (_, index) => index + 1)]);
  expect(processor.stats()).toMatchObject({ parked: 0, backlog: 0, redriven: 1 });
});

test('a lane that is parked when its processor ends is parked in the next, until it is discarded', async () => {
  const store = freshStore();
  const parts = { store, handlers: moduleOf(stubborn), onDeadLetter: 'park', attemptsMax: 1, ...options } as const;
  const first = await makeProcessor(parts);
  await first.publish({ type: 't', key: 'k', data: { n: 1, until: '/no/such/file' } });
  await first.publish({ type: 't', key: 'k', data: { n: 2 } });
  await first.drain();
  const second = await makeProcessor(parts);
  expect(second.recovery.pending).toBe(1);
  await second.publish({ type: 't', key: 'k', data: { n: 3 } });
  await expect.poll(() => second.stats()).toMatchObject({ parked: 2, waiting: 0 });
  expect(await second.discard({ key: 'k' }, 'the file will never come')).toEqual({ discarded: 1 });
  await second.drain();
  using reader = openStore(store);
  expect([...reader.byKey('k')].map(({ status, result }) => [status, result])).toEqual([
    ['discarded', undefined],
    ['succeeded', 2],
    ['succeeded', 3],
  ]);
  expect(reader.discardReason({ partition: 'journal', position: 1 })).toBe('the file will never come');
});

test('a retry survives a restart: its number and when it is due', async () => {
  const store = freshStore();
  const handlers = moduleOf(
    `export default { t: (event, { attempt }) => { if (attempt < 3) throw new Error('no'); return attempt; } };`,
  );
  const first = await makeProcessor({
    store,
    handlers,
    threads: 1,
    attemptsMax: 3,
    backoffMsMin: 3_600_000,
    backoffMsMax: 3_600_000,
  });
  const { identity } = await first.publish({ type: 't', key: 'k' });
  await expect.poll(() => first.stats().delayed).toBe(1);
  const { situation, attempt, dueInMs, lastError } = first.explain({ handler: 't', key: 'k' });
  expect([situation, attempt, lastError]).toEqual(['retrying', 2, 'Error: no']);
  expect(dueInMs).toBeGreaterThan(0);
  await first.stop();
  // By its own bounds it would not wait at all, but up to the longest wait it takes what the store says.
  const again = { store, handlers, threads: 1, attemptsMax: 3, backoffMsMin: 0, backoffMsMax: 3_600_000 };
  const second = await makeProcessor(again);
  await expect.poll(() => second.stats().delayed).toBe(1);
  expect(second.explain({ handler: 't', key: 'k' })).toMatchObject({ situation: 'retrying', attempt: 2 });
  expect(await second.cancel(identity)).toBe('cancelled');
  await second.drain();
  using reader = openStore(store);
  expect(reader.outcome(identity)).toMatchObject({ status: 'cancelled', attempts: 1 });
});

test('what waits in a lane of a handler that is gone is counted as parked, until it is cancelled', async () => {
  const store = freshStore();
  const first = await makeProcessor({
    ...{ store, handlers: moduleOf(stubborn), onDeadLetter: 'park', attemptsMax: 1, ...options },
  });
  const dead = new Promise((resolve) => first.on('deadLetter', resolve));
  await first.publish({ type: 't', key: 'k', data: { n: 1, until: '/no/such/file' } });
  await dead;
  const follower = await first.publish({ type: 't', key: 'k', id: 'f', data: { n: 2 } });
  await first.drain();
  const second = await makeProcessor({ store, handlers: moduleOf('export default { u: () => 1 };'), ...options });
  expect(second.stats()).toMatchObject({ recovered: 1, accepted: 0, parked: 1, backlog: 0 });
  expect(await second.cancel('f')).toBe('cancelled');
  expect(await second.cancel(follower.identity)).toBe('decided');
  expect(second.stats()).toMatchObject({ accepted: 0, parked: 0, backlog: 0, cancelled: 1 });
  await second.drain();
});

test('a running event is cancelled, its neighbours are not', async () => {
  const store = freshStore();
  const handlers = moduleOf(`export default { t: (event, ctx) => { while (event.data && !ctx.aborted); return 1; } };`);
  const processor = await makeProcessor({ store, handlers, threads: 1, attemptsMax: 1 });
  const { identity } = await processor.publish({ type: 't', key: 'a', data: true });
  await processor.publish({ type: 't', key: 'b', data: false });
  await expect.poll(() => processor.explain({ handler: 't', key: 'a' }).threadId).toBeGreaterThan(0);
  expect(await processor.cancel(identity)).toBe('cancelled');
  expect(await processor.cancel(identity)).toBe('decided');
  expect(await processor.cancel({ partition: 'journal', position: 99 })).toBe('unknown');
  await processor.drain();
  expect(processor.stats()).toMatchObject({ cancelled: 1, succeeded: 1, deadLettered: 0 });
});

test('a breaker pauses its handler alone, and one event shows that it is well', async () => {
  const store = freshStore();
  const until = `${store}-now`;
  const processor = await makeProcessor({
    ...{ store, handlers: moduleOf(stubborn.replace('default { t:', 'default { u: () => 1, t:')), threads: 1 },
    ...{ attemptsMax: 50, backoffMsMin: 1, backoffMsMax: 1, breaker: { triesMin: 4, failurePercent: 50, pauseMs: 20 } },
  });
  const states: string[] = [];
  processor.on('breaker', ({ handler, state }) => states.push(`${handler} ${state}`));
  for (let n = 0; n < 8; n += 1) await processor.publish({ type: 't', key: `k${n}`, data: { n, until } });
  await expect.poll(() => processor.stats().paused).toEqual(['t']);
  await processor.publish({ type: 'u', key: 'k' });
  await expect.poll(() => processor.stats().succeeded).toBe(1);
  writeFileSync(until, '');
  await processor.drain();
  expect(processor.stats()).toMatchObject({ succeeded: 9, paused: [] });
  expect(states[0]).toBe('t open');
  expect(states.at(-1)).toBe('t closed');
});

test('explain says when an event will show whether a paused handler is well', async () => {
  const processor = await makeProcessor({
    ...{ handlers: moduleOf(`export default { t: () => { throw new Error('no'); } };`), threads: 1 },
    ...{ attemptsMax: 1, breaker: { triesMin: 1, failurePercent: 50, pauseMs: 600_000 } },
  });
  await processor.publish({ type: 't', key: 'a' });
  await expect.poll(() => processor.stats().paused).toEqual(['t']);
  await processor.publish({ type: 't', key: 'b' });
  await expect.poll(() => processor.explain({ handler: 't', key: 'b' }).situation).toBe('paused');
  const { dueInMs, breaker, text } = processor.explain({ handler: 't', key: 'b' });
  expect(breaker).toBe('open');
  expect(dueInMs).toBeGreaterThan(500_000);
  expect(dueInMs).toBeLessThanOrEqual(600_000);
  expect(text).toMatch(/circuit breaker of its handler is open, one event is tried in \d+\.\d s, 1 event waits$/);
  await processor.abort();
});

test('an event whose predecessor parks the lane is cancelled where it waits by then', async () => {
  const store = freshStore();
  const gate = `${store}-gate`;
  const handlers = moduleOf(`
    import { existsSync } from 'node:fs';
    export default { t: ({ data }, ctx) => {
      if (data === 'first') { while (!existsSync(${JSON.stringify(gate)})); throw new Error('no'); }
    } };`);
  const settings = { store, handlers, threads: 1, attemptsMax: 1, onDeadLetter: 'park', autoStart: false } as const;
  const processor = await makeProcessor(settings);
  await processor.publish({ type: 't', key: 'k', data: 'first' });
  // The first batch takes half of what waits: the first two.
  const { identity } = await processor.publish({ type: 't', key: 'k', data: 'second' });
  for (const data of ['third', 'fourth']) await processor.publish({ type: 't', key: 'k', data });
  processor.start();
  await expect.poll(() => processor.explain({ handler: 't', key: 'k' }).threadId).toBeGreaterThan(0);
  const cancelled = processor.cancel(identity);
  writeFileSync(gate, '');
  expect(await cancelled).toBe('cancelled');
  expect(processor.explain({ handler: 't', key: 'k' })).toMatchObject({ situation: 'parked', waitingInStore: 2 });
  await processor.drain();
  using reader = openStore(store);
  expect(reader.outcome(identity)).toMatchObject({ status: 'cancelled' });
});

test('what is redriven while the threads are ending waits for the next start', async () => {
  const store = freshStore();
  const text = (name: string, body: string): string =>
    moduleOf(`import { existsSync, writeFileSync } from 'node:fs';
      export function teardown() { writeFileSync('${store}-${name}', ''); while (!existsSync('${store}-go')); }
      export default { t: () => { ${body} } };`);
  const first = await makeProcessor({ store, handlers: text('first', 'throw new Error("no");'), attemptsMax: 1 });
  await first.publish({ type: 't', key: 'k' });
  await expect.poll(() => first.stats().deadLettered).toBe(1);
  const drained = first.drain();
  await expect.poll(() => existsSync(`${store}-first`)).toBe(true);
  expect(await first.redrive({})).toEqual({ redriven: 1, withoutEvent: 0 });
  writeFileSync(`${store}-go`, '');
  await drained;
  expect(first.phase).toBe('stopped');
  const second = await makeProcessor({ store, handlers: text('second', '') });
  await second.drain();
  expect(second.stats()).toMatchObject({ succeeded: 1, recovered: 1 });
});

test('under order "none" there is nothing to explain', async () => {
  const processor = await makeProcessor({ order: 'none' });
  expect(() => processor.explain({ handler: 'echo', key: 'k' })).toThrow(/under order "none" events have no lanes/);
});
