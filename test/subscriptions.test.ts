// Listeners and iterators of outcomes on real threads and a real store: what they are told, in which order, how many
// calls overlap, and how each comes to its end.

import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { ReadableStream } from 'node:stream/web';
import { describe, expect, test } from 'vitest';
import type { KeylaneError, Outcome, OutcomeIterator, Processor } from '../dist/src/index.js';
import { Gate, makeFolder, makeProcessor, SharedProcessor } from './processor-fixture.js';

const shared = new SharedProcessor();
const once = { attemptsMax: 1 } as const;
const echo = (key: string, data: unknown) => ({ type: 'echo', key, data });

/** Calls that a listener has begun, each to be ended by the test. */
class Calls {
  readonly begun: { outcome: Outcome; end(): void; fail(error: unknown): void }[] = [];
  readonly #waiting: { count: number; resolve(): void }[] = [];
  underWay = 0;
  underWayMax = 0;

  readonly listener = (outcome: Outcome): Promise<void> => {
    this.underWay += 1;
    this.underWayMax = Math.max(this.underWayMax, this.underWay);
    return new Promise<void>((resolve, reject) => {
      this.begun.push({ outcome, end: resolve, fail: reject });
      for (const { count, resolve: reached } of this.#waiting) if (this.begun.length >= count) reached();
    }).finally(() => {
      this.underWay -= 1;
    });
  };

  /** Resolves once so many calls were begun. */
  count(count: number): Promise<void> {
    if (this.begun.length >= count) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ count, resolve }));
  }
}

describe('a subscription', () => {
  test('is told of what fits, decoded, in the order of its keys, once durable, until it is ended', async () => {
    const processor = await makeProcessor({ ...once, threads: 2 });
    const [all, some, dead]: [Outcome[], unknown[], unknown[]] = [[], [], []];
    processor.subscribe('*', (outcome) => all.push(outcome));
    const subscription = processor.subscribe('ec*', ({ result }) => some.push(result));
    processor.subscribe({ status: 'dead-lettered', handler: 'fail' }, ({ error }) => dead.push(error?.name));
    for (let n = 0; n < 200; n += 1) await processor.publish(echo(`k${n % 3}`, n));
    await processor.publish({ type: 'fail' });
    await processor.whenIdle();
    subscription.unsubscribe();
    await subscription.done;
    await processor.publish(echo('k', 'after'));
    await processor.drain();
    expect([all.length, some.length, dead]).toEqual([202, 200, ['TypeError']]);
    for (const key of ['k0', 'k1', 'k2']) {
      const own = all.filter((outcome) => outcome.key === key).map(({ result }) => result as number);
      expect(own).toEqual([...own].sort((a, b) => a - b));
    }
  });

  test('that throws or rejects is told as a warning, and goes on', async () => {
    const processor = await makeProcessor();
    const warnings: string[] = [];
    processor.on('warning', ({ code, message }) => warnings.push(`${code} ${message}`));
    const told: unknown[] = [];
    const subscription = processor.subscribe('echo', ({ result }) => {
      told.push(result);
      if (result === 1) throw new Error('mine');
      if (result === 2) return Promise.reject(new Error('late'));
      if (result === 3)
        return {
          // biome-ignore lint/suspicious/noThenProperty: what looks like a promise and is none
          get then() {
            throw new Error('odd');
          },
        };
      return undefined;
    });
    for (const n of [1, 2, 3, 4]) await processor.publish(echo('k', n));
    await processor.drain();
    await subscription.done;
    expect(told).toEqual([1, 2, 3, 4]);
    expect(warnings).toEqual(['mine', 'late', 'odd'].map((what) => `listener-failed subscribe("echo") threw: ${what}`));
  });

  test('that is ended by its own call is done when that call is', async () => {
    const processor = await makeProcessor();
    let finish = (): void => {};
    const finished = new Promise<void>((resolve) => (finish = resolve));
    const done: string[] = [];
    const called = new Promise<void>((resolve) => {
      const subscription = processor.subscribe('echo', async () => {
        subscription.unsubscribe();
        void subscription.done.then(() => done.push('done'));
        resolve();
        await finished;
        done.push('call');
      });
    });
    await processor.publish({ type: 'echo', data: 1 });
    await called;
    for (let hop = 0; hop < 20; hop += 1) await null;
    expect(done).toEqual([]);
    finish();
    for (let hop = 0; hop < 20; hop += 1) await null;
    expect(done).toEqual(['call', 'done']);
    // One that gives nothing is done at once.
    const other = processor.subscribe('echo', () => other.unsubscribe());
    await processor.publish({ type: 'echo', data: 2 });
    await other.done;
  });

  test('that gives promises has one call of a key at a time, and others beside it up to its concurrency', async () => {
    const processor = await makeProcessor({ threads: 2 });
    const calls = new Calls();
    processor.subscribe('echo', calls.listener, { concurrency: 2 });
    for (const [key, n] of [
      ['a', 1],
      ['a', 2],
      ['a', 3],
      ['b', 4],
      ['c', 5],
    ] as const)
      await processor.process(echo(key, n));
    const results = (): unknown[] => calls.begun.map(({ outcome }) => outcome.result);
    expect(results()).toEqual([1, 4]);
    calls.begun[1]?.end();
    await calls.count(3);
    expect(results()).toEqual([1, 4, 5]);
    calls.begun[2]?.end();
    calls.begun[0]?.end();
    await calls.count(4);
    expect(results()).toEqual([1, 4, 5, 2]);
    calls.begun[3]?.fail(new Error('no'));
    processor.on('warning', () => {});
    await calls.count(5);
    expect([results().at(-1), calls.underWayMax]).toEqual([3, 2]);
    calls.begun[4]?.end();
  });

  test.each([
    ['global', [1]],
    ['none', [1, 2, 3]],
  ] as const)('under order %s has calls under way for %j', async (order, expected) => {
    const processor = await makeProcessor({ order });
    const calls = new Calls();
    processor.subscribe('echo', calls.listener, { concurrency: 8 });
    for (const n of [1, 2, 3]) await processor.process(echo(n === 3 ? 'b' : 'a', n));
    expect(calls.begun.map(({ outcome }) => outcome.result)).toEqual(expected);
  });

  test('goes by the order of each handler', async () => {
    const run = `run: ({ data }) => data`;
    const handlers = join(makeFolder(), 'handlers.mjs');
    const list = `[{ name: 'keyed', on: 'keyed', order: 'key', ${run} }, { name: 'free', on: 'free', ${run} }]`;
    writeFileSync(handlers, `export default ${list};`);
    const processor = await makeProcessor({ handlers, order: 'none' });
    const calls = new Calls();
    processor.subscribe('*', calls.listener, { concurrency: 8 });
    for (const [n, type] of ['keyed', 'keyed', 'free', 'free'].entries()) {
      await processor.process({ type, key: 'k', data: n });
    }
    expect(calls.begun.map(({ outcome }) => outcome.result)).toEqual([0, 2, 3]);
  });

  test('ends by its signal, by `using`, and from within; what waits for it is dropped', async () => {
    const processor = await makeProcessor();
    const controller = new AbortController();
    const calls = new Calls();
    const subscription = processor.subscribe('echo', calls.listener, { signal: controller.signal });
    const seen: unknown[] = [];
    const inner = processor.subscribe('echo', ({ result }) => {
      seen.push(result);
      inner.unsubscribe();
    });
    {
      using scoped = processor.subscribe('echo', () => seen.push('never'));
      expect(scoped.done).toBeInstanceOf(Promise);
    }
    const gone = processor.subscribe('echo', () => seen.push('never'), { signal: AbortSignal.abort() });
    await gone.done;
    for (const n of [1, 2, 3]) await processor.process(echo('k', n));
    controller.abort();
    const order: string[] = [];
    const done = subscription.done.then(() => order.push('done'));
    await processor.process(echo('k', 4));
    order.push('its call is over');
    calls.begun[0]?.end();
    await done;
    expect(order).toEqual(['its call is over', 'done']);
    expect([calls.begun.length, seen]).toEqual([1, [1]]);
  });

  test.each([
    [() => 7, undefined, {}, 'which outcomes are meant'],
    [() => '', undefined, {}, 'a pattern must be'],
    [() => 'echo', 'no function', {}, 'a listener of outcomes must be a function, got "no function"'],
    [() => 'echo', undefined, { concurrency: 0 }, 'concurrency must be a whole number from 1 to 1024 (calls), got 0'],
    [() => 'echo', undefined, { queueMax: 0 }, 'queueMax must be a whole number from 1 to 1000000 (outcomes), got 0'],
    [() => 'echo', undefined, { queue: 1 }, 'there is no option "queue"'],
    [
      () => new Map([['type', 'echo']]),
      undefined,
      {},
      'which outcomes are meant must be said by an object with any of',
    ],
    [() => new Date(), undefined, {}, 'which outcomes are meant must be said by an object with any of type, handler'],
    [() => /^echo/, undefined, {}, 'which outcomes are meant must be said by an object with any of type, handler, key'],
    [
      () => 'echo',
      undefined,
      { signal: new AbortController() },
      'signal must be an AbortSignal (give its signal), got',
    ],
    [() => 'echo', undefined, { signal: 5 }, 'signal must be an AbortSignal, got 5'],
  ])('is refused where it is wrong, and nobody listens', async (which, listener, options, message) => {
    const processor = await shared.get();
    const { subscriptions } = processor.stats();
    const subscribe = () => processor.subscribe(which() as never, (listener ?? (() => {})) as never, options as never);
    expect(subscribe).toThrow(
      expect.objectContaining({ code: 'bad-option', message: expect.stringContaining(message) }),
    );
    expect(processor.stats().subscriptions).toBe(subscriptions);
  });

  test.each([
    [{ signal: 5 }, 'signal must be an AbortSignal, got 5'],
    [{ signal: new AbortController() }, 'signal must be an AbortSignal (give its signal), got'],
    [new AbortController().signal, 'options must be an object with a signal, got'],
  ])('no call takes %j for a signal', async (options, message) => {
    const processor = await shared.get();
    const receipt = await processor.publish(echo('k', 1));
    const source = { partition: 'none', request: async () => null } as never;
    const refused = { code: 'bad-option', message: expect.stringContaining(message) };
    for (const call of [
      () => processor.publish(echo('k', 1), options as never),
      () => processor.publishMany([echo('k', 1)], options as never),
      () => processor.process(echo('k', 1), options as never),
      () => processor.consume(source, options as never),
      () => processor.whenIdle({}, options as never),
      () => receipt.outcome(options as never),
      () => receipt.outcomes(options as never),
    ]) {
      await expect(call()).rejects.toMatchObject(refused);
    }
    expect(() => processor.outcomes('*', options as never)).toThrow();
  });
});

describe('outcomes()', () => {
  test('gives what comes from the call on, and ends after drain once all of it was taken', async () => {
    const processor = await makeProcessor({ threads: 2 });
    await processor.process(echo('k', 'before'));
    const outcomes = processor.outcomes({ key: 'k' });
    for (let n = 0; n < 50; n += 1) await processor.publish(echo(n % 2 === 0 ? 'k' : 'other', n));
    await processor.drain();
    const results: unknown[] = [];
    for await (const { result } of outcomes) results.push(result);
    expect(results).toEqual(Array.from({ length: 25 }, (_, n) => 2 * n));
    expect(await outcomes.next()).toEqual({ done: true, value: undefined });
    expect(() => processor.outcomes()).toThrow('the processor has ended');
    expect(() => processor.subscribe('*', () => {})).toThrow('the processor has ended');
  });

  test('answers calls of next in their order, and those that wait when it is left', async () => {
    const processor = await makeProcessor();
    const outcomes = processor.outcomes('echo');
    const asked = [outcomes.next(), outcomes.next(), outcomes.next()];
    await processor.process(echo('k', 1));
    await processor.process(echo('k', 2));
    expect((await asked[0])?.value?.result).toBe(1);
    expect((await asked[1])?.value?.result).toBe(2);
    await outcomes.return?.();
    expect(await asked[2]).toEqual({ done: true, value: undefined });
    await processor.process(echo('k', 3));
    expect(await outcomes.next()).toEqual({ done: true, value: undefined });
  });

  test.each<[string, (outcomes: OutcomeIterator) => Promise<unknown>]>([
    [
      'break',
      async (outcomes) => {
        for await (const _ of outcomes) break;
      },
    ],
    [
      'an error in the loop',
      async (outcomes) => {
        const loop = async () => {
          for await (const _ of outcomes) throw new Error('mine');
        };
        await expect(loop()).rejects.toThrow('mine');
      },
    ],
    ['throw()', async (outcomes) => expect(outcomes.throw?.(new Error('mine'))).rejects.toThrow('mine')],
    [
      'await using',
      async (outcomes) => {
        await using scoped = outcomes;
        void scoped;
      },
    ],
  ])('is left by %s, and holds nobody up after that', async (_, leave) => {
    const processor = await makeProcessor();
    const outcomes = processor.outcomes('echo', { queueMax: 1 });
    await processor.process(echo('k', 1));
    await leave(outcomes);
    for (let n = 0; n < 5; n += 1) await processor.process(echo('k', n));
    expect(await outcomes.next()).toEqual({ done: true, value: undefined });
  });

  test('is thrown the reason of its signal, and what is queued is dropped', async () => {
    const processor = await makeProcessor();
    const controller = new AbortController();
    const outcomes = processor.outcomes('echo', { signal: controller.signal });
    await processor.process(echo('k', 1));
    controller.abort(new Error('enough'));
    await expect(outcomes.next()).rejects.toThrow('enough');
    expect(await outcomes.next()).toEqual({ done: true, value: undefined });
  });

  test('reads as a stream of Node and as one of the web', async () => {
    const processor = await makeProcessor();
    const node = Readable.from(processor.outcomes('echo'));
    const web = ReadableStream.from(processor.outcomes('echo'));
    await processor.publishMany(Array.from({ length: 40 }, (_, n) => echo('k', n)));
    const draining = processor.drain();
    const [fromNode, fromWeb]: [unknown[], unknown[]] = [[], []];
    for await (const { result } of node) fromNode.push(result);
    for await (const { result } of web) fromWeb.push(result);
    await draining;
    expect(fromNode).toEqual(Array.from({ length: 40 }, (_, n) => n));
    expect(fromWeb).toEqual(fromNode);
  });
});

/** One of each that is waiting for something, and what becomes of it. */
async function waiting(processor: Processor): Promise<{ calls: Calls; ends: Promise<unknown[]>; gate: Gate }> {
  const calls = new Calls();
  const subscription = processor.subscribe('echo', calls.listener);
  const [idle, full] = [processor.outcomes('gated'), processor.outcomes('echo')];
  await processor.process(echo('k', 1));
  await processor.process(echo('k', 2));
  const gate = new Gate();
  await processor.publish(gate.event);
  await gate.reached;
  const said = (promise: Promise<unknown>) =>
    promise.then(
      (value) => value,
      (error: KeylaneError) => error.code,
    );
  const rest = async (): Promise<unknown[]> => {
    const results: unknown[] = [];
    for await (const { result } of full) results.push(result);
    return results;
  };
  const next = said(idle.next().then(({ value }) => value?.result ?? 'over'));
  return { calls, ends: Promise.all([said(subscription.done), next, said(rest())]), gate };
}

describe('when the processor ends', () => {
  test.each(['drain', 'stop'] as const)(
    'by %s, what has come is told, and then all come to their ends',
    async (end) => {
      const processor = await makeProcessor();
      const { calls, ends, gate } = await waiting(processor);
      const ended = processor[end]();
      gate.open();
      await ended;
      calls.begun[0]?.end();
      await calls.count(2);
      calls.begun[1]?.end();
      expect(await ends).toEqual([undefined, 'opened', [1, 2]]);
    },
  );

  test('by abort, all are ended at once', async () => {
    const processor = await makeProcessor();
    const { calls, ends } = await waiting(processor);
    await processor.abort();
    expect(await ends).toEqual(['aborted', 'aborted', 'aborted']);
    calls.begun[0]?.end();
    expect(calls.begun).toHaveLength(1);
  });

  test('by trouble, all are told of it', async () => {
    const store = join(makeFolder(), 'gone.db');
    const processor = await makeProcessor({ store });
    processor.on('fatal', () => {});
    const { ends } = await waiting(processor);
    rmSync(store);
    expect(await ends).toEqual(['store-replaced', 'store-replaced', 'store-replaced']);
  });
});
