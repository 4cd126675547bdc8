// How many tries may start: of all handlers, of one, of each key of one. What has to wait keeps its order, and holds up
// nobody else.

import { expect, test } from 'vitest';
import type { Batch } from '../../src/dispatch/batch.js';
import { noClaim } from '../../src/dispatch/stand.js';
import { handlerResult } from '../../src/handler.js';
import { NamedBench } from './named-bench.js';

const [low, high, other] = [noClaim, { ...noClaim, priority: 5 }, noClaim];

/** The handler `two` has a rate, or each of its keys. */
function benchOf(two: object, more: object = {}): NamedBench {
  return new NamedBench({ batchSizeMax: 9, claims: [low, high, { ...noClaim, ...two }, other], ...more });
}

/** Batches at a time until nothing can run, each of which comes back at once. */
function at(bench: NamedBench, nowMs: number): string[] {
  const all: string[] = [];
  for (let batch = bench.batch(nowMs); batch !== 'none'; batch = bench.batch(nowMs)) {
    all.push(...batch.split(' '));
    bench.settle();
  }
  return all;
}

test('of a handler so many tries start at once, then one whenever its part of the time is over; others go past', () => {
  const bench = benchOf({ rateLimit: { tries: 2, perMs: 100 } });
  bench.admit('two:a two:b two:c two:- two:a other:a other:b');
  expect(at(bench, 1000)).toEqual(['two:a', 'two:b', 'other:a', 'other:b']);
  expect(bench.dispatcher.nextWakeMs).toBe(1050);
  expect(at(bench, 1049)).toEqual([]);
  expect(at(bench, 1050)).toEqual(['two:c']);
  expect(at(bench, 1100)).toEqual(['two:-']);
  expect(at(bench, 1300)).toEqual(['two:a']);
  expect(bench.dispatcher.nextWakeMs).toBe(Number.POSITIVE_INFINITY);
});

test('a run of one key ends where the rate does, and goes on from there', () => {
  const bench = benchOf({ rateLimit: { tries: 3, perMs: 300 } }).admit('two:a two:a two:a two:a two:a');
  expect(bench.batch(1000)).toBe('two:a two:a two:a');
  bench.settle();
  expect([at(bench, 1100), at(bench, 1200)]).toEqual([['two:a'], ['two:a']]);
});

test('of each key so many start, and other keys go on', () => {
  const bench = benchOf({ rateLimitPerKey: { tries: 1, perMs: 100 } });
  bench.admit('two:a two:a two:b two:b two:- two:- other:a other:a');
  expect(at(bench, 1000)).toEqual(['two:a', 'two:b', 'two:-', 'two:-', 'other:a', 'other:a']);
  expect(bench.dispatcher.counts()).toMatchObject({ lanesDelayed: 2 });
  expect(bench.dispatcher.nextWakeMs).toBe(1100);
  expect([at(bench, 1099), at(bench, 1100)]).toEqual([[], ['two:a', 'two:b']]);
  // What came in a key's own time waits for it all the same, though nothing of the key was left here.
  bench.admit('two:a');
  expect([at(bench, 1150), at(bench, 1200)]).toEqual([[], ['two:a']]);
});

test('of all together so many start, whatever their priority', () => {
  const bench = benchOf({}, { rateLimit: { tries: 2, perMs: 100 } });
  bench.admit('other:a other:b high:a low:-');
  expect(at(bench, 1000)).toEqual(['high:a', 'other:a']);
  expect(bench.dispatcher.nextWakeMs).toBe(1050);
  expect([at(bench, 1050), at(bench, 1100)]).toEqual([['other:b'], ['low:-']]);
});

test('a try that comes again counts like the first', () => {
  const bench = benchOf({ rateLimit: { tries: 1, perMs: 100 } }).admit('two:a');
  expect(bench.batch(1000)).toBe('two:a');
  bench.settle(handlerResult.retrying);
  expect([at(bench, 1099), at(bench, 1100)]).toEqual([[], ['two:a']]);
});

test.each([
  ['of its handler', { rateLimit: { tries: 3, perMs: 300 } }, {}],
  ['of its key', { rateLimitPerKey: { tries: 3, perMs: 300 } }, {}],
  ['of all', {}, { rateLimit: { tries: 3, perMs: 300 } }],
])('a try that was handed back unrun is not counted by the rate %s', (_, two, more) => {
  const bench = benchOf(two, more).admit('two:a two:a two:a two:a two:a');
  expect(bench.batch(1000)).toBe('two:a two:a two:a');
  bench.settle(handlerResult.skipped);
  expect(at(bench, 1000)).toEqual(['two:a', 'two:a', 'two:a']);
  expect([at(bench, 1099), at(bench, 1100)]).toEqual([[], ['two:a']]);
});

test('a try that has run is counted though it is handed back, as its thread died with what it left', () => {
  const bench = benchOf({ rateLimit: { tries: 3, perMs: 300 } }).admit('two:a two:a two:a two:a');
  bench.batch(1000);
  bench.settle(handlerResult.skipped, 2);
  expect([at(bench, 1000), at(bench, 1099), at(bench, 1100)]).toEqual([['two:a'], [], ['two:a']]);
});

test('what may come back from the store is what may start, and what fills a quarter of the memory', () => {
  const bench = benchOf(
    { rateLimit: { tries: 3, perMs: 300 }, rateLimitPerKey: { tries: 2, perMs: 1000 } },
    { ringSize: 16 },
  );
  const { returns } = bench.dispatcher.away;
  const room = (nowMs: number, ofHandler = 0) => returns.roomOf(2, { all: ofHandler, ofHandler }, nowMs);
  const ofKey = (key: string, nowMs: number) =>
    returns.roomOfKey(2, key, { onTheWay: { all: 0, ofHandler: 0 }, nowMs });
  expect([room(1000), room(1000, 3), room(1000, 5), room(1000, 9)]).toEqual([7, 1, 0, 0]);
  expect([ofKey('a', 1000), ofKey('b', 1000)]).toEqual([6, 6]);
  bench.admit('two:a two:b two:c two:d two:e');
  // Two of these wait in any case.
  expect([room(1000), at(bench, 1000).length, room(1000)]).toEqual([2, 3, 2]);
  bench.admit('two:f two:g');
  expect([room(1000), returns.lookAgainMs(2, 1000), room(1100), room(1300)]).toEqual([0, 1250, 1, 3]);
  // Both keys have one try left, of which one has two events that wait for it.
  bench.admit('two:a two:a');
  expect([ofKey('a', 1000), ofKey('f', 1000), returns.lookAgainAtKeyMs(2, 'a', 1000)]).toEqual([4, 5, 1250]);
});

test('of a key that waits for its next try nothing is looked at before that', () => {
  const bench = benchOf({ rateLimitPerKey: { tries: 9, perMs: 90 } }, { ringSize: 16 }).admit(
    'two:a two:a two:a two:a',
  );
  bench.batch(0);
  bench.settle(handlerResult.skipped);
  expect(bench.batch(5)).toMatch(/^two:a/);
  const [batch] = bench.batches as [Batch];
  const count = batch.slots.length;
  const results = new Uint8Array(count).fill(handlerResult.skipped);
  results[0] = handlerResult.retrying;
  bench.dispatcher.settle(batch, { results, delaysMs: Float64Array.from(results, () => 5000), busyUs: 0 }, 5);
  expect(bench.dispatcher.away.returns.lookAgainAtKeyMs(2, 'a', 10)).toBe(5005);
});

test('what shows whether a handler is well does not wait for its rate, and takes from what comes after it', () => {
  const breaker = { failurePercent: 50, triesMin: 1, windowMs: 1000, pauseMs: 10 };
  const bench = benchOf({ rateLimit: { tries: 1, perMs: 100 } }, { breaker }).admit('two:a');
  bench.batch(0);
  bench.settle(handlerResult.failed);
  bench.admit('two:b two:c');
  expect(bench.batch(10)).toBe('two:b');
  bench.settle();
  expect([at(bench, 199), at(bench, 200)]).toEqual([[], ['two:c']]);
});

test('what waits for the rate of its handler gives way in memory to others, those first that will run last', () => {
  const bench = benchOf({ rateLimit: { tries: 1, perMs: 1000 } }, { ringSize: 16 });
  bench.admit('two:a two:b two:c two:d two:- two:- two:e two:f two:g two:h two:i two:a two:j two:k two:l');
  expect(at(bench, 1000)).toEqual(['two:a']);
  const gone = bench.dispatcher.away.relieve(1000).map(({ lane, dueMs }) => `${lane.key} ${dueMs}`);
  expect(gone).toEqual([
    ...['l 15000', 'k 14000', 'j 13000', 'a 12000', 'i 11000', 'h 10000', 'g 9000', 'f 8000', 'e 7000'],
  ]);
  const aside = bench.dispatcher.away.takeAside().map(({ event }) => event?.key ?? '-');
  expect(aside.sort()).toEqual(['-', '-', 'a', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l']);
  bench.admit('other:a');
  expect(at(bench, 1000)).toEqual(['other:a']);
  expect(at(bench, 2000)).toEqual(['two:b']);
  expect(at(bench, 3000)).toEqual(['two:c']);
});
