// pause() and resume() of a real processor: what is accepted meanwhile waits in order, and its end finishes it.

import { expect, test } from 'vitest';
import { defineHandlers, KeylaneError } from '../dist/src/index.js';
import { createTestProcessor } from '../dist/src/testing/test-processor.js';
import { Gate, makeFolder, makeProcessor, readOutcomes } from './processor-fixture.js';

const inKey = (key: string, data = key): { type: string; key: string; data: string } => ({ type: 'echo', key, data });

test('what is paused is accepted and waits, is told of, and goes on in its order', async () => {
  const processor = await makeProcessor();
  const gate = new Gate();
  const running = await processor.publish({ ...gate.event, key: 'a' });
  await gate.reached;
  processor.pause({ key: 'a' });
  gate.open();
  // In flight when it was paused: it is finished.
  expect((await running.outcome()).status).toBe('succeeded');
  const told: unknown[] = [];
  const subscription = processor.subscribe({ key: 'a', type: 'echo' }, ({ result }) => void told.push(result));
  for (const data of ['1', '2', '3']) await processor.publish(inKey('a', data));
  expect((await processor.process(inKey('b'))).result).toBe('b');
  expect(processor.explain({ handler: 'echo', key: 'a' })).toMatchObject({
    ...{ situation: 'paused', isPaused: true, waiting: 3 },
    text: 'key "a" of handler "echo": paused until resume(), 3 events wait',
  });
  expect(processor.stats()).toMatchObject({ pausedByHand: [{ key: 'a' }], paused: [], waiting: 3 });
  expect(told).toEqual([]);
  processor.resume({ key: 'a' });
  await processor.whenIdle({ key: 'a' });
  expect(processor.stats().pausedByHand).toEqual([]);

  processor.pause({ handler: 'echo' });
  processor.pause({ handler: 'echo', key: 'a' });
  await processor.publishMany(['4', '5'].map((data) => inKey('a', data)));
  processor.resume({ handler: 'echo' });
  expect(processor.stats()).toMatchObject({ pausedByHand: [{ handler: 'echo', key: 'a' }], waiting: 2 });
  // It finishes everything accepted, so nothing is paused any more.
  await processor.drain();
  await subscription.done;
  expect(told).toEqual(['1', '2', '3', '4', '5']);
  expect(() => processor.pause()).toThrow(expect.objectContaining({ code: 'not-running' }));
});

test('stop() leaves what is paused to the next start, which has no pauses', async () => {
  const store = `${makeFolder()}/test.db`;
  const first = await makeProcessor({ store });
  first.pause();
  await first.publishMany([inKey('a'), inKey('b')]);
  expect(await first.stop()).toEqual({ left: 2 });
  const second = await makeProcessor({ store });
  expect(second.recovery.pending).toBe(2);
  await second.drain();
  expect(readOutcomes(store).map(({ key, status }) => [key, status])).toEqual([
    ['a', 'succeeded'],
    ['b', 'succeeded'],
  ]);
});

test('a handler that is paused does not keep memory from the others, however much is published for it', async () => {
  const processor = await makeProcessor({ ringSize: 16, batchSizeMax: 4 });
  processor.pause({ handler: 'echo' });
  for (let n = 0; n < 200; n += 1) await processor.publish(inKey(`k${n % 3}`, String(n)));
  const gate = new Gate();
  const other = await processor.publish({ ...gate.event, key: 'k0' });
  await gate.reached;
  gate.open();
  expect((await other.outcome()).status).toBe('succeeded');
  expect(processor.stats().succeeded).toBe(1);
  const order = new Map<string, number[]>();
  processor.on('outcome', ({ key, result }) => {
    order.set(key!, [...(order.get(key!) ?? []), Number(result)]);
  });
  processor.resume();
  await processor.drain();
  for (const [key, of] of order) expect([key, of]).toEqual([key, [...of].sort((one, two) => one - two)]);
  expect(processor.stats().succeeded).toBe(201);
});

test('a filter that is wrong is refused with what fits', async () => {
  const processor = await makeProcessor();
  for (const [which, message] of [
    [{ handler: 'ecko' }, 'handler must be one of "echo", "fail", "gated", got "ecko"'],
    [{ key: 7 }, 'key must be a string, got 7'],
    [{ type: 'echo' }, 'pause takes { handler?, key? }, got the member "type"'],
    [null, 'pause takes { handler?, key? }, got null'],
  ] as [never, string][]) {
    expect(() => processor.pause(which)).toThrow(KeylaneError);
    expect(() => processor.pause(which)).toThrow(message);
  }
  expect(processor.stats().pausedByHand).toEqual([]);
});

test('what fills memory behind a limit of `concurrency` keeps it, and gives way at once when it is paused', async () => {
  let open = (): void => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const handlers = defineHandlers({ slow: () => gate, fast: () => 'ran' });
  const policies = { slow: { concurrency: 1 } };
  await using bus = await createTestProcessor({ handlers, policies, ringSize: 16, batchSizeMax: 1, threads: 2 });
  const { processor } = bus;
  const rounds = () => bus.advance(1000);
  processor.pause({ handler: 'slow' });
  await processor.publishMany(Array.from({ length: 60 }, (_, n) => ({ type: 'slow' as const, key: `k${n}`, data: n })));
  await rounds();
  // They come back from the store, until memory has room for nothing else.
  processor.resume();
  await rounds();
  expect(processor.stats()).toMatchObject({ slots: 16, slotsHeld: 16, inFlight: 1 });
  const published = processor.publish({ type: 'fast', key: 'f', data: null });
  await bus.advance(0);
  expect(bus.outcomes()).toEqual([]);
  processor.pause({ handler: 'slow' });
  await bus.advance(0);
  expect(bus.outcomes().map(({ result }) => result)).toEqual(['ran']);
  await published;
  open();
  await bus.drain();
  expect(bus.outcomes()).toHaveLength(61);
});
