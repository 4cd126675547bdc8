// What is paused by hand does not start, and goes on in its order; everything else goes past it.

import { describe, expect, test } from 'vitest';
import { Pauses } from '../../src/dispatch/pauses.js';
import { noClaims } from '../../src/dispatch/stand.js';
import { handlerResult } from '../../src/handler.js';
import { NamedBench } from './named-bench.js';

const [low, high] = [0, 1];
const everything = { handler: null, key: null };

function bench(words: string, options: ConstructorParameters<typeof NamedBench>[0] = {}): NamedBench {
  return new NamedBench({ claims: noClaims(4), ...options }).admit(words);
}

describe('a pause', () => {
  test.each([
    { what: 'everything', pause: everything, ran: [], later: ['low:a', 'high:a', 'low:b', 'other:-', 'low:a'] },
    {
      ...{ what: 'a handler', pause: { handler: low, key: null } },
      ...{ ran: ['high:a', 'other:-'], later: ['low:a', 'low:b', 'low:a'] },
    },
    {
      ...{ what: 'a key of all handlers', pause: { handler: null, key: 'a' } },
      ...{ ran: ['low:b', 'other:-'], later: ['low:a', 'high:a', 'low:a'] },
    },
    {
      ...{ what: 'a key of one handler', pause: { handler: low, key: 'a' } },
      ...{ ran: ['high:a', 'low:b', 'other:-'], later: ['low:a', 'low:a'] },
    },
  ])('of $what holds that back, and lets it go on in its order', ({ pause, ran, later }) => {
    const all = bench('low:a high:a low:b other:- low:a');
    all.dispatcher.pause(pause);
    expect(all.drain()).toEqual(ran);
    all.dispatcher.resume(pause);
    expect(all.drain()).toEqual(later);
  });

  test('holds back what comes later, with a key and without, and ends no sooner than the last that fits', () => {
    const all = bench('high:a');
    all.dispatcher.pause({ handler: low, key: null });
    all.dispatcher.pause({ handler: null, key: 'a' });
    all.admit('low:- low:a');
    expect(all.drain()).toEqual([]);
    all.dispatcher.resume({ handler: low, key: null });
    expect(all.drain()).toEqual(['low:-']);
    all.dispatcher.resume({ handler: null, key: 'a' });
    expect(all.drain()).toEqual(['high:a', 'low:a']);
  });

  test('finishes what is in flight, and keeps behind it what comes back of it', () => {
    const all = bench('low:a low:a low:b', { batchSizeMax: 2 });
    expect(all.batch()).toBe('low:a low:b');
    all.dispatcher.pause(everything);
    all.settle(handlerResult.skipped);
    expect(all.drain()).toEqual([]);
    all.dispatcher.resume(null);
    expect(all.drain().join(' ')).toBe('low:a low:b low:a');
  });

  test('cuts a run short at an event that is paused, where a lane has several keys', () => {
    const all = bench('low:a low:a', { orders: Array(4).fill('handler'), batchSizeMax: 9 });
    expect(all.batch()).toBe('low:a');
    all.settle();
    all.drain();
    all.admit('low:a low:b low:a');
    all.dispatcher.pause({ handler: null, key: 'b' });
    expect(all.drain()).toEqual(['low:a']);
    all.dispatcher.resume(null);
    expect(all.drain().join(' ')).toBe('low:b low:a');
  });

  test('keeps a doubted event and one that waits for its next try', () => {
    const all = bench('low:a high:a');
    expect([all.batch(), all.batch()]).toEqual(['low:a', 'high:a']);
    all.settle(handlerResult.doubted).settle(handlerResult.retrying);
    all.dispatcher.pause(everything);
    expect(all.batch(1000)).toBe('none');
    all.dispatcher.resume(everything);
    expect([all.batch(1000), all.batch(1000)]).toEqual(['low:a', 'high:a']);
  });

  test('keeps an open breaker from trying one of its events, which is tried after it', () => {
    const breaker = { failurePercent: 50, triesMin: 1, windowMs: 1000, pauseMs: 500 };
    const all = bench('low:a', { breaker });
    all.batch();
    all.settle(handlerResult.failed).admit('low:b low:c');
    all.dispatcher.pause({ handler: low, key: null });
    expect(all.batch(600)).toBe('none');
    all.dispatcher.resume(null);
    expect([all.batch(600), all.batch(600)]).toEqual(['low:b', 'none']);
  });

  test('gives its memory to others once it fills half of it, and is looked at again once a second', () => {
    const all = bench('low:a low:b high:-', { ringSize: 4 });
    all.dispatcher.pause({ handler: low, key: null });
    all.admit('low:a');
    const { away } = all.dispatcher;
    expect(away.relieve(10).map(({ lane, dueMs }) => [lane.key, dueMs])).toEqual([
      ['b', 1010],
      ['a', 1010],
    ]);
    const none = { all: 0, ofHandler: 0 };
    expect([away.returns.roomOf(low, none, 10), away.returns.lookAgainMs(low, 10)]).toEqual([1, 1010]);
    all.dispatcher.confirm(away.takeAside());
    all.admit('high:a high:b');
    all.dispatcher.pause({ handler: high, key: 'a' });
    const ofKey = away.returns.roomOfKey(high, 'a', { onTheWay: none, nowMs: 10 });
    expect([away.returns.roomOf(low, none, 10), ofKey, away.returns.roomOf(high, none, 10)]).toEqual([0, 0, Infinity]);
    expect(away.returns.lookAgainAtKeyMs(high, 'a', 10)).toBe(1010);
    expect(all.drain()).toEqual(['high:-', 'high:b']);
  });
});

test('pauses are listed as they were made, and counted by keys', () => {
  const pauses = new Pauses();
  const made = [everything, { handler: low, key: null }, { handler: null, key: 'a' }, { handler: high, key: 'a' }];
  for (const pause of [...made, ...made]) pauses.add(pause);
  expect(pauses.list()).toEqual(made);
  for (const pause of made.slice(1)) pauses.delete(pause);
  expect([pauses.list(), pauses.isNone]).toEqual([[everything], false]);
  for (let n = 0; n < 9999; n += 1) pauses.add({ handler: low, key: String(n) });
  expect(pauses.isFull).toBe(false);
  pauses.add({ handler: high, key: '0' });
  expect(pauses.isFull).toBe(true);
  pauses.clear();
  expect([pauses.isFull, pauses.isNone, pauses.list()]).toEqual([false, true, []]);
});
