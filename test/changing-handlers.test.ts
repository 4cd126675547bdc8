// Handlers that come and go while a processor runs: what is accepted is owed to those there are then, and nothing that
// was owed is lost, doubled or overtaken, whether it is finished or left in the store.

import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, test } from 'vitest';
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
      ];`,
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
    const map =
      'export const more = { b: () => 1 }; export const seven = 7; export const policies = { b: { attemptsMax: 1 } };';
    await expect(processor.addHandlers(moduleWith(map), { export: 'more' })).rejects.toThrow(
      '(export more) has a policy for "b" in the export policies, which is for the default export; list it with its policy',
    );
    for (const one of [
      'export const more = () => 1; export const policies = { more: {} };',
      "export const more = [{ name: 'b', on: 'b', run: () => 1 }]; export const policies = { b: {} };",
    ]) {
      await expect(processor.addHandlers(moduleWith(one), { export: 'more' })).rejects.toThrow(
        'is for the default export',
      );
    }
    await expect(processor.addHandlers(moduleWith(map), { export: 'seven' })).rejects.toThrow(
      '(export seven) must be handlers, found 7',
    );
    await expect(processor.addHandlers(gatedHandlers)).rejects.toThrow(
      'handler "echo" must have a name of its own: the store knows handlers by their names',
    );
    const shared =
      "const of = { name: 'm', on: 'm', run: () => 1 }; export default [of]; export const other = { m: of.run }; export const policies = { m: {} };";
    await expect(processor.addHandlers(moduleWith(shared), { export: 'other' })).resolves.toEqual(['m']);
    await processor.removeHandler('m', { owed: 'finish' });
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

  it('is not parked under order "global", nor in a way that is none', async () => {
    const processor = await makeProcessor({ order: 'global' });
    await expect(processor.removeHandler('echo', { owed: 'park' })).rejects.toThrow('owed must be "finish"');
    await expect(processor.removeHandler('echo', { owed: 'drop' as never })).rejects.toThrow('got "drop"');
    await processor.removeHandler('echo', { owed: 'finish' });
    await expect(processor.publish({ type: 'echo', data: 1 })).rejects.toMatchObject({ code: 'bad-event' });
    expect(await processor.process({ type: 'fail', data: 1 })).toMatchObject({ handler: 'fail' });
  });
});

describe('a handler that was parked and is added again', () => {
  const sum = (on = 'n') =>
    moduleWith(`export const sum = [{ name: 'sum', on: '${on}', state: { initial: () => [] },
    run: ({ data }, context) => { context.setState([...context.state, data]); return data; } }];`);
  const both = { export: 'sum' };

  it.each([
    ['where it waits in lanes', false],
    ['while some of it is in the journal only', true],
  ] as const)('runs what waited for it first, and nothing twice, %s', async (_, isBehind) => {
    const store = join(makeFolder(), 'test.db');
    const module = sum();
    const handlers = defineHandlers([{ name: 'other', on: 'n', run: () => 0 }]);
    const main = moduleWith(`export default ${JSON.stringify(handlers)}.map((one) => ({ ...one, run: () => 0 }));`);
    const processor = await makeProcessor({ handlers: main, store, ringSize: 64, threads: 2, autoStart: !isBehind });
    await processor.addHandlers(module, both);
    processor.pause({ handler: 'sum' });
    const keys = ['a', 'b', 'c'];
    const events = (from: number, count: number) =>
      Array.from({ length: count }, (_, n) => ({ type: 'n', key: keys[(from + n) % 3]!, data: from + n }));
    await processor.publishMany(events(0, 900));
    await processor.removeHandler('sum', { owed: 'park' });
    expect(processor.stats()).toMatchObject({ accepted: 1800 });
    // Owed to the other one alone.
    await processor.publishMany(events(900, 3));
    if (!isBehind) await processor.whenIdle();
    expect(processor.stats()).toMatchObject({ accepted: 1803, ...(!isBehind && { parked: 900, backlog: 0 }) });
    await processor.addHandlers(module, both);
    expect(processor.stats()).toMatchObject({ accepted: 1803, parked: 0 });
    processor.start();
    await processor.publishMany(events(903, 3));
    await processor.whenIdle();
    const { accepted, parked, backlog, handlers: tallies } = processor.stats();
    expect({ accepted, parked, backlog }).toEqual({ accepted: 1809, parked: 0, backlog: 0 });
    expect([tallies['sum']!.succeeded, tallies['other']!.succeeded]).toEqual([903, 906]);
    for (const [index, key] of keys.entries()) {
      const all = events(0, 906).filter((one) => one.key === key && (one.data < 900 || one.data >= 903));
      const state = await processor.state('sum', key);
      expect(state!.value, `key ${index}`).toEqual(all.map(({ data }) => data));
    }
  });

  it('also by a processor whose module does not have it', async () => {
    const store = join(makeFolder(), 'test.db');
    const module = sum();
    const first = await makeProcessor({ store });
    await first.addHandlers(module, both);
    first.pause({ handler: 'sum' });
    await first.publishMany(Array.from({ length: 20 }, (_, data) => ({ type: 'n', key: 'k', data })));
    await first.stop();
    const second = await makeProcessor({ store });
    await second.process({ type: 'echo', data: 1 });
    expect(second.stats()).toMatchObject({ parked: 20, accepted: 1 });
    await second.addHandlers(module, both);
    expect(await second.process({ type: 'n', key: 'k', data: 20 })).toMatchObject({ result: 20 });
    expect(second.stats()).toMatchObject({ parked: 0, accepted: 2 });
    expect((await second.state('sum', 'k'))!.value).toEqual(Array.from({ length: 21 }, (_, n) => n));
  });

  it('has its dead letters, and what is stopped behind them', async () => {
    const module = moduleWith(`export const strict = [{ name: 'strict', on: 'n', attemptsMax: 1, onDeadLetter: 'park',
      run: ({ data }) => { if (data === 'bad') throw new Error('bad'); return data; } }];`);
    const mended = moduleWith(
      "export const strict = [{ name: 'strict', on: 'n', run: ({ data }) => 'mended ' + data }];",
    );
    const processor = await makeProcessor();
    await processor.addHandlers(module, { export: 'strict' });
    await processor.publishMany(['bad', 1, 2].map((data) => ({ type: 'n', key: 'k', data })));
    await processor.whenIdle();
    expect(processor.stats()).toMatchObject({ parked: 2, lanesParked: 1 });
    await processor.removeHandler('strict', { owed: 'finish' });
    expect(processor.stats()).toMatchObject({ parked: 2, lanesParked: 0 });
    expect(await processor.redrive({ handler: 'strict' })).toMatchObject({ redriven: 1 });
    expect(processor.stats()).toMatchObject({ parked: 3, accepted: 3 });
    const results: unknown[] = [];
    processor.subscribe('n', ({ result }) => results.push(result));
    await processor.addHandlers(mended, { export: 'strict' });
    await processor.whenIdle();
    expect(results).toEqual(['mended bad', 'mended 1', 'mended 2']);
    expect(processor.stats()).toMatchObject({ parked: 0, accepted: 3, lanesParked: 0 });
  });

  it('counts as parked what is redriven and cancelled meanwhile, no more and no less', async () => {
    const processor = await makeProcessor({ attemptsMax: 1 });
    await processor.addHandlers(
      moduleWith("export const bad = [{ name: 'bad', on: 'n', run: () => { throw new Error('no'); } }];"),
      {
        export: 'bad',
      },
    );
    const { identity } = await processor.publish({ type: 'n', key: 'k', data: 1 });
    await processor.whenIdle();
    await processor.removeHandler('bad', { owed: 'park' });
    await processor.redrive({});
    expect(processor.stats()).toMatchObject({ parked: 1, accepted: 1 });
    expect(await processor.cancel(identity)).toBe('cancelled');
    expect(processor.stats()).toMatchObject({ parked: 0, accepted: 1, cancelled: 1 });
  });

  it('is refused with another order than what waits for it has, and threads stay as they are', async () => {
    const log = join(makeFolder(), 'hooks.log');
    const text = (order: string) => `
      import { appendFileSync } from 'node:fs';
      export const setup = () => appendFileSync(${JSON.stringify(log)}, 'setup ');
      export default [{ name: 'late', on: 'n', order: '${order}', run: ({ data }) => data }];`;
    const processor = await makeProcessor();
    await processor.addHandlers(moduleWith(text('key')));
    processor.pause({ handler: 'late', key: 'k' });
    await processor.publish({ type: 'n', key: 'k', data: 1 });
    await processor.removeHandler('late', { owed: 'park' });
    await expect(processor.addHandlers(moduleWith(text('handler')))).rejects.toThrow(
      'handler "late" must have order "key", as stored events wait for it, got "handler"; start with a module that has it',
    );
    expect(readFileSync(log, 'utf8')).toBe('setup ');
    await processor.addHandlers(moduleWith(text('key')));
    await processor.whenIdle();
    expect(processor.stats()).toMatchObject({ parked: 0, pausedByHand: [], handlers: { late: { succeeded: 1 } } });
  });

  it('is remembered with its order once its events wait in its lanes, whatever becomes of it then', async () => {
    const store = join(makeFolder(), 'test.db');
    const late = (setup: string) =>
      moduleWith(`${setup}
      export default [{ name: 'late', on: 'n', order: 'handler', run: ({ data }) => data }];`);
    const first = await makeProcessor({ store });
    await first.addHandlers(moduleWith("export default [{ name: 'late', on: 'n', run: ({ data }) => data }];"));
    first.pause();
    await first.publishMany([1, 2, 3].map((data) => ({ type: 'n', key: `k${data}`, data })));
    await first.stop();
    const second = await makeProcessor({ store });
    const refused = second.addHandlers(late("export function setup() { throw new Error('no'); }"));
    await expect(refused).rejects.toThrow('threw in its setup()');
    await second.stop();
    expect(read(store, "SELECT own_order FROM handler WHERE name = 'late'")).toEqual([{ own_order: 3 }]);
    expect(read(store, 'SELECT DISTINCT key FROM waiting')).toEqual([{ key: '' }]);
    const third = await makeProcessor({ store });
    await third.addHandlers(late(''));
    await third.drain();
    const rows = readOutcomes(store, "SELECT result FROM outcomes WHERE handler = 'late' ORDER BY started_at");
    expect(rows.map(({ result }) => result)).toEqual(['1', '2', '3']);
  });

  it('is refused under order "global" while events wait for it', async () => {
    const module = moduleWith("export const late = [{ name: 'late', on: 'n', run: () => 1 }];");
    const late = { export: 'late' };
    const store = join(makeFolder(), 'test.db');
    const first = await makeProcessor({ store, order: 'global' });
    await first.addHandlers(module, late);
    first.pause();
    await first.publish({ type: 'n', key: 'k', data: 1 });
    await first.stop();
    const second = await makeProcessor({ store, order: 'global' });
    await expect(second.addHandlers(module, late)).rejects.toThrow('must be owed nothing under order "global"');
  });

  it.each(Array.from({ length: 25 }, (_, seed) => seed))(
    'runs each event once and in order, however often it goes and comes: seed %i',
    async (seed) => {
      const draw = mulberry32(seed);
      const below = (count: number): number => Math.floor(draw() * count);
      const rounds = async (count: number): Promise<void> => {
        for (let left = count; left > 0; left -= 1) await new Promise((resolve) => setImmediate(resolve));
      };
      const ran: { key: string | null; position: number }[] = [];
      let failures = 5;
      const name = `keylane-changing-${seed}`;
      (globalThis as Record<string, unknown>)[name] = async (event: { key: string | null; position: number }) => {
        await rounds(below(3));
        if (failures > 0 && below(5) === 0) {
          failures -= 1;
          throw new Error('again');
        }
        ran.push({ key: event.key, position: event.position });
      };
      onTestFinished(() => {
        delete (globalThis as Record<string, unknown>)[name];
      });
      const order = (['key', 'handler', 'none'] as const)[below(3)]!;
      const rate = below(2) === 0 ? '' : `rateLimit: { tries: ${1 + below(8)}, perMs: 50 },`;
      const module = moduleWith(`export const came = [{ name: 'came', on: '*', attemptsMax: 9, backoffMsMin: 5,
        backoffMsMax: 5, order: '${order}', ${rate} run: (event) => globalThis['${name}'](event) }];`);
      const handlers = defineHandlers([{ name: 'other', on: '*', run: () => {} }]);
      await using bus = await createTestProcessor({ handlers, ringSize: 16, batchSizeMax: 4, threads: 2, seed });
      const { processor } = bus;
      const publish = async (): Promise<void> => {
        const key = () => [null, 'a', 'b', 'c'][below(4)]!;
        const events = Array.from({ length: below(60) }, (_, data) => ({ type: 't', key: key(), data }));
        await processor.publishMany(events);
      };
      for (let times = 0; times < 4; times += 1) {
        await processor.addHandlers(module, { export: 'came' });
        const published = publish();
        await rounds(below(30));
        if (below(2) === 0) await bus.advance(below(100));
        const removed = processor.removeHandler('came', { owed: below(2) === 0 ? 'park' : 'finish' });
        if (below(2) === 0) await rounds(below(10));
        // It may have gone by then.
        if (below(3) === 0) processor.removeHandler('came', { owed: 'park' }).catch(() => {});
        await bus.advance(2000);
        await Promise.all([removed, published]);
        await publish();
      }
      await processor.addHandlers(module, { export: 'came' });
      await bus.advance(5000);
      await bus.settle();
      const { parked, waiting, inFlight, backlog, accepted } = processor.stats();
      const reader = openStore(bus.path);
      const owed = [...reader.events()].map(({ handlers }) => handlers);
      reader.close();
      const ofCame = owed.filter((names) => names.includes('came')).length;
      expect({ parked, waiting, inFlight, backlog, accepted, ran: ran.length }).toEqual({
        ...{ parked: 0, waiting: 0, inFlight: 0, backlog: 0, accepted: owed.flat().length, ran: ofCame },
      });
      expect(new Set(ran.map(({ position }) => position)).size).toBe(ofCame);
      const lanes =
        order === 'none'
          ? []
          : order === 'handler'
            ? [ran]
            : ['a', 'b', 'c'].map((key) => ran.filter((one) => one.key === key));
      for (const lane of lanes) {
        const positions = lane.map(({ position }) => position);
        expect(positions).toEqual(positions.toSorted((a, b) => a - b));
      }
    },
  );
});

describe('a module of which all handlers went', () => {
  const version = (number: number) => `export const late = [{ name: 'late', on: 'n', run: () => ${number} },
    { name: 'later', on: 'n', run: () => ${number} }];`;

  it('is torn down, loaded by no thread any more, and may come again as another', async () => {
    const log = join(makeFolder(), 'hooks.log');
    const note = `import { appendFileSync } from 'node:fs'; const note = (what) => appendFileSync(${JSON.stringify(log)}, what + ' ');
      export const setup = () => note('setup'); export const teardown = () => note('teardown');`;
    const module = moduleWith(note + version(1));
    const main = moduleWith("export default [{ name: 'die', on: 'die', attemptsMax: 1, run: () => process.exit(7) }];");
    const processor = await makeProcessor({ handlers: main });
    const warnings: string[] = [];
    processor.on('warning', ({ code }) => warnings.push(code));
    await processor.addHandlers(module, { export: 'late' });
    await processor.removeHandler('late', { owed: 'finish' });
    expect(readFileSync(log, 'utf8')).toBe('setup ');
    await processor.removeHandler('later', { owed: 'park' });
    writeFileSync(module, note + version(2));
    // Threads that start from here on would find other handlers, or none.
    expect(await processor.process({ type: 'die', data: null })).toMatchObject({ status: 'dead-lettered' });
    await processor.setThreads(2);
    expect(readFileSync(log, 'utf8')).toBe('setup teardown ');
    await processor.addHandlers(module, { export: 'late' });
    const receipt = await processor.publish({ type: 'n', data: null });
    expect(resultsOf(await receipt.outcomes())).toEqual(['late: 2', 'later: 2']);
    await processor.removeHandler('late', { owed: 'finish' });
    await processor.removeHandler('later', { owed: 'finish' });
    await processor.removeHandler('die', { owed: 'finish' });
    rmSync(main);
    rmSync(module);
    await processor.setThreads(1);
    await expect(processor.removeHandler('die', { owed: 'park' })).rejects.toThrow(
      'handler must be of which there is none now, got "die"',
    );
    expect(warnings.filter((code) => code !== 'pool-failed')).toEqual([]);
    await processor.drain();
  });

  it('does not end the processor where other modules cannot be loaded again: the threads go on', async () => {
    const main = moduleWith('export default { echo: ({ data }) => data };');
    const processor = await makeProcessor({ handlers: main });
    const warnings: string[] = [];
    processor.on('warning', ({ message }) => warnings.push(message));
    await processor.addHandlers(moduleWith(audit), { export: 'audit' });
    rmSync(main);
    await processor.removeHandler('audit', { owed: 'finish' });
    expect(warnings).toEqual([expect.stringContaining('threads without handlers that went could not be started')]);
    expect(await processor.process({ type: 'echo', data: 7 } as never)).toMatchObject({ result: 7 });
  });
});

describe('changes of handlers', () => {
  it('do not wait for a handler that cannot finish, which may be parked or resumed then', async () => {
    const processor = await makeProcessor();
    const two = moduleWith("export default [1, 2].map((n) => ({ name: 'p' + n, on: 'n', run: () => n }));");
    await processor.addHandlers(two);
    processor.pause({ handler: 'p1', key: 'k' });
    processor.pause({ handler: 'p2' });
    const receipt = await processor.publish({ type: 'n', key: 'k', data: 1 });
    const ended: string[] = [];
    const first = processor.removeHandler('p1', { owed: 'finish' }).then(() => ended.push('p1'));
    const second = processor.removeHandler('p2', { owed: 'finish' }).then(() => ended.push('p2'));
    await processor.addHandlers(moduleWith(audit), { export: 'audit' });
    const again = processor.addHandlers(moduleWith("export default [{ name: 'p1', on: 'm', run: () => 3 }];"));
    void again.then(() => ended.push('again'));
    expect(await processor.process({ type: 'order.placed', data: 1 })).toMatchObject({ handler: 'audit' });
    expect(ended).toEqual([]);
    // One that came after it is there.
    await processor.addHandlers(moduleWith("export default [{ name: 'third', on: 'm', run: () => 3 }];"));
    expect(ended).toEqual([]);
    await processor.removeHandler('p1', { owed: 'park' });
    await first;
    expect(processor.stats()).toMatchObject({ parked: 1, pausedByHand: [{ handler: 'p2' }] });
    expect(await again).toEqual(['p1']);
    processor.resume({ handler: 'p2' });
    await second;
    expect(resultsOf(await receipt.outcomes())).toEqual(['p1: 3', 'p2: 2']);
  });

  it.each([
    ['stop', 'setup'],
    ['abort', 'setup'],
    ['drain', 'setup'],
    ['abort', 'load'],
    ['stop', 'load'],
  ] as const)('are cut short by %s while a module is in its %s', async (how, step) => {
    const reached = `keylane-reached-${how}-${step}`;
    const channel = new BroadcastChannel(reached);
    onTestFinished(() => channel.close());
    const waits = `new BroadcastChannel('${reached}').postMessage(''); return new Promise(() => setInterval(() => {}, 1000));`;
    const text =
      step === 'setup'
        ? `export function setup() { ${waits} } export default { late: () => 1 };`
        : `await (() => { ${waits} })(); export default { late: () => 1 };`;
    const processor = await makeProcessor({ loadTimeoutMs: 600_000 });
    const isReached = once(channel as unknown as EventTarget, 'message');
    const added = processor.addHandlers(moduleWith(text));
    added.catch(() => {});
    await isReached;
    await processor[how]();
    await expect(added).rejects.toMatchObject({ code: how === 'abort' ? 'aborted' : 'not-running' });
  });

  it('that finish resolve when the processor is drained', async () => {
    const processor = await makeProcessor();
    processor.pause({ handler: 'echo' });
    await processor.publish({ type: 'echo', key: 'k', data: 1 });
    const removed = processor.removeHandler('echo', { owed: 'finish' });
    await processor.drain();
    await removed;
    await expect(processor.addHandlers(moduleWith(audit))).rejects.toMatchObject({ code: 'not-running' });
  });

  it('say what is wrong with how they are called', async () => {
    const processor = await makeProcessor();
    const calls: [unknown, string][] = [
      [processor.removeHandler('echo', undefined as never), 'options must be an object with owed, got undefined'],
      [processor.removeHandler('echo', { owned: 'finish' } as never), 'owned'],
      [
        processor.removeHandler(7 as never, { owed: 'finish' }),
        'handler must be one of "echo", "fail", "gated", got 7',
      ],
      [processor.addHandlers('x.mjs', null as never), 'options must be an object with export, got null'],
      [processor.addHandlers('x.mjs', { exports: 'a' } as never), 'exports'],
      [processor.addHandlers(undefined as never), 'module must be'],
    ];
    for (const [call, message] of calls) {
      await expect(call).rejects.toMatchObject({ code: 'bad-option', message: expect.stringContaining(message) });
    }
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
            const known = { ids: [3], lanes: [] };
            expect(await writer.addHandlers({ indexFirst: 2, names: ['c'], orders: ['handler'] })).toEqual(known);
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
