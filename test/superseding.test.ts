// Handlers that want only the newest of what waits: what a newer event supersedes has that outcome and never runs, what
// has been tried is kept, and the last event of a key always runs, in whatever order things happen and after any end.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  createProcessor,
  defineHandlers,
  type HandlerEvent,
  IterableSource,
  PermanentError,
  redriveDeadLetters,
} from '../dist/src/index.js';
import { createTestProcessor } from '../dist/src/testing/test-processor.js';
import { NamedBench } from './dispatch/named-bench.js';
import { scratchFolder } from './fixtures/scratch-folder.js';
import { sized } from './long-form.js';
import { makeFolder, readOutcomes } from './processor-fixture.js';

const scratch = scratchFolder();

interface Told {
  readonly key: string;
  readonly n: number;
}

const latest = (run: (event: HandlerEvent<Told>) => unknown) =>
  defineHandlers([{ name: 'quote', on: 'quote', waiting: 'latest', attemptsMax: 2, backoffMsMin: 1, run }]);

const quote = (key: string, n: number) => ({ type: 'quote', key, data: { key, n } }) as const;

describe('the core', () => {
  const bench = (): NamedBench => new NamedBench({ supersedes: [true, false, false, false] });

  test('has the newest take the place of the one that waits, and its turn', () => {
    const of = bench().admit('low:a low:b low:a low:a');
    expect(of.dispatcher.takeSuperseded().map(({ position }) => position)).toEqual([1, 3]);
    expect(of.dispatcher.takeSuperseded()).toEqual([]);
    // They find their turns anew.
    of.dispatcher.pause({ handler: 0, key: null });
    of.dispatcher.resume(null);
    expect(of.drain()).toEqual(['low:a', 'low:b']);
    expect(of.dispatcher.counts()).toMatchObject({ buffered: 0, settled: 4 });
  });

  test('leaves other handlers, other keys, events without a key, and what is under way alone', () => {
    const of = bench().admit('high:a high:a low:- low:- low:a');
    expect(of.batch()).toBe('high:a');
    of.settle();
    of.drain();
    of.admit('low:a').batch();
    of.admit('low:a low:a');
    expect(of.dispatcher.takeSuperseded().map(({ position }) => position)).toEqual([7]);
    expect(of.dispatcher.counts()).toMatchObject({ inFlight: 1, buffered: 1 });
  });

  test('has nothing that memory alone has take the place of what would outlive it', () => {
    const of = new NamedBench({
      ...{ supersedes: [true, false, false, false], volatile: { partition: 1, positionFirst: 3 } },
    });
    of.admit('low:a low:a low:a low:a');
    expect(of.dispatcher.takeSuperseded().map(({ position }) => position)).toEqual([1, 3]);
    expect(of.drain()).toEqual(['low:a', 'low:a']);
  });

  test('counts the bytes of a lane that is paused by what is in it then', () => {
    const { dispatcher } = bench();
    dispatcher.pause({ handler: 0, key: null });
    const admit = (position: number, data: string): void => {
      dispatcher.admit({ type: 't', key: 'a', id: null, extras: null, data }, { partition: 1, position, handler: 0 });
    };
    admit(1, 'x'.repeat(1000));
    admit(2, '');
    const [slot] = dispatcher.takeSuperseded();
    const { bytesHeld } = dispatcher.counts();
    dispatcher.confirm([slot!]);
    expect(dispatcher.counts().bytesHeld).toBeLessThan(bytesHeld - 1000);
    dispatcher.resume(null);
    expect(dispatcher.nextBatch(1, 0)?.slots.map(({ position }) => position)).toEqual([2]);
  });
});

const planned = fc.array(
  fc.record({ key: fc.constantFrom('a', 'b', 'c'), fails: fc.nat({ max: 2 }), pause: fc.boolean() }),
  { minLength: 1, maxLength: 40 },
);

test('in any interleaving each event has one outcome, what runs is in order, and the last of a key runs', async () => {
  const settings = fc.record({
    ...{ seed: fc.nat(), threads: fc.integer({ min: 1, max: 4 }), batchSizeMax: fc.integer({ min: 1, max: 8 }) },
    ...{ ringSize: fc.constantFrom(16, 64) },
  });
  await fc.assert(
    fc.asyncProperty(planned, settings, async (plan, options) => {
      const tried: number[] = [];
      const handlers = latest(({ data: { n } }) => {
        tried.push(n);
        if (tried.filter((one) => one === n).length <= plan[n]!.fails) throw new Error('as planned');
      });
      await using bus = await createTestProcessor({ handlers, ...options });
      for (const [n, { key, pause }] of plan.entries()) {
        await bus.processor.publish(quote(key, n));
        if (!pause) await bus.settle();
      }
      await bus.drain();
      const outcomes = bus.outcomes();
      expect(outcomes.map(({ identity }) => identity.position).sort((a, b) => a - b)).toEqual(
        plan.map((_, n) => n + 1),
      );
      const superseded = outcomes.filter(({ status }) => status === 'superseded');
      for (const { identity, key, attempts, error } of superseded) {
        const n = identity.position - 1;
        expect(tried).not.toContain(n);
        expect([attempts, error?.code]).toEqual([0, 'superseded']);
        expect(plan.slice(n + 1).some((later) => later.key === key)).toBe(true);
      }
      for (const key of ['a', 'b', 'c']) {
        const ran = [...new Set(tried.filter((n) => plan[n]!.key === key))];
        expect(ran).toEqual([...ran].sort((a, b) => a - b));
      }
      expect(bus.processor.stats().superseded).toBe(superseded.length);
    }),
    { numRuns: sized({ short: 30, long: 300 }) },
  );
}, 60_000);

describe.each(['journal', 'memory'] as const)('with intake %s', (intake) => {
  test('receipts, listeners, statistics and the store tell of it, and the events are not kept', async () => {
    const handlers = scratch.write(
      'latest.mjs',
      `export default [{ name: 'quote', on: '*', waiting: 'latest', run: ({ data }) => data.n }];`,
    );
    const store = `${makeFolder()}/test.db`;
    await using processor = await createProcessor({ handlers, store, intake, threads: 1 });
    const seen: string[] = [];
    processor.subscribe('*', ({ identity, status }) => void seen.push(`${identity.position} ${status}`));
    processor.pause();
    const receipts = [];
    for (const n of [1, 2, 3]) receipts.push(await processor.publish(quote('a', n)));
    const first = await receipts[0]!.outcome();
    expect(first).toMatchObject({ status: 'superseded', attempts: 0, error: { name: 'Superseded' } });
    processor.resume();
    expect(await receipts[2]!.outcome()).toMatchObject({ status: 'succeeded', result: 3 });
    await processor.drain();
    expect(seen).toEqual(['1 superseded', '2 superseded', '3 succeeded']);
    expect(processor.stats()).toMatchObject({ accepted: 3, succeeded: 1, superseded: 2, cancelled: 0 });
    const rows = readOutcomes(store, 'SELECT status, count(*) AS count FROM outcomes GROUP BY status');
    expect(rows).toEqual([
      { status: 'succeeded', count: 1 },
      { status: 'superseded', count: 2 },
    ]);
    expect(readOutcomes(store, 'SELECT * FROM kept_event')).toEqual([]);
  });
});

test('what an earlier user of the store has left is superseded as well, also where it waits in a lane', async () => {
  const handlers = scratch.write(
    'latest.mjs',
    `export default [{ name: 'quote', on: '*', waiting: 'latest', onDeadLetter: 'park', attemptsMax: 1,
      run: ({ data }) => { if (data.n === 0) throw new Error('no'); return data.n; } }];`,
  );
  const store = `${makeFolder()}/test.db`;
  const first = await createProcessor({ handlers, store, threads: 1 });
  await first.process(quote('a', 0));
  // Behind a dead letter that stopped the lane: these are in the store only.
  for (const n of [1, 2, 3]) await first.publish(quote('a', n));
  first.pause();
  for (const n of [4, 5]) await first.publish(quote('b', n));
  await first.stop();
  await using second = await createProcessor({ handlers, store, threads: 1 });
  await second.discard({ handler: 'quote' }, 'test');
  await second.drain();
  const found = readOutcomes<{ position: number; status: string }>(store, 'SELECT position, status FROM outcomes');
  expect(found.sort((a, b) => a.position - b.position).map(({ status }) => status)).toEqual([
    ...['discarded', 'superseded', 'superseded', 'succeeded', 'superseded', 'succeeded'],
  ]);
});

/** Handlers that fail until they are mended, and then note what they run. */
function illAtFirst() {
  const ran: number[] = [];
  let isIll = true;
  const handlers = latest(({ data }) => {
    if (isIll) throw new PermanentError('ill');
    ran.push(data.n);
  });
  const mend = (): void => {
    isIll = false;
  };
  return { ran, handlers, mend };
}

test('a dead letter that is run again takes the place of nothing, and none takes its own', async () => {
  const { ran, handlers, mend } = illAtFirst();
  await using bus = await createTestProcessor({ handlers });
  const { processor } = bus;
  await processor.publishMany([quote('a', 1), quote('b', 2)]);
  await bus.settle();
  mend();
  processor.pause();
  const feed = new IterableSource({ partition: 'feed', events: [quote('a', 3)] });
  const fed = processor.consume(feed);
  await bus.settle();
  await processor.redrive({});
  await bus.settle();
  await processor.publish(quote('b', 4));
  await bus.settle();
  processor.resume();
  await bus.settle();
  await fed;
  // Each in its turn: the newest value of `a` is not lost, and what was tried is not said to have been superseded.
  expect(ran.toSorted()).toEqual([1, 2, 3, 4]);
  expect(processor.stats()).toMatchObject({ succeeded: 4, superseded: 0 });
});

test('what waits before a dead letter that is run again is kept with it, and what comes behind is superseded', async () => {
  const { ran, handlers, mend } = illAtFirst();
  await using bus = await createTestProcessor({ handlers });
  const { processor } = bus;
  await processor.publish(quote('a', 1));
  await bus.settle();
  mend();
  processor.pause();
  await processor.publish(quote('a', 2));
  await bus.settle();
  await processor.redrive({});
  await bus.settle();
  for (const n of [3, 4, 5]) await processor.publish(quote('a', n));
  await bus.settle();
  processor.resume();
  await bus.settle();
  expect(ran).toEqual([2, 1, 5]);
  expect(processor.stats()).toMatchObject({ succeeded: 3, superseded: 2 });
});

test('a dead letter that is run again after a restart is known as one', async () => {
  const source = (run: string): string =>
    `export default [{ name: 'quote', on: '*', waiting: 'latest', attemptsMax: 1, run: ${run} }];`;
  const ill = scratch.write('ill.mjs', source(`() => { throw new Error('ill'); }`));
  const well = scratch.write('well.mjs', source('({ data }) => data.n'));
  const store = `${makeFolder()}/test.db`;
  const first = await createProcessor({ handlers: ill, store, threads: 1 });
  for (const n of [1, 2]) await first.process(quote('a', n));
  await first.stop();
  await redriveDeadLetters({ store });
  const second = await createProcessor({ handlers: well, store, threads: 1 });
  second.pause();
  for (const n of [3, 4]) await second.publish(quote('a', n));
  second.resume();
  await second.drain();
  const found = readOutcomes<{ position: number; status: string }>(store, 'SELECT position, status FROM outcomes');
  expect(found.sort((a, b) => a.position - b.position).map(({ status }) => status)).toEqual([
    ...['succeeded', 'succeeded', 'superseded', 'succeeded'],
  ]);
});

test('what the store has makes way for nothing that memory alone has, and is lost with it', async () => {
  const handlers = scratch.write(
    'latest.mjs',
    `export default [{ name: 'quote', on: '*', waiting: 'latest', run: ({ data }) => data.n }];`,
  );
  const store = `${makeFolder()}/test.db`;
  const publishPaused = async (intake: 'journal' | 'memory', numbers: readonly number[]): Promise<void> => {
    await using processor = await createProcessor({ handlers, store, intake, threads: 1 });
    processor.pause();
    for (const n of numbers) await processor.publish(quote('a', n));
    await processor.stop();
  };
  await publishPaused('journal', [1]);
  await publishPaused('memory', [2, 3]);
  await using last = await createProcessor({ handlers, store, threads: 1 });
  await last.drain();
  const found = readOutcomes<{ status: string; result: string }>(
    store,
    'SELECT status, result FROM outcomes ORDER BY position',
  );
  expect(found).toEqual([
    { status: 'succeeded', result: '1' },
    { status: 'superseded', result: null },
  ]);
});

test('it needs the order of keys', async () => {
  const source = `export default [{ name: 'quote', on: '*', waiting: 'latest', order: 'none', run: () => 1 }];`;
  const handlers = scratch.write('unordered.mjs', source);
  const store = `${makeFolder()}/test.db`;
  await expect(createProcessor({ handlers, store })).rejects.toThrow(
    /handler "quote" must have the order "key" for waiting: 'latest', got "none": give it order: 'key'/,
  );
});
