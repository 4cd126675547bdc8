// States that are made anew from stored events: what comes of the code there is now, in one step or not at all.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openStore, pruneStore, type ReplayOptions, replay } from '../dist/src/index.js';
import { sized } from './long-form.js';
import { makeFolder, makeProcessor, readOutcomes } from './processor-fixture.js';

/** A module whose handler `sum` keeps a sum for each key; `body` is what it makes of one and an event's data. */
function sums(body: string, more = ''): string {
  const path = join(makeFolder(), 'handlers.mjs');
  writeFileSync(
    path,
    `import { appendFileSync } from 'node:fs';
    export default [
      { name: 'other', on: 'n', run: () => 0 },
      { name: 'sum', on: '*', attemptsMax: 1, state: { initial: () => 0 }, ${more}
        run: (event, context) => {
          const { data } = event;
          const sum = context.state;
          const next = (() => { ${body} })();
          context.setState(next);
          return next;
        } }];`,
  );
  return path;
}

/** The states of `sum`, by key. */
function statesOf(store: string): Record<string, unknown> {
  const reader = openStore(store);
  try {
    return Object.fromEntries([...reader.states('sum')].map(({ key, value }) => [key, value]));
  } finally {
    reader.close();
  }
}

function countsOf(store: string) {
  using reader = openStore(store);
  return reader.counts();
}

/** A store in which such a handler has run these numbers, by key. */
async function ranStore(
  events: readonly (readonly [key: string, data: number])[],
  handlers: string,
  { threads = 1 } = {},
): Promise<string> {
  const store = join(makeFolder(), 'test.db');
  const processor = await makeProcessor({ handlers, store, threads });
  await processor.publishMany(events.map(([key, data]) => ({ type: 'n', key, data })));
  await processor.drain();
  return store;
}

const plus = 'return sum + data;';
const some = [
  ['a', 1],
  ['b', 2],
  ['a', 3],
] as const;

/** Replays with one thread unless asked otherwise. */
const again = (store: string, handlers: string, more: Partial<ReplayOptions> = {}) => {
  return replay({ store, handlers, handler: 'sum', threads: 1, ...more });
};

describe('a replay', () => {
  it('gives what the code there is now makes of the events that succeeded, whatever they and their keys are', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.integer({ min: -9, max: 9 })), { maxLength: 60 }),
        fc.integer({ min: 1, max: 5 }),
        async (events, factor) => {
          // Odd numbers fail at first, and are no part of either state.
          const odd = sums(`if (data % 2 !== 0) throw new Error('odd'); ${plus}`);
          const store = await ranStore(events, odd, { threads: 2 });
          const fold = (step: (sum: number, data: number) => number): Record<string, number> => {
            const states: Record<string, number> = {};
            for (const [key, data] of events) if (data % 2 === 0) states[key] = step(states[key] ?? 0, data);
            return states;
          };
          expect(statesOf(store)).toEqual(fold((sum, data) => sum + data));
          const outcomes = readOutcomes(store);
          const same = await again(store, sums(plus), { threads: 2 });
          expect(statesOf(store)).toEqual(fold((sum, data) => sum + data));
          const changed = await again(store, sums(`return sum * ${factor} - data;`), { threads: 2 });
          expect(statesOf(store)).toEqual(fold((sum, data) => sum * factor - data));
          const even = events.filter(([, data]) => data % 2 === 0).length;
          const keys = Object.keys(statesOf(store)).length;
          for (const came of [same, changed]) {
            expect(came).toEqual({ events: even, failed: 0, missing: 0, keys, switched: true });
          }
          // Its outcomes are no business of the store's.
          expect(readOutcomes(store)).toEqual(outcomes);
          expect(readdirSync(dirname(store)).filter((name) => name.includes('replay'))).toEqual([]);
        },
      ),
      { numRuns: sized({ short: 2, long: 20 }) },
    ));

  it('goes on from the states it has made, and is remembered by who opens the store next', async () => {
    const store = await ranStore(some, sums(plus));
    await again(store, sums('return sum + 10 * data;'));
    const processor = await makeProcessor({ handlers: sums(plus), store });
    await processor.process({ type: 'x', key: 'a', data: 1 }).catch(() => {});
    await processor.drain();
    expect(statesOf(store)).toEqual({ a: 41, b: 20 });
  });

  it('begins at a position or a time, and leaves other handlers alone', async () => {
    const store = await ranStore(some, sums(plus));
    expect(await again(store, sums(plus), { from: 2 })).toMatchObject({ events: 2, keys: 2 });
    expect(statesOf(store)).toEqual({ a: 3, b: 2 });
    expect(await again(store, sums(plus), { from: new Date(Date.now() + 60_000) })).toMatchObject({
      events: 0,
      keys: 0,
    });
    expect(statesOf(store)).toEqual({});
  });

  it('keeps its outcomes in a store of their own where that is asked for', async () => {
    const store = await ranStore(some, sums(plus));
    const into = join(makeFolder(), 'again.db');
    expect(await again(store, sums('return sum - data;'), { into, dryRun: true })).toMatchObject({ switched: false });
    expect(statesOf(store)).toEqual({ a: 4, b: 2 });
    const results = readOutcomes<{ position: number; result: string }>(
      into,
      'SELECT position, result FROM outcomes ORDER BY position',
    );
    expect(results.map(({ position, result }) => [position, result])).toEqual([
      [1, '-1'],
      [2, '-2'],
      [3, '-4'],
    ]);
    await expect(again(store, sums(plus), { into })).rejects.toThrow('into must be a path where there is no file');
  });

  it('runs what superseded others and what it had emitted once, and emits nothing again', async () => {
    const handlers = sums(
      `if (event.type === 'n') context.emit({ type: 'm', key: event.key, data: data * 100 }); ${plus}`,
      "waiting: 'latest',",
    );
    const store = await ranStore(some, handlers);
    const before = statesOf(store);
    const count = 'SELECT count(*) AS count FROM emitted_events';
    const emitted = readOutcomes(store, count);
    const into = join(makeFolder(), 'again.db');
    const { succeeded } = countsOf(store);
    expect(await again(store, handlers, { into })).toMatchObject({ failed: 0, missing: 0 });
    expect(statesOf(store)).toEqual(before);
    expect([readOutcomes(store, count), readOutcomes(into, count)]).toEqual([emitted, emitted]);
    // Those of `other` are not run again.
    expect(countsOf(into)).toMatchObject({ succeeded: succeeded - some.length, superseded: 0 });
  });

  it('changes nothing where an event fails this time, unless that is well', async () => {
    const store = await ranStore(some, sums(plus));
    const failing = sums(`if (data === 2) throw new Error('not two'); ${plus.replace('+', '-')}`);
    await expect(again(store, failing)).rejects.toMatchObject({
      code: 'replay-refused',
      message: expect.stringContaining(
        'all events must succeed with handler "sum" again; journal/2 failed: not two: the states are as they were',
      ),
    });
    expect(statesOf(store)).toEqual({ a: 4, b: 2 });
    expect(await again(store, failing, { partial: true })).toMatchObject({ failed: 1, keys: 1, switched: true });
    expect(statesOf(store)).toEqual({ a: -4 });
  });

  it('changes nothing where events are not stored, unless that is well', async () => {
    const store = join(makeFolder(), 'test.db');
    const processor = await makeProcessor({ handlers: sums(plus), store, intake: 'memory' });
    await processor.publish({ type: 'n', key: 'a', data: 5 });
    await processor.drain();
    await expect(again(store, sums(plus))).rejects.toThrow(
      '1 that handler "sum" has succeeded with must be in the journal, and are not',
    );
    expect(statesOf(store)).toEqual({ a: 5 });
    expect(await again(store, sums(plus), { partial: true })).toMatchObject({ missing: 1, keys: 0 });
    expect(statesOf(store)).toEqual({});
  });

  it('changes nothing where events are deleted that it may need, unless that is well', async () => {
    const store = await ranStore(
      [1, 2, 3, 4].map((data) => ['a', data] as const),
      sums(plus),
    );
    await pruneStore({ store, retention: { succeeded: { countMax: 3 } } });
    const left = readOutcomes<{ position: number; handler: string }>(store);
    const leftOfSum = left.filter(({ handler }) => handler === 'sum').map(({ position }) => position);
    expect(leftOfSum.length).toBeLessThan(4);
    const missing = 4 - leftOfSum.length;
    await expect(again(store, sums(plus))).rejects.toThrow(`${missing} that handler "sum" has succeeded with`);
    expect(statesOf(store)).toEqual({ a: 10 });
    // From behind them on nothing is missing.
    const from = leftOfSum[0]!;
    expect(await again(store, sums(plus), { from, dryRun: true })).toMatchObject({ missing: 0, switched: false });
    expect(await again(store, sums(plus), { from: new Date(Date.now() + 60_000), dryRun: true })).toMatchObject({
      ...{ missing: 0, events: 0 },
    });
    expect(await again(store, sums(plus), { partial: true })).toMatchObject({ missing, switched: true });
  });

  it('runs what is behind an event that fails this time, also where dead letters stop their lanes', async () => {
    const store = await ranStore(some, sums(plus));
    const failing = sums(`if (data === 1) throw new Error('not one'); ${plus}`, "onDeadLetter: 'park',");
    await expect(again(store, failing)).rejects.toThrow('journal/1 failed: not one');
    expect(await again(store, failing, { partial: true })).toMatchObject({ failed: 1, keys: 2 });
    expect(statesOf(store)).toEqual({ a: 3, b: 2 });
  });

  it('runs nothing more once an event has failed that must not', async () => {
    const log = join(makeFolder(), 'ran.log');
    const count = 4000;
    const store = await ranStore(
      Array.from({ length: count }, (_, n) => ['a', n] as const),
      sums(plus),
    );
    // Those behind it take their time, of which the store needs less to have the outcome of the first.
    const failing = sums(`appendFileSync(${JSON.stringify(log)}, data + ' ');
      if (data === 0) throw new Error('no'); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2); ${plus}`);
    await expect(again(store, failing)).rejects.toThrow('journal/1 failed: no');
    expect(readFileSync(log, 'utf8').trim().split(' ').length).toBeLessThan(count);
  });

  it('runs an event that was redriven where it was accepted', async () => {
    const store = join(makeFolder(), 'test.db');
    const push = 'return [...(sum || []), data];';
    const processor = await makeProcessor({
      store,
      handlers: sums(
        `if (data === 2 && globalThis.ran !== true) { globalThis.ran = true; throw new Error('once'); } ${push}`,
      ),
    });
    await processor.publishMany([1, 2, 3].map((data) => ({ type: 'n', key: 'a', data })));
    await processor.whenIdle();
    await processor.redrive({});
    await processor.drain();
    expect(statesOf(store)).toEqual({ a: [1, 3, 2] });
    await again(store, sums(push));
    expect(statesOf(store)).toEqual({ a: [1, 2, 3] });
  });

  it.each([
    ['a handler that is not there', { handler: 'none' }, 'handler must be one of "other", "sum", got "none"'],
    ['one that keeps no state', { handler: 'other' }, 'handler must be one that keeps state, got "other"'],
    ['a position that is none', { from: -1 }, 'from must be a position from 0 or a Date, got -1'],
    ['an option of the journal', { intake: 'memory' }, 'intake must be left out'],
    ['an option that is none', { thread: 1 }, 'there is no option "thread"'],
  ])('is refused for %s', async (_, more, says) => {
    const store = await ranStore(some, sums(plus));
    await expect(again(store, sums(plus), more as object)).rejects.toThrow(says);
  });

  it('is refused while a processor has the store', async () => {
    const store = join(makeFolder(), 'test.db');
    await makeProcessor({ handlers: sums(plus), store });
    await expect(again(store, sums(plus))).rejects.toMatchObject({ code: 'store-locked' });
  });

  it('that is killed leaves the old states, and what it left is gone with the next', async () => {
    const handlers = sums(plus);
    const store = await ranStore(some, handlers);
    const ran = join(makeFolder(), 'ran');
    const hanging = sums(`appendFileSync(${JSON.stringify(ran)}, 'x'); return new Promise(() => {});`);
    const script = join(makeFolder(), 'replay.mjs');
    const { href } = new URL('../dist/src/index.js', import.meta.url);
    writeFileSync(
      script,
      `import { replay } from ${JSON.stringify(href)};
      import { watch } from 'node:fs';
      watch(${JSON.stringify(dirname(ran))}, () => process.send('running'));
      replay(${JSON.stringify({ store, handlers: hanging, handler: 'sum', threads: 1 })});`,
    );
    const child = fork(script);
    await once(child, 'message');
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    expect([existsSync(ran), existsSync(`${store}-replay`)]).toEqual([true, true]);
    expect(statesOf(store)).toEqual({ a: 4, b: 2 });
    expect(await again(store, handlers)).toMatchObject({ events: 3, switched: true });
    expect([statesOf(store), existsSync(`${store}-replay`)]).toEqual([{ a: 4, b: 2 }, false]);
  });
});
