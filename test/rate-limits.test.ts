// How many tries may start, as users say it: by the option, by a handler's policy, by key; on a clock that the test moves.

import { expect, test } from 'vitest';
import { defineHandlers, type HandlerEvent, type HandlerPolicy, KeylaneError } from '../dist/src/index.js';
import { createTestProcessor } from '../dist/src/testing/test-processor.js';

const second = 1000;

/** Handlers that note what they ran and when, and a way to publish many events. */
function noted() {
  const ran: string[] = [];
  const note = ({ type, key }: HandlerEvent): void => void ran.push(`${type} ${key}`);
  const events = (type: 'slow' | 'fast', keys: string) => keys.split('').map((key) => ({ type, key, data: null }));
  const taken = () => ran.splice(0);
  return { handlers: defineHandlers({ slow: note, fast: note }), events, taken };
}

test('of a handler with a rate no more start than it allows, in order, while others run', async () => {
  const { handlers, events, taken } = noted();
  const policies = { slow: { rateLimit: { tries: 2, perMs: second } } };
  await using bus = await createTestProcessor({ handlers, policies });
  await bus.processor.publishMany([...events('slow', 'aabcd'), ...events('fast', 'ab')]);
  await bus.settle();
  expect(taken()).toEqual(['slow a', 'slow a', 'fast a', 'fast b']);
  expect(bus.processor.explain({ handler: 'slow', key: 'b' })).toMatchObject({
    ...{ situation: 'limited', waiting: 1, dueInMs: 500 },
    text: 'key "b" of handler "slow": at its rate limit, event journal/3 may start in 500 ms, 1 event waits in all',
  });
  await bus.advance(500);
  expect(taken()).toEqual(['slow b']);
  await bus.drain();
  expect(taken()).toEqual(['slow c', 'slow d']);
  expect(bus.outcomes()).toHaveLength(7);
});

test('of each key no more start than its rate allows, and it is told of', async () => {
  const { handlers, events, taken } = noted();
  const policies = { slow: { rateLimitPerKey: { perMs: 10 * second } } };
  await using bus = await createTestProcessor({ handlers, policies });
  await bus.processor.publishMany(events('slow', 'aabb'));
  await bus.settle();
  expect(taken()).toEqual(['slow a', 'slow b']);
  expect(bus.processor.stats()).toMatchObject({ lanesDelayed: 2 });
  expect(bus.processor.explain({ handler: 'slow', key: 'a' })).toMatchObject({ situation: 'limited', dueInMs: 10_000 });
  await bus.advance(10 * second);
  expect(taken()).toEqual(['slow a', 'slow b']);
});

test('the option holds for all handlers together', async () => {
  const { handlers, events, taken } = noted();
  await using bus = await createTestProcessor({ handlers, rateLimit: { tries: 3 } });
  await bus.processor.publishMany([...events('slow', 'ab'), ...events('fast', 'abc')]);
  await bus.settle();
  expect(taken()).toHaveLength(3);
  await bus.advance(second);
  expect(taken()).toHaveLength(2);
});

test('a handler at its rate keeps no memory from the others, however much is published for it', async () => {
  const { handlers, events, taken } = noted();
  const policies = { slow: { rateLimit: { tries: 1, perMs: second } } };
  await using bus = await createTestProcessor({ handlers, policies, ringSize: 16 });
  const keys = Array.from({ length: 60 }, (_, n) => 'abcdefghij'[n % 10]).join('');
  await bus.processor.publishMany(events('slow', keys));
  await bus.processor.publish(events('fast', 'z')[0]!);
  await bus.settle();
  expect(taken()).toEqual(['slow a', 'fast z']);
  await bus.advance(30 * second);
  expect(taken()).toHaveLength(30);
  await bus.drain();
  expect(bus.outcomes()).toHaveLength(61);
  const of = (key: string) =>
    bus
      .outcomes()
      .filter((one) => one.key === key)
      .map(({ identity }) => identity.position);
  for (const key of 'abcdefghij') expect(of(key)).toEqual(of(key).toSorted((a, b) => a - b));
});

test('what waits for a rate comes and goes between memory and the store no more often than time lets it run', async () => {
  const reads: number[] = [];
  const policies = { slow: { rateLimit: { tries: 10, perMs: second } } };
  const { handlers, taken } = noted();
  await using bus = await createTestProcessor({ handlers, policies, ringSize: 16 });
  await bus.processor.publishMany(Array.from({ length: 100 }, () => ({ type: 'slow' as const, data: null })));
  await bus.settle();
  reads.push(taken().length);
  await bus.advance(second);
  reads.push(taken().length);
  await bus.advance(second);
  reads.push(taken().length);
  expect(reads).toEqual([10, 10, 10]);
  await bus.drain();
  expect(bus.outcomes()).toHaveLength(100);
});

test('a key at its rate takes no memory that others could use, and runs as often as its rate allows', async () => {
  const policies = { slow: { rateLimitPerKey: { tries: 2, perMs: second } } };
  const { handlers, events, taken } = noted();
  await using bus = await createTestProcessor({ handlers, policies, ringSize: 16 });
  await bus.processor.publishMany([...events('slow', 'ab'.repeat(40)), ...events('fast', 'cdefgh'.repeat(4))]);
  await bus.settle();
  expect(taken()).toHaveLength(28);
  await bus.advance(10 * second);
  expect(taken()).toHaveLength(40);
  await bus.drain();
  expect(bus.outcomes()).toHaveLength(104);
});

test.each([
  [
    'a rate of a key under order none',
    { order: 'none' as const },
    { rateLimitPerKey: { tries: 1 } },
    'handler "slow" must have the order "key" for its rateLimitPerKey, got "none": give it order: \'key\', or rateLimit',
  ],
  [
    'a rate of a handler under order global',
    { order: 'global' as const },
    { rateLimit: { tries: 1 } },
    'handler "slow" must have no rateLimit of its own under the option order "global"',
  ],
  ['nothing of a rate', {}, { rateLimit: {} }, 'rateLimit must be an object with at least one of tries, perMs, got'],
  [
    'a rate in which nothing is given',
    {},
    { rateLimitPerKey: { tries: undefined } },
    'rateLimitPerKey must be an object with at least one of tries, perMs',
  ],
  [
    'no tries',
    {},
    { rateLimit: { tries: 0 } },
    'rateLimit.tries must be a whole number from 1 to 1000000 (tries), got 0',
  ],
  [
    'a stray member',
    {},
    { rateLimit: { perSecond: 1 } },
    'there is no option "perSecond" in policies["slow"].rateLimit',
  ],
])('%s', async (_, options, slow, says) => {
  const { handlers } = noted();
  const made = createTestProcessor({ handlers, policies: { slow: slow as HandlerPolicy }, ...options });
  const error = await made.then(null, (thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(KeylaneError);
  expect(error).toMatchObject({ code: 'bad-handlers', message: expect.stringContaining(says) });
});
