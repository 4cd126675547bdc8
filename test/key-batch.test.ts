// Handlers that take consecutive events of one key at once: what comes of it is what comes of taking them one by one,
// whatever fails, dies or does not fit, and nobody is charged with what another of the call has done.

import { once } from 'node:events';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createProcessor, defineHandlers, type HandlerContext, type HandlerEvent } from '../dist/src/index.js';
import { createTestProcessor } from '../dist/src/testing/test-processor.js';
import { scratchFolder } from './fixtures/scratch-folder.js';
import { sized } from './long-form.js';
import { makeFolder, readOutcomes } from './processor-fixture.js';

const scratch = scratchFolder();

const note = (key: string, n: number, more: object = {}) => ({ type: 'note', key, data: { n, ...more } }) as const;

/** Whether a call with these events throws, by event: always, or only while it is tried for the first time. */
type Deed = 'fine' | 'fails once' | 'fails';

test('any run of calls leaves the state and the outcomes that single events leave', async () => {
  const planned = fc.array(
    fc.record({ key: fc.constantFrom('a', 'b'), deed: fc.constantFrom<Deed>('fine', 'fine', 'fails once', 'fails') }),
    { minLength: 1, maxLength: 40 },
  );
  const settings = fc.record({
    ...{ seed: fc.nat(), threads: fc.integer({ min: 1, max: 3 }), batchSizeMax: fc.integer({ min: 1, max: 40 }) },
  });
  let longest = 0;
  await fc.assert(
    fc.asyncProperty(planned, settings, async (plan, options) => {
      const alone = new Map<number, number>();
      const runKeyBatch = (events: readonly HandlerEvent<{ n: number }>[], context: HandlerContext): number[] => {
        longest = Math.max(longest, events.length);
        const before = context.state as number[];
        context.setState([...before, ...events.map(({ data }) => data.n)]);
        context.emit({ type: 'told', key: 'all', data: events.map(({ data }) => data.n) });
        for (const { data } of events) {
          const { deed } = plan[data.n]!;
          const tries = alone.get(data.n) ?? 0;
          if (events.length === 1) alone.set(data.n, tries + 1);
          if (deed === 'fails' || (deed === 'fails once' && tries === 0)) throw new Error(`as planned: ${data.n}`);
        }
        return events.map(({ data }) => data.n * 2);
      };
      const told: number[] = [];
      const handlers = defineHandlers([
        { name: 'notes', on: 'note', runKeyBatch, state: { initial: () => [] }, attemptsMax: 2, backoffMsMin: 1 },
        { name: 'told', on: 'told', run: ({ data }: HandlerEvent<number[]>) => void told.push(...data) },
      ]);
      await using bus = await createTestProcessor({ handlers, ...options });
      await bus.processor.publishMany(plan.map(({ key }, n) => note(key, n)));
      await bus.drain();
      const outcomes = bus.outcomes().filter(({ handler }) => handler === 'notes');
      expect(outcomes).toHaveLength(plan.length);
      for (const { identity, status, attempts, result, error } of outcomes) {
        const n = identity.position - 1;
        const isLost = plan[n]!.deed === 'fails';
        expect({ n, status, attempts }).toEqual({
          ...{ n, status: isLost ? 'dead-lettered' : 'succeeded', attempts: plan[n]!.deed === 'fine' ? 1 : 2 },
        });
        if (isLost) expect(error?.message).toBe(`as planned: ${n}`);
        else expect(result).toBe(n * 2);
      }
      const good = plan.flatMap(({ deed }, n) => (deed === 'fails' ? [] : [n]));
      for (const key of ['a', 'b']) {
        const [row] = readOutcomes<{ value: string }>(bus.path, `SELECT value FROM states WHERE key = '${key}'`);
        expect(row === undefined ? [] : JSON.parse(row.value)).toEqual(good.filter((n) => plan[n]!.key === key));
      }
      expect(told.sort((a, b) => a - b)).toEqual(good);
    }),
    { numRuns: sized({ short: 30, long: 300 }) },
  );
  // Or it has tested nothing.
  expect(longest).toBeGreaterThan(1);
}, 60_000);

/** A module in a file, with threads; every event waits until all are accepted. */
async function ran(text: string, events: readonly ReturnType<typeof note>[], options: object = {}): Promise<string> {
  const handlers = scratch.write(`m${Math.random()}.mjs`, text);
  const store = `${makeFolder()}/test.db`;
  await using processor = await createProcessor({ handlers, store, threads: 1, autoStart: false, ...options });
  await processor.publishMany(events);
  processor.start();
  await processor.drain();
  return store;
}

const statuses = (store: string): string[] =>
  readOutcomes<{ status: string }>(store, 'SELECT status FROM outcomes ORDER BY position').map(({ status }) => status);

const keyed = (body: string, more = ''): string => `let calls = 0;
  export default [{ name: 'notes', on: 'note', ${more} backoffMsMin: 1,
    state: { initial: () => [] }, runKeyBatch: ${body} }];`;

const ten = Array.from({ length: 10 }, (_, n) => note('a', n));

// The second one is in the first call of its thread, where nothing else can have left what it died of.
test.each([1, 5])(
  'a thread that dies in a call costs only the event that killed it, here %i',
  async (killer) => {
    const body = `(events, context) => {
    if (events.some(({ data }) => data.n === ${killer})) process.exit(7);
    context.setState([...context.state, ...events.map(({ data }) => data.n)]);
    return events.map(() => null);
  }`;
    const store = await ran(keyed(body, 'attemptsMax: 1,'), ten);
    const expected = ten.map((_, n) => (n === killer ? 'dead-lettered' : 'succeeded'));
    expect(statuses(store)).toEqual(expected);
    const [state] = readOutcomes<{ value: string }>(store, 'SELECT value FROM states');
    expect(JSON.parse(state!.value)).toEqual(ten.map((_, n) => n).filter((n) => n !== killer));
  },
  30_000,
);

test('a call that runs into its time limit and is ended is charged to nobody, each has its own time', async () => {
  const body = `(events) => {
    if (events.length > 1) for (;;);
    return [events[0].data.n];
  }`;
  const store = await ran(keyed(body, 'attemptsMax: 2, timeoutMs: 50, graceMs: 20,'), ten.slice(0, 3));
  expect(statuses(store)).toEqual(['succeeded', 'succeeded', 'succeeded']);
  const attempts = readOutcomes<{ attempts: number }>(store, 'SELECT attempts FROM outcomes ORDER BY position');
  expect(attempts).toEqual([1, 1, 1].map((one) => ({ attempts: one })));
}, 30_000);

test('nor is one that ends when it is told to; an event that takes too long by itself is', async () => {
  const calls: number[] = [];
  const runKeyBatch = async (events: readonly HandlerEvent<{ n: number }>[], { signal }: HandlerContext) => {
    calls.push(events.length);
    if (events.length > 1 || events[0]!.data.n === 1) await once(signal, 'abort');
    return events.map(({ data }) => data.n);
  };
  const handlers = defineHandlers([{ name: 'notes', on: 'note', runKeyBatch, attemptsMax: 1, timeoutMs: 50 }]);
  await using bus = await createTestProcessor({ handlers, batchSizeMax: 8, autoStart: false });
  await bus.processor.publishMany([0, 1, 2, 3].map((n) => note('k', n)));
  bus.processor.start();
  for (let left = 10; left > 0 && bus.outcomes().length < 4; left -= 1) await bus.advance(50);
  expect(bus.outcomes().map(({ status, error }) => error?.name ?? status)).toEqual([
    ...['succeeded', 'TimeoutError', 'succeeded', 'succeeded'],
  ]);
  expect(Math.max(...calls)).toBeGreaterThan(1);
});

test('results that do not fit where they would survive the thread are taken in with the state of all', async () => {
  const large = 'x'.repeat(60_000);
  const body = `(events, context) => {
    context.setState([...context.state, ...events.map(({ data }) => data.n)]);
    return events.map(({ data }) => data.n + '${large}');
  }`;
  const store = await ran(keyed(body), ten);
  expect(statuses(store)).toEqual(ten.map(() => 'succeeded'));
  const [state] = readOutcomes<{ value: string; position: number }>(store, 'SELECT value, position FROM states');
  expect(state).toMatchObject({ value: JSON.stringify(ten.map((_, n) => n)), position: 10 });
});

test('an event that is cancelled while its call runs is left out, the others are not', async () => {
  const handlers = scratch.write(
    'slow.mjs',
    keyed(`async (events) => {
      if (events.length > 1) {
        const channel = new BroadcastChannel('keylane-key-batch');
        await new Promise((resolve) => {
          channel.onmessage = resolve;
          channel.postMessage(events.map(({ data }) => data.n));
        });
        channel.close();
      }
      return events.map(({ data }) => data.n);
    }`),
  );
  const store = `${makeFolder()}/test.db`;
  await using processor = await createProcessor({ handlers, store, threads: 1, autoStart: false });
  const channel = new BroadcastChannel('keylane-key-batch');
  const underWay = new Promise<number[]>((resolve) => {
    channel.onmessage = (message) => resolve((message as { data: number[] }).data);
  });
  await processor.publishMany(ten.slice(0, 4));
  processor.start();
  const [, second] = await underWay;
  const cancelled = processor.cancel({ partition: 'journal', position: second! + 1 });
  channel.postMessage('go on');
  expect(await cancelled).toBe('cancelled');
  await processor.drain();
  channel.close();
  expect(statuses(store)).toEqual([0, 1, 2, 3].map((n) => (n === second ? 'cancelled' : 'succeeded')));
});

test('cancelling a later event of a call tells the call to end, and the others are tried by themselves', async () => {
  const calls: number[][] = [];
  let wasAborted = false;
  const runKeyBatch = async (events: readonly HandlerEvent<{ n: number }>[], context: HandlerContext) => {
    calls.push(events.map(({ data }) => data.n));
    if (calls.length === 1) {
      await once(context.signal, 'abort');
      wasAborted = context.aborted;
    }
    return events.map(({ data }) => data.n);
  };
  const handlers = defineHandlers([{ name: 'notes', on: 'note', runKeyBatch, attemptsMax: 1, graceMs: 1000 }]);
  await using bus = await createTestProcessor({ handlers, batchSizeMax: 8, autoStart: false });
  await bus.processor.publishMany([0, 1, 2, 3, 4, 5].map((n) => note('k', n)));
  bus.processor.start();
  await bus.advance(1);
  expect(calls).toEqual([[0, 1, 2]]);
  const cancelled = bus.processor.cancel({ partition: 'journal', position: 2 });
  for (let left = 10; left > 0 && bus.outcomes().length < 6; left -= 1) await bus.advance(1);
  expect(wasAborted).toBe(true);
  expect(await cancelled).toBe('cancelled');
  expect(bus.outcomes().map(({ status }) => status)).toEqual([
    ...['succeeded', 'cancelled', 'succeeded', 'succeeded', 'succeeded', 'succeeded'],
  ]);
  expect(calls.slice(0, 3)).toEqual([[0, 1, 2], [0], [2]]);
});

test('of a call that goes on for all that, the thread is ended, and only the cancelled event with it', async () => {
  const handlers = scratch.write(
    'deaf.mjs',
    keyed(
      `(events) => {
        if (events.length > 1 && events.some(({ data }) => data.n === 1)) {
          new BroadcastChannel('keylane-key-batch-deaf').postMessage(events.map(({ data }) => data.n));
          for (;;);
        }
        return events.map(({ data }) => data.n);
      }`,
      'attemptsMax: 1, graceMs: 20,',
    ),
  );
  const store = `${makeFolder()}/test.db`;
  await using processor = await createProcessor({ handlers, store, threads: 1, autoStart: false });
  const channel = new BroadcastChannel('keylane-key-batch-deaf');
  const underWay = new Promise<number[]>((resolve) => {
    channel.onmessage = (message) => resolve((message as { data: number[] }).data);
  });
  await processor.publishMany(ten.slice(0, 4));
  processor.start();
  expect((await underWay).slice(0, 2)).toEqual([0, 1]);
  channel.close();
  expect(await processor.cancel({ partition: 'journal', position: 2 })).toBe('cancelled');
  await processor.drain();
  expect(statuses(store)).toEqual(['succeeded', 'cancelled', 'succeeded', 'succeeded']);
  const attempts = readOutcomes<{ attempts: number }>(store, 'SELECT attempts FROM outcomes WHERE position <> 2');
  expect(attempts).toEqual([1, 1, 1].map((one) => ({ attempts: one })));
}, 30_000);

describe('is refused', () => {
  test.each([
    ['runKeyBatch: 1', /must have a function as "runKeyBatch" of handler "notes", found 1/],
    ['run: () => 1, runKeyBatch: () => 1', /has both "run" and "runKeyBatch" in handler "notes"; leave one/],
    [
      "runKeyBatch: () => [], order: 'none'",
      /must have the order "key", as it takes events of a key at once, got "none"/,
    ],
  ])('%s', async (members, message) => {
    const handlers = scratch.write(`r${Math.random()}.mjs`, `export default [{ name: 'notes', on: '*', ${members} }];`);
    const store = `${makeFolder()}/test.db`;
    await expect(createProcessor({ handlers, store })).rejects.toThrow(message);
  });

  test('as a failed try: anything but one result for each event', async () => {
    const store = await ran(keyed('() => Array(11).fill(1)', 'attemptsMax: 1,'), ten.slice(0, 3));
    const errors = readOutcomes<{ error: string }>(store, 'SELECT error FROM outcomes');
    expect(errors.map(({ error }) => JSON.parse(error).message)).toEqual(
      Array(3).fill(
        'runKeyBatch of handler "notes" must give a list with one result for each of 1 events, got one of 11: give ' +
          'undefined for an event that has none',
      ),
    );
  });
});

test('a list of promises is waited for, and one that rejects is charged to its own event', async () => {
  const calls: number[] = [];
  const runKeyBatch = (events: readonly HandlerEvent<{ n: number }>[]) => {
    calls.push(events.length);
    return events.map(async ({ data }) => {
      await null;
      if (data.n === 3) throw new Error('not three');
      return data.n * 2;
    });
  };
  const handlers = defineHandlers([{ name: 'notes', on: 'note', runKeyBatch, attemptsMax: 1 }]);
  await using bus = await createTestProcessor({ handlers, batchSizeMax: 4, autoStart: false });
  await bus.processor.publishMany([0, 1, 2, 3, 4, 5].map((n) => note('k', n)));
  bus.processor.start();
  await bus.drain();
  const came = bus.outcomes().map(({ result, error }) => error?.message ?? result);
  expect(came).toEqual([0, 2, 4, 'not three', 8, 10]);
  // A call of promises is no failed one.
  expect(calls).toEqual([3, 3, 1, 1, 1]);
});

test('a call that gives another number of results is told of once, and its events are tried one by one', async () => {
  const warnings: string[] = [];
  const hear = ({ message }: Error): void => void warnings.push(message);
  process.on('warning', hear);
  onTestFinished(() => void process.off('warning', hear));
  // One too many, and what it holds besides rejects: that is nobody's.
  const runKeyBatch = (events: readonly HandlerEvent[]) =>
    events.length === 1 ? [1] : [events.length, ...events.map(() => Promise.reject(new Error('nobody hears')))];
  const handlers = defineHandlers([{ name: 'notes', on: 'note', runKeyBatch }]);
  await using bus = await createTestProcessor({ handlers, batchSizeMax: 4, autoStart: false });
  await bus.processor.publishMany(Array.from({ length: 12 }, (_, n) => note('k', n)));
  bus.processor.start();
  await bus.drain();
  await new Promise((resolve) => setImmediate(resolve));
  expect(bus.outcomes().map(({ result }) => result)).toEqual(new Array(12).fill(1));
  expect(warnings).toEqual([
    expect.stringMatching(
      /^runKeyBatch of handler "notes" must give a list .* events, got one of \d+: .*; its events are tried one by one$/,
    ),
  ]);
});
