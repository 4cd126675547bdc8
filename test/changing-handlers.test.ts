// Handlers that come and go while a processor runs: what is accepted is owed to those there are then, and nothing that
// was owed is lost, doubled or overtaken, whether it is finished or left in the store.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { defineHandlers, openStore } from '../dist/src/index.js';
import { StoreWriter } from '../dist/src/store/store-writer.js';
import { mulberry32 } from '../dist/src/testing/mulberry32.js';
import { createTestProcessor } from '../dist/src/testing/test-processor.js';
import { Gate, gatedHandlers, makeFolder, makeProcessor, readOutcomes } from './processor-fixture.js';
import { atPath, read, requestFor, withWriter } from './store-fixture.js';
import { harmedUrl, withHarm } from './store-trouble-fixture.js';

/** A module with this text. */
function moduleWith(text: string): string {
  const path = join(makeFolder(), 'handlers.mjs');
  writeFileSync(path, text);
  return path;
}

/** A module whose handler waits at a gate and echoes, with others beside it. */
function withEcho(name: string, others = ''): string {
  return moduleWith(`
    export default [{ name: '${name}', on: ['gated', 'echo'], run: (event) => {
      if (event.type === 'echo') return event.data;
      const channel = new BroadcastChannel(event.data);
      return new Promise((resolve) => {
        channel.onmessage = () => { channel.close(); resolve('opened'); };
        channel.postMessage('waiting');
      });
    } }, ${others}];`);
}

const placed = defineHandlers({ 'order.placed': ({ data }) => `placed ${data}` });
const audit = "export const audit = [{ name: 'audit', on: 'order.*', run: ({ data }) => 'audited ' + data }];";

const order = (type: 'placed' | 'shipped', key: string | null, data: number) => ({
  ...{ type: `order.${type}`, key, data },
});

/** Handlers and results of an event, as texts. */
function resultsOf(outcomes: readonly { handler: string; result: unknown; data?: unknown }[]): string[] {
  return outcomes.map(({ handler, result }) => `${handler}: ${result}`);
}

describe('a handler that is added', () => {
  it('is owed what is accepted from then on, by an export of its module, beside those there were', async () => {
    await using bus = await createTestProcessor({ handlers: placed });
    const before = await bus.processor.publish(order('placed', 'a', 1) as never);
    expect(await bus.processor.addHandlers(moduleWith(audit), { export: 'audit' })).toEqual(['audit']);
    const after = await bus.processor.publish(order('placed', 'a', 2) as never);
    const other = await bus.processor.publish(order('shipped', 'a', 3) as never);
    await bus.settle();
    expect(resultsOf(await before.outcomes())).toEqual(['order.placed: placed 1']);
    expect(resultsOf(await after.outcomes())).toEqual(['order.placed: placed 2', 'audit: audited 2']);
    expect(resultsOf(await other.outcomes())).toEqual(['audit: audited 3']);
    expect(bus.processor.handlers).toMatchObject({
      ...{ names: ['order.placed', 'audit'], takes: [['order.placed'], ['order.*']] },
    });
    expect(Object.keys(bus.processor.stats().handlers)).toEqual(['order.placed', 'audit']);
  });

  it('is named after its export where that is one function, which takes every type', async () => {
    await using bus = await createTestProcessor({ handlers: placed });
    const module = moduleWith('export const count = ({ data }) => data * 2;');
    expect(await bus.processor.addHandlers(module, { export: 'count' })).toEqual(['count']);
    const receipt = await bus.processor.publish(order('shipped', 'a', 3) as never);
    await bus.settle();
    expect(resultsOf(await receipt.outcomes())).toEqual(['count: 6']);
  });

  it('has its own policy, state, rates, breaker and order', async () => {
    const handlers = moduleWith(
      `
      export default [
        { name: 'sum', on: 'n', state: { initial: () => 0 },
          run: ({ data }, context) => { const next = context.state + data; context.setState(next); return next; } },
        { name: 'slow', on: 'n', rateLimitPerKey: { tries: 1, perMs: 1000 }, run: ({ data }) => data },
        { name: 'latest', on: 'n', waiting: 'latest', run: ({ data }) => data },
        { name: 'ill', on: 'ill', attemptsMax: 1, onDeadLetter: 'park', run: () => { throw new Error('ill'); } },
        { name: 'one', on: 'n', order: 'handler', priority: 5, run: ({ data }) => data },
      ];`.replace('export const policies = { sum: { attemptsMax: 1 } };', ''),
    );
    const breaker = { failurePercent: 50, triesMin: 2, windowMs: 1000, pauseMs: 1000 };
    await using bus = await createTestProcessor({ handlers: { first: () => 1 }, breaker });
    await bus.processor.addHandlers(handlers);
    const { processor } = bus;
    await processor.publishMany([1, 2, 3].map((data) => ({ type: 'n', key: 'k', data })) as never[]);
    await processor.publishMany(['x', 'y', 'z'].map((key) => ({ type: 'ill', key, data: null })) as never[]);
    await bus.settle();
    const of = (handler: string) => bus.outcomes().filter((one) => one.handler === handler);
    expect(of('sum').map(({ result }) => result)).toEqual([1, 3, 6]);
    expect(of('slow').map(({ result }) => result)).toEqual([1]);
    expect(
      of('latest')
        .map(({ status }) => status)
        .toSorted(),
    ).toContain('superseded');
    expect(of('one').map(({ result }) => result)).toEqual([1, 2, 3]);
    expect(await processor.state('sum', 'k')).toMatchObject({ value: 6 });
    expect(processor.explain({ handler: 'slow', key: 'k' }).situation).toBe('limited');
    expect(processor.explain({ handler: 'ill', key: 'x' }).situation).toBe('parked');
    expect(processor.stats().paused).toEqual(['ill']);
    await bus.advance(2000);
    expect(of('slow').map(({ result }) => result)).toEqual([1, 2, 3]);
  });

  it('is refused, and nothing changes, where its module is not sound, its name is taken, or an event has too many', async () => {
    const processor = await makeProcessor({ ringSize: 16 });
    const added = processor.addHandlers(moduleWith('export default { a: 1 };'));
    await expect(added).rejects.toMatchObject({ code: 'bad-handlers' });
    await expect(processor.addHandlers(moduleWith(audit), { export: 'other' })).rejects.toThrow(
      'has no export "other"; write export const other',
    );
    await expect(processor.addHandlers(gatedHandlers)).rejects.toThrow(
      'handler "echo" must have a name of its own: the store knows handlers by their names',
    );
    const nine = Array.from({ length: 9 }, (_, n) => `{ name: 'h${n}', on: 'echo', run: () => ${n} }`);
    await expect(processor.addHandlers(moduleWith(`export default [${nine}];`))).rejects.toThrow(
      'ringSize must be at least 20, as an event may be owed to 10 handlers, got 16',
    );
    const failing = "export function setup() { throw new Error('no'); } export default { late: () => 1 };";
    await expect(processor.addHandlers(moduleWith(failing))).rejects.toThrow('threw in its setup()');
    await expect(processor.addHandlers(moduleWith(audit), { export: '' })).rejects.toMatchObject({
      code: 'bad-option',
    });
    expect(processor.handlers.names).toEqual(['echo', 'fail', 'gated']);
    expect(await processor.process({ type: 'echo', data: 7 })).toMatchObject({ result: 7 });
  });

  it('comes while events run, with a hook for each thread and module, and threads that die know it', async () => {
    const log = join(makeFolder(), 'hooks.log');
    const text = `
      import { appendFileSync } from 'node:fs';
      export const setup = () => appendFileSync(${JSON.stringify(log)}, 'setup ');
      export const teardown = () => appendFileSync(${JSON.stringify(log)}, 'teardown ');
      export default { exit: () => process.exit(7) };
      export const second = [{ name: 'second', on: 'echo', run: ({ data }) => -data }];`;
    const module = moduleWith(text);
    const processor = await makeProcessor({ threads: 2, attemptsMax: 1 });
    const gate = new Gate();
    const gated = await processor.publish({ ...gate.event, key: 'k' });
    await gate.reached;
    const behind = await processor.publish({ type: 'echo', key: 'k', data: 1 });
    expect(await processor.addHandlers(module)).toEqual(['exit']);
    gate.open();
    expect(await processor.addHandlers(module, { export: 'second' })).toEqual(['second']);
    expect(resultsOf([await gated.outcome(), await behind.outcome()])).toEqual(['gated: opened', 'echo: 1']);
    // Two threads that took over twice.
    expect(readFileSync(log, 'utf8').match(/setup/g)).toHaveLength(4);
    expect(await processor.process({ type: 'exit', data: null })).toMatchObject({ status: 'dead-lettered' });
    const both = await processor.publish({ type: 'echo', key: 'k', data: 3 });
    expect(resultsOf(await both.outcomes())).toEqual(['echo: 3', 'second: -3']);
  });

  it('takes what sources give from then on', async () => {
    const processor = await makeProcessor();
    let ask = (): void => {};
    const asked = new Promise<void>((resolve) => {
      ask = resolve;
    });
    let goOn = (): void => {};
    const added = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    async function* events() {
      yield { type: 'echo', data: 1 };
      ask();
      await added;
      yield { type: 'echo', data: 2 };
    }
    const published = processor.publishMany(events());
    await asked;
    await processor.addHandlers(moduleWith("export default [{ name: 'two', on: 'echo', run: ({ data }) => -data }];"));
    goOn();
    await published;
    await processor.whenIdle();
    expect(processor.stats().handlers).toMatchObject({ echo: { succeeded: 2 }, two: { succeeded: 1 } });
  });
});

describe('a handler that is removed', () => {
  it('finishes what it is owed, retries included, and takes nothing more', async () => {
    const text = `let tries = 0; export const audit = [{ name: 'audit', on: 'order.*', backoffMsMin: 500, backoffMsMax: 500,
      run: ({ data }) => { if (data === 1 && tries++ === 0) throw new Error('later'); return 'audited ' + data; } }];`;
    await using bus = await createTestProcessor({ handlers: placed });
    const { processor } = bus;
    await processor.addHandlers(moduleWith(text), { export: 'audit' });
    await processor.publishMany([order('placed', 'a', 1), order('placed', 'a', 2)] as never[]);
    await bus.settle();
    let isRemoved = false;
    const removed = processor.removeHandler('audit', { owed: 'finish' }).then(() => {
      isRemoved = true;
    });
    await processor.publish(order('placed', 'a', 3) as never);
    await bus.settle();
    expect([isRemoved, bus.outcomes().length]).toEqual([false, 3]);
    await expect(processor.publish(order('shipped', 'a', 4) as never)).rejects.toMatchObject({ code: 'bad-event' });
    await bus.advance(1000);
    await removed;
    expect(resultsOf(bus.outcomes().slice(3))).toEqual(['audit: audited 1', 'audit: audited 2']);
    expect([processor.handlers.names, Object.keys(processor.stats().handlers)]).toEqual([
      ['order.placed'],
      ['order.placed'],
    ]);
    expect(() => processor.explain({ handler: 'audit', key: 'a' })).toThrow('handler must be one of "order.placed"');
    expect(() => processor.pause({ handler: 'audit' })).toThrow('handler must be one of "order.placed"');
    await expect(processor.removeHandler('audit', { owed: 'finish' })).rejects.toThrow('must be one of');
    // It may come again, and is another one then.
    await processor.addHandlers(moduleWith(audit), { export: 'audit' });
    const again = await processor.publish(order('shipped', 'a', 5) as never);
    await bus.settle();
    expect(resultsOf(await again.outcomes())).toEqual(['audit: audited 5']);
    expect(processor.stats().handlers.audit).toMatchObject({ succeeded: 1 });
  });

  it.each([
    ['all of it in memory', {}],
    ['some of it in the store only', { ringSize: 64 }],
    ['without a journal', { intake: 'memory', ringSize: 4096 }],
  ] as const)('leaves what it is owed to the next start, in order, %s', async (_, options) => {
    const store = join(makeFolder(), 'test.db');
    const gate = new Gate();
    const path = withEcho('gated', "{ name: 'other', on: 'echo', run: () => 0 }");
    const processor = await makeProcessor({ handlers: path, store, ...options });
    const gated = await processor.publish({ ...gate.event, key: 'k0' });
    await gate.reached;
    const count = 1000;
    await processor.publishMany(
      Array.from({ length: count }, (_, n) => ({ type: 'echo', key: n % 5 === 4 ? null : `k${n % 4}`, data: n })),
    );
    const removed = processor.removeHandler('gated', { owed: 'park' });
    const unmatched = processor.publish({ type: 'gated', data: 'x' });
    await expect(unmatched).rejects.toMatchObject({ code: 'bad-event' });
    gate.open();
    await removed;
    expect(await gated.outcome()).toMatchObject({ handler: 'gated', result: 'opened' });
    await processor.whenIdle();
    const { parked, accepted, waiting } = processor.stats();
    expect({ accepted, waiting }).toEqual({ accepted: 1 + 2 * count, waiting: 0 });
    expect(readOutcomes(store).length + parked).toBe(1 + 2 * count);
    await processor.drain();
    const next = await makeProcessor({ handlers: path, store });
    expect(next.recovery.pending).toBe(parked);
    await next.drain();
    const rows = readOutcomes<{ handler: string; key: string | null; result: string; position: number }>(
      store,
      "SELECT handler, key, result, position FROM outcomes WHERE type = 'echo'",
    );
    expect(rows.filter(({ handler }) => handler === 'gated')).toHaveLength(count);
    expect(rows.filter(({ handler }) => handler === 'other')).toHaveLength(count);
  });

  it('keeps the order of each key when it is parked and comes again', async () => {
    const store = join(makeFolder(), 'test.db');
    const log = join(makeFolder(), 'ran.log');
    const handlers = moduleWith(`
      import { appendFileSync } from 'node:fs';
      export default [
        { name: 'noted', on: 'n', run: ({ key, data }) => appendFileSync(${JSON.stringify(log)}, key + data + ' ') },
        { name: 'other', on: 'n', run: () => 0 }];`);
    const processor = await makeProcessor({ handlers, store, threads: 2, batchSizeMax: 4, ringSize: 64 });
    const count = 1000;
    processor.pause();
    await processor.publishMany(
      Array.from({ length: count }, (_, n) => ({ type: 'n', key: 'abcdefg'[n % 7]!, data: n })),
    );
    const some = new Promise<void>((resolve) => {
      let left = 100;
      processor.subscribe({ handler: 'noted' }, () => {
        left -= 1;
        if (left === 0) resolve();
      });
    });
    processor.resume();
    await some;
    await processor.removeHandler('noted', { owed: 'park' });
    await processor.drain();
    const next = await makeProcessor({ handlers, store, threads: 2, batchSizeMax: 4 });
    await next.drain();
    const ran = readFileSync(log, 'utf8').split(' ').filter(Boolean);
    expect([ran.length, new Set(ran).size]).toEqual([count, count]);
    for (const key of 'abcdefg') {
      const numbers = ran.filter((one) => one.startsWith(key)).map((one) => Number(one.slice(1)));
      expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    }
  });

  it('leaves what comes behind a run to the next start, behind what came before', async () => {
    const store = join(makeFolder(), 'test.db');
    const gate = new Gate();
    const handlers = withEcho('gated');
    const processor = await makeProcessor({ handlers, store });
    await processor.publish({ ...gate.event, key: 'k' });
    await gate.reached;
    await processor.publish({ type: 'echo', key: 'k', data: 2 });
    const third = processor.publish({ type: 'echo', key: 'k', data: 3 });
    const removed = processor.removeHandler('gated', { owed: 'park' });
    await third;
    gate.open();
    await removed;
    expect(processor.stats()).toMatchObject({ parked: 2, handlers: {} });
    await processor.drain();
    expect(readOutcomes(store)).toHaveLength(1);
    const next = await makeProcessor({ handlers, store });
    const results: unknown[] = [];
    next.subscribe('echo', ({ result }) => results.push(result));
    await next.drain();
    expect(results).toEqual([2, 3]);
  });

  it.each(['finish', 'park'] as const)('is owed nothing that waited for room meanwhile: %s', async (owed) => {
    const handlers = moduleWith(`export default [
      { name: 'gone', on: ['n', 'only'], run: ({ data }) => data }, { name: 'other', on: 'n', run: ({ data }) => data }];`);
    const processor = await makeProcessor({ handlers, intake: 'memory', ringSize: 16 });
    const results: Record<string, unknown[]> = { gone: [], other: [], new: [] };
    processor.subscribe('n', ({ handler, result }) => results[handler]!.push(result));
    processor.pause();
    const published = Array.from({ length: 12 }, (_, data) => processor.publish({ type: 'n', key: 'k', data }));
    const refused = expect(processor.publish({ type: 'only', key: 'k', data: 12 })).rejects.toMatchObject({
      code: 'bad-event',
    });
    const { accepted } = processor.stats();
    expect(accepted).toBe(16);
    const removed = processor.removeHandler('gone', { owed });
    const module = moduleWith("export default [{ name: 'new', on: 'n', run: ({ data }) => -data }];");
    const added = processor.addHandlers(module);
    processor.resume();
    await Promise.all([...published, refused, removed, added]);
    await processor.whenIdle();
    const numbers = Array.from({ length: 12 }, (_, n) => n);
    expect(results.other).toEqual(numbers);
    expect(results.gone).toEqual(owed === 'finish' ? numbers.slice(0, 8) : []);
  });

  it('and added again, is owed what waited for room, and runs none of a key beside what it finishes', async () => {
    const handlers = moduleWith("export default [{ name: 'gone', on: 'n', run: ({ data }) => data }];");
    const processor = await makeProcessor({ handlers, threads: 2, intake: 'memory', ringSize: 16 });
    const results: unknown[] = [];
    processor.subscribe('n', ({ result }) => results.push(result));
    processor.pause();
    const first = Array.from({ length: 16 }, (_, data) => processor.publish({ type: 'n', key: 'k', data }));
    const removed = processor.removeHandler('gone', { owed: 'finish' });
    const added = processor.addHandlers(handlers);
    const refused = expect(processor.publish({ type: 'n', key: 'k', data: 0 })).rejects.toThrow('a handler takes');
    processor.resume();
    await Promise.all([...first, removed, added, refused]);
    await processor.publishMany(Array.from({ length: 40 }, (_, n) => ({ type: 'n', key: 'k', data: 16 + n })));
    await processor.whenIdle();
    expect(results).toEqual(Array.from({ length: 56 }, (_, n) => n));
  });

  it.each(Array.from({ length: 25 }, (_, seed) => seed))(
    'loses and doubles nothing, whenever it is parked: seed %i',
    async (seed) => {
      const draw = mulberry32(seed);
      const below = (count: number): number => Math.floor(draw() * count);
      const ran: string[] = [];
      let failures = 3;
      let started = 0;
      // Where it has a rate, events of it go to the store and come back.
      const rate = seed % 2 === 0 ? {} : { rateLimit: { tries: 1 + below(8), perMs: 100 } };
      const handlers = defineHandlers([
        {
          ...{ name: 'gone', on: '*', attemptsMax: 9, backoffMsMin: 5, backoffMsMax: 5, priority: below(2) },
          ...{ order: (['key', 'handler', 'none'] as const)[below(3)]!, concurrency: 1 + below(3) },
          ...rate,
          run: async ({ position, key }) => {
            started += 1;
            for (let rounds = below(3); rounds > 0; rounds -= 1) await new Promise((resolve) => setImmediate(resolve));
            if (failures > 0 && below(4) === 0) {
              failures -= 1;
              throw new Error('again');
            }
            ran.push(`${key} ${position}`);
          },
        },
        { name: 'other', on: '*', run: () => {} },
      ]);
      await using bus = await createTestProcessor({ handlers, ringSize: 16, batchSizeMax: 4, threads: 2, seed });
      const { processor } = bus;
      const count = 20 + below(60);
      const published = processor.publishMany(
        Array.from({ length: count }, (_, data) => ({ type: 't', key: [null, 'a', 'b', 'c'][below(4)]!, data })),
      );
      for (let rounds = below(40); rounds > 0; rounds -= 1) await new Promise((resolve) => setImmediate(resolve));
      if (seed % 2 === 1) await bus.advance(below(500));
      for (let rounds = below(5); rounds > 0; rounds -= 1) await new Promise((resolve) => setImmediate(resolve));
      const removed = processor.removeHandler('gone', { owed: 'park' });
      await null;
      const mayStart = started + processor.stats().inFlight;
      await bus.advance(1000);
      await removed;
      expect(started).toBeLessThanOrEqual(mayStart);
      await published;
      await bus.settle();
      const outcomes = bus.outcomes().filter(({ handler }) => handler === 'gone');
      const { parked, waiting, inFlight, backlog } = processor.stats();
      expect({ waiting, inFlight, backlog }).toEqual({ waiting: 0, inFlight: 0, backlog: 0 });
      expect(bus.outcomes()).toHaveLength(count + outcomes.length);
      expect(new Set(ran).size).toBe(outcomes.length);
      const reader = openStore(bus.path);
      const pending = [...reader.pending()].filter(({ handler }) => handler === 'gone').length;
      const owed = [...reader.events()].filter((event) => event.handlers.includes('gone')).length;
      reader.close();
      expect([pending, pending + outcomes.length]).toEqual([parked, owed]);
      await processor.whenIdle();
    },
  );

  it('that stored events wait for is not added again until a start has run them', async () => {
    await using bus = await createTestProcessor({ handlers: placed });
    const { processor } = bus;
    await processor.addHandlers(moduleWith(audit), { export: 'audit' });
    processor.pause({ handler: 'audit' });
    await processor.publish(order('shipped', 'a', 1) as never);
    await processor.removeHandler('audit', { owed: 'park' });
    expect(processor.stats()).toMatchObject({ parked: 1, pausedByHand: [] });
    await expect(processor.addHandlers(moduleWith(audit), { export: 'audit' })).rejects.toThrow(
      'handler "audit" must be new, or owed nothing: stored events wait for it',
    );
  });

  it('is not parked under order "global", nor in a way that is none', async () => {
    const processor = await makeProcessor({ order: 'global' });
    await expect(processor.removeHandler('echo', { owed: 'park' })).rejects.toThrow('owed must be "finish"');
    await expect(processor.removeHandler('echo', { owed: 'drop' as never })).rejects.toThrow('got "drop"');
    await processor.removeHandler('echo', { owed: 'finish' });
    await expect(processor.publish({ type: 'echo', data: 1 })).rejects.toMatchObject({ code: 'bad-event' });
    expect(await processor.process({ type: 'fail', data: 1 })).toMatchObject({ handler: 'fail' });
  });
});

test.each(['before', 'after'] as const)(
  'a writer thread that takes over, %s it answers, knows who came and went',
  (when) =>
    withHarm({ verb: 'addHandlers', at: 1, when, how: 'exit', times: 1 }, () =>
      atPath(async (path) => {
        const request = requestFor(path, { handlerNames: ['a', 'b'], orders: ['key', 'none'] });
        await withWriter(
          { ...request, limits: { threadUrl: harmedUrl, replaceMsMin: 0 } },
          async ({ writer, warnings }) => {
            expect(await writer.addHandlers({ indexFirst: 2, names: ['c'], orders: ['handler'] })).toEqual([3]);
            await writer.removeHandler(0);
            expect(warnings.codes).toEqual(['writer-died']);
            expect(writer).toBeInstanceOf(StoreWriter);
            const { handlerIds } = await writer.openJournal({ isVolatile: false });
            expect([...handlerIds]).toEqual([1, 2, 3]);
            await writer.close([]);
          },
        );
        expect(read(path, 'SELECT name, is_present, own_order FROM handler ORDER BY id')).toEqual([
          { name: 'a', is_present: 0, own_order: null },
          { name: 'b', is_present: 1, own_order: 2 },
          { name: 'c', is_present: 1, own_order: 3 },
        ]);
      }),
    ),
);
