// keylane/testing: handlers run in the test's thread, with the semantics of a real processor and a clock that the test
// moves.

import { existsSync, readdirSync } from 'node:fs';
import { setImmediate as nextRound } from 'node:timers/promises';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import {
  createProcessor,
  defineHandlers,
  type HandlerContext,
  type HandlerEvent,
  PermanentError,
} from '../dist/src/index.js';
import { createTestProcessor } from '../dist/src/testing/test-processor.js';
import { makeFolder } from './processor-fixture.js';

/** Goes on after so many rounds of the event loop, of which no clock of a test knows. */
async function rounds(count: number): Promise<void> {
  for (let left = count; left > 0; left -= 1) await nextRound();
}

const minute = 60_000;

test('an event runs when it is published, and its outcome is there', async () => {
  await using bus = await createTestProcessor({ handlers: { double: ({ data }: HandlerEvent<number>) => data * 2 } });
  const receipt = await bus.processor.publish({ type: 'double', key: 'k', data: 21, id: 'e-1' });
  await bus.settle();
  expect(bus.outcomeOf(receipt)?.result).toBe(42);
  expect(bus.outcomeOf('e-1')).toBe(bus.outcomeOf(receipt.identity));
  expect(bus.outcomeOf('e-2')).toBeNull();
  expect(bus.published()).toMatchObject([{ id: 'e-1', type: 'double', key: 'k', data: 21 }]);
  expect((await bus.processor.process({ type: 'double', data: 4 })).result).toBe(8);
  expect(bus.outcomes().map(({ result }) => result)).toEqual([42, 8]);
});

test('retries wait for the clock, later events of the key behind them, others go on', async () => {
  const tries: string[] = [];
  const handlers = defineHandlers({
    work: ({ key, data, position }: HandlerEvent<number>, { attempt }) => {
      tries.push(`${key}${position} ${attempt}`);
      if (attempt <= data) throw new TypeError('as asked');
    },
  });
  const policies = { work: { attemptsMax: 3, backoffMsMin: minute, backoffMsMax: minute } };
  await using bus = await createTestProcessor({ handlers, policies, now: new Date('2026-11-26T10:00:00Z') });
  await bus.processor.publishMany([1, 0].map((data) => ({ type: 'work' as const, key: 'a', data })));
  await bus.processor.publish({ type: 'work', key: 'b', data: 0 });
  await bus.settle();
  expect(tries).toEqual(['a1 1', 'b3 1']);
  await bus.advance(minute);
  expect(tries).toEqual(['a1 1', 'b3 1', 'a1 2', 'a2 1']);
  expect(new Date(bus.nowMs).toISOString()).toBe('2026-11-26T10:01:00.000Z');
  expect(bus.outcomeOf({ partition: 'journal', position: 1 })).toMatchObject({ status: 'succeeded', attempts: 2 });
});

test('drain lets as much time pass as retries need, and several handlers owe an outcome each', async () => {
  const handlers = defineHandlers([
    { name: 'never', on: '*', run: () => Promise.reject(new Error('no')), attemptsMax: 2, backoffMsMax: minute },
    { name: 'once', on: 'order.*', run: () => Promise.reject(new PermanentError('no')) },
  ]);
  await using bus = await createTestProcessor({ handlers });
  const receipt = await bus.processor.publish({ type: 'order.placed', key: 'k', data: null });
  await bus.drain();
  expect(bus.outcomeOf(receipt, 'never')).toMatchObject({ status: 'dead-lettered', attempts: 2 });
  expect(bus.outcomeOf(receipt, 'once')).toMatchObject({ status: 'dead-lettered', attempts: 1 });
});

test('what comes in bulk for keys with state runs without any time passing', async () => {
  const handlers = defineHandlers([
    {
      ...{ name: 'count', on: '*', state: { initial: () => 0 } },
      run: (_: HandlerEvent<number>, context: HandlerContext) => context.setState((context.state as number) + 1),
    },
  ]);
  await using bus = await createTestProcessor({ handlers });
  // Measured, and warm.
  for (let round = 0; round < 2; round += 1) {
    for (let n = 0; n < 400; n += 1) bus.processor.tryPublish({ type: 't', key: `k${n % 4}`, data: n });
    await bus.settle();
    expect(bus.outcomes()).toHaveLength(400 * (round + 1));
  }
  expect(await bus.processor.state('count', 'k3')).toMatchObject({ value: 200 });
});

test('what is paused while it comes in bulk does not keep the kit busy', async () => {
  const run = (_: HandlerEvent<number>, context: HandlerContext) => context.setState((context.state as number) + 1);
  const handlers = defineHandlers([{ name: 'count', on: '*', state: { initial: () => 0 }, run }]);
  await using bus = await createTestProcessor({ handlers });
  await bus.processor.process({ type: 't', key: 'k', data: 0 });
  const event = (data: number) => ({ type: 't', key: `k${data % 100}`, data });
  const published = bus.processor.publishMany(Array.from({ length: 3000 }, (_, data) => event(data)));
  await new Promise(setImmediate);
  bus.processor.pause({ handler: 'count' });
  await published;
  await bus.settle();
  bus.processor.resume();
  await bus.settle();
  expect(bus.outcomes()).toHaveLength(3001);
});

describe('a handler that does not end', () => {
  const handlers = { wait: (_: HandlerEvent<null>, { signal }: { signal: AbortSignal }) => forever(signal) };

  test('is told when its time is over, given up after its grace, and runs again', async () => {
    await using bus = await createTestProcessor({ handlers, timeoutMs: 1000, graceMs: 100, attemptsMax: 1 });
    const receipt = await bus.processor.publish({ type: 'wait', key: 'k', data: null });
    await bus.advance(1200);
    await bus.settle();
    expect(bus.outcomeOf(receipt)?.error).toMatchObject({ name: 'TimeoutError' });
    expect((await bus.processor.publish({ type: 'wait', key: 'k', data: null })).identity.position).toBe(2);
    await bus.advance(1200);
    await bus.settle();
    expect(bus.outcomes()).toHaveLength(2);
  });

  test('is told when the processor is closed, and what follows in its batch does not begin', async () => {
    const began: number[] = [];
    const signals: AbortSignal[] = [];
    const wait = ({ position }: HandlerEvent<null>, { signal }: HandlerContext): Promise<void> => {
      began.push(position);
      signals.push(signal);
      return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    };
    const bus = await createTestProcessor({ handlers: { wait } });
    bus.processor.pause();
    const events = [1, 2, 3, 4].map(() => bus.processor.publish({ type: 'wait', key: 'k', data: null }));
    await Promise.all(events);
    bus.processor.resume();
    await bus.advance(0);
    expect(began).toEqual([1]);
    const told = new Promise((resolve) => signals[0]!.addEventListener('abort', resolve));
    await bus.close();
    await told;
    await bus.advance(0);
    expect(began).toEqual([1]);
  });

  test('is named by settle, which does not wait for ever', async () => {
    await using bus = await createTestProcessor({ handlers, patienceMs: 20 });
    await bus.processor.publish({ type: 'wait', key: 'k', data: null });
    await expect(bus.settle()).rejects.toThrow('an event of handler "wait" has run for 20 ms of real time');
    const cancelled = bus.processor.cancel({ partition: 'journal', position: 1 });
    await bus.advance(10_000);
    await cancelled;
    expect(bus.outcomes()).toMatchObject([{ status: 'cancelled' }]);
  });
});

test('a state is that of the last event of its key that succeeded, and cannot be changed in place', async () => {
  const handlers = {
    sum: ({ data }: HandlerEvent<number>, context: HandlerContext) => {
      const { total } = context.state as { total: number };
      context.setState({ total: total + data });
      if (data < 0) throw new PermanentError('no debts');
      if (data === 0) (context.state as { total: number }).total = 7;
      return total;
    },
  };
  const policies = { sum: { state: { initial: () => ({ total: 0 }) }, attemptsMax: 1 } };
  await using bus = await createTestProcessor({ handlers, policies, threads: 2, seed: 3 });
  const amounts = [1, 2, -5, 0, 3].flatMap((data) => ['a', 'b'].map((key) => ({ type: 'sum' as const, key, data })));
  await bus.processor.publishMany(amounts);
  await bus.drain();
  const of = (key: string): unknown[] =>
    bus.outcomes().flatMap((one) => (one.key === key ? [one.error?.name ?? one.result] : []));
  expect([of('a'), of('b')]).toEqual(Array(2).fill([0, 1, 'PermanentError', 'TypeError', 3]));
});

test('retries wait as long in every run, by the seed', async () => {
  const run = async (seed?: number): Promise<string> => {
    const again: string[] = [];
    const handlers = {
      flaky: ({ key }: HandlerEvent<null>, { attempt }: HandlerContext) => {
        if (attempt < 3) throw new Error('not yet');
        again.push(`${key} after ${bus.nowMs}`);
      },
    };
    const options = { handlers, ...(seed !== undefined && { seed }) };
    await using bus = await createTestProcessor(options);
    const events = Array.from({ length: 6 }, (_, n) => ({ type: 'flaky' as const, key: `k${n}`, data: null }));
    await bus.processor.publishMany(events);
    await bus.drain();
    return again.join();
  };
  const runs = await Promise.all([run(), run(), run(7), run(7), run(8)]);
  expect([runs[0] === runs[1], runs[2] === runs[3], new Set(runs).size]).toEqual([true, true, 3]);
});

test('settle waits for what listeners do, and what follows from it, but not for ever', async () => {
  const told: number[] = [];
  await using bus = await createTestProcessor({
    handlers: { a: () => 1, b: () => 2 },
    batchSizeMax: 1,
    patienceMs: 300,
  });
  const { processor } = bus;
  processor.on('warning', ({ message }) => expect.fail(message));
  processor.subscribe(
    'a',
    async ({ identity: { position } }) => {
      await rounds(20);
      told.push(position);
      if (position === 5) await processor.publish({ type: 'b' });
    },
    { queueMax: 1 },
  );
  await processor.publishMany(Array.from({ length: 10 }, () => ({ type: 'a' as const, key: 'k' })));
  const { nowMs } = bus;
  await bus.settle();
  expect([told.length, bus.outcomes().length, bus.nowMs - nowMs]).toEqual([10, 11, 0]);
  const stuck = processor.subscribe('b', () => new Promise(() => {}));
  await processor.publish({ type: 'b' });
  await expect(bus.settle()).rejects.toThrow('a call of subscribe("b") has taken 300 ms of real time: let it end');
  stuck.unsubscribe();
});

test('a listener that waits for what needs time holds neither settle nor drain up', async () => {
  let tries = 0;
  const handlers = {
    a: () => 1,
    b: () => {
      tries += 1;
      if (tries === 1) throw new Error('not yet');
    },
  };
  const run = async (end: 'advance' | 'drain'): Promise<string[]> => {
    tries = 0;
    const told: string[] = [];
    await using bus = await createTestProcessor({ handlers, patienceMs: 2000 });
    bus.processor.subscribe('a', async () => void told.push((await bus.processor.process({ type: 'b' })).status));
    await bus.processor.publish({ type: 'a' });
    await bus.settle();
    expect([told, tries]).toEqual([[], 1]);
    if (end === 'drain') await bus.drain();
    else await bus.advance(60_000);
    return told;
  };
  expect(await run('advance')).toEqual(['succeeded']);
  expect(await run('drain')).toEqual(['succeeded']);
});

test('drain, and settle after a listener has left, wait for calls that are under way', async () => {
  let over = 0;
  await using bus = await createTestProcessor({ handlers: { a: () => 1 } });
  const once = bus.processor.subscribe('a', async () => {
    once.unsubscribe();
    await rounds(50);
    over += 1;
  });
  await bus.processor.publish({ type: 'a' });
  await bus.settle();
  expect(over).toBe(1);
  bus.processor.subscribe('a', async () => {
    await rounds(50);
    over += 1;
  });
  await bus.processor.publishMany([{ type: 'a' }, { type: 'a' }, { type: 'a' }]);
  await bus.drain();
  expect(over).toBe(4);
});

test('seeds interleave keys otherwise, each the same way every time, and never change the order of a key', async () => {
  const run = async (seed: number): Promise<string> => {
    const began: string[] = [];
    const handlers = {
      step: async ({ key, position }: HandlerEvent<null>) => {
        began.push(`${key}${position}`);
        await null;
      },
    };
    await using bus = await createTestProcessor({ handlers, threads: 3, batchSizeMax: 2, seed });
    const events = Array.from({ length: 24 }, (_, n) => ({ type: 'step' as const, key: 'abcd'[n % 4]!, data: null }));
    await bus.processor.publishMany(events);
    await bus.drain();
    for (const key of 'abcd') {
      const of = began.filter((one) => one.startsWith(key)).map((one) => Number(one.slice(1)));
      expect(of).toEqual(of.toSorted((one, other) => one - other));
    }
    return began.join(' ');
  };
  const runs: string[] = [];
  for (let seed = 1; seed <= 6; seed += 1) runs.push(await run(seed));
  expect(new Set(runs).size).toBeGreaterThan(1);
  expect([await run(1), await run(2)]).toEqual(runs.slice(0, 2));
});

test('a schema that takes its time is waited for by settle, and not for ever', async () => {
  const answers: (() => void)[] = [];
  const validate = (value: unknown): Promise<{ value: unknown }> =>
    new Promise((resolve) => answers.push(() => resolve({ value })));
  const schemas = { a: { '~standard': { version: 1, vendor: 'here', validate } } } as const;
  await using bus = await createTestProcessor({ handlers: { a: () => 1 }, schemas, patienceMs: 20 });
  const published = bus.processor.publish({ type: 'a' });
  await expect(bus.settle()).rejects.toThrow('a schema has taken 20 ms of real time: let it answer');
  const settled = bus.settle();
  setImmediate(() => answers[0]!());
  await settled;
  expect(bus.outcomeOf(await published)).toMatchObject({ status: 'succeeded' });
  // One that never answers is of no event once the processor takes none.
  const late = expect(bus.processor.publish({ type: 'a' })).rejects.toMatchObject({ code: 'not-running' });
  await bus.drain();
  await late;
});

test('one that cannot be made leaves no folder', async () => {
  const folder = makeFolder();
  vi.stubEnv('TMPDIR', folder);
  onTestFinished(() => void vi.unstubAllEnvs());
  const handlers = Array.from({ length: 20 }, (_, n) => ({ name: `h${n}`, on: 'a', run: () => 1 }));
  for (const bad of [{ ringSize: 16 }, { schemas: { a: 1 } }, { unmatched: 'nope' }]) {
    await expect(createTestProcessor({ handlers, ...bad } as never)).rejects.toMatchObject({ code: 'bad-option' });
  }
  const bus = await createTestProcessor({ handlers });
  expect(readdirSync(folder)).toHaveLength(1);
  await bus.close();
  expect(readdirSync(folder)).toEqual([]);
});

test('bad handlers and options are refused, and the store goes with the processor', async () => {
  await expect(createTestProcessor({ handlers: {} })).rejects.toMatchObject({ code: 'bad-handlers' });
  await expect(createTestProcessor({ handlers: { a: () => 1 }, store: 'x.db' } as never)).rejects.toThrow(
    'store must be left out: a test processor has a store of its own',
  );
  await expect(createTestProcessor({ handlers: { a: () => 1 }, retention: {} } as never)).rejects.toThrow(
    'retention must be left out: a test processor deletes nothing',
  );
  for (const [wrong, message] of [
    [undefined, 'options must be an object, got undefined'],
    [
      { sed: 5 },
      'there is no option "sed"; the options are handlers, policies, schemas, now, seed, patienceMs, threads',
    ],
    [{ now: 'noon' }, 'now must be a valid Date, or its milliseconds since the Unix epoch, got "noon"'],
    [{ now: new Date(Number.NaN) }, 'now must be a valid Date, or its milliseconds'],
    [{ now: 1e20 }, 'now must be a valid Date, or its milliseconds'],
    [{ seed: 0.5 }, 'seed must be a whole number from -2147483648 to 4294967295 (any 32 bits), got 0.5'],
    [{ seed: 'seed' }, 'seed must be a whole number'],
    [{ patienceMs: 0 }, 'patienceMs must be a whole number from 1 to 2147483647 (ms), got 0'],
  ] as const) {
    const made = createTestProcessor((wrong && { handlers: { a: () => 1 }, ...wrong }) as never);
    await expect(made).rejects.toMatchObject({ code: 'bad-option', message: expect.stringContaining(message) });
  }
  await expect(createProcessor(undefined as never)).rejects.toThrow('options must be an object, got undefined');
  const bus = await createTestProcessor({ handlers: { a: () => 1 }, now: 0, seed: -1 });
  expect(bus.nowMs).toBe(0);
  for (const ms of [-1, Number.POSITIVE_INFINITY, Number.NaN]) {
    await expect(bus.advance(ms)).rejects.toThrow(`advance takes a number of ms from 0, got ${ms}`);
  }
  for (const of of [undefined, null, Promise.resolve(), {}]) {
    expect(() => bus.outcomeOf(of as never)).toThrow('must be told by its receipt, its identity or its id, got');
  }
  await expect(bus.processor.setThreads(2)).rejects.toMatchObject({ code: 'bad-option' });
  expect(existsSync(bus.path)).toBe(true);
  await bus.close();
  expect(existsSync(bus.path)).toBe(false);
});

/** Pends for ever; the signal is asked for, as a handler that listens to it would. */
function forever(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('never', () => reject(new Error('not used')));
  });
}
