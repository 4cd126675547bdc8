// What handlers may claim of the threads: priorities among what is ready, never within a key, and how many batches may
// have a handler's events.

import { expect, test } from 'vitest';
import { noClaim, noClaims } from '../../src/dispatch/stand.js';
import { handlerResult } from '../../src/handler.js';
import { NamedBench } from './named-bench.js';

test('what is ready of a higher priority goes first, with or without a key, and within one the oldest', () => {
  const bench = new NamedBench().admit('low:a other:a low:- high:b other:- high:a high:-');
  expect(bench.all()).toEqual(['high:b', 'high:a', 'high:-', 'other:a', 'other:-', 'low:a', 'low:-']);
});

test('a higher priority never overtakes within a key, as its events have lanes of their own', () => {
  const bench = new NamedBench().admit('low:a low:a high:a');
  expect([bench.batch(), bench.batch(), bench.batch()]).toEqual(['high:a', 'low:a', 'none']);
  bench.settle();
  bench.admit('high:a');
  expect([bench.batch(), bench.batch()]).toEqual(['high:a', 'none']);
  bench.settle();
  expect(bench.batch()).toBe('low:a');
});

test('under order global nothing goes before its turn', () => {
  const bench = new NamedBench({ order: 'global', batchSizeMax: 9 }).admit('low:a high:a two:a two:b');
  expect(bench.batch()).toBe('low:a high:a');
  bench.settle();
  expect(bench.batch()).toBe('two:a two:b');
});

test('no more batches have events of a handler than it may run at once, and others pass it by', () => {
  const bench = new NamedBench().admit('two:a two:b two:c two:- other:a');
  expect(bench.all()).toEqual(['two:a', 'two:b', 'other:a']);
  bench.settle();
  expect(bench.all()).toEqual(['two:c']);
  bench.settle();
  expect(bench.all()).toEqual(['two:-']);
  bench.settle().settle().settle();
  expect(bench.dispatcher.counts()).toMatchObject({ buffered: 0, inFlight: 0, lanesReady: 0 });
});

test('one batch may have many events of it, as they run one after another', () => {
  const bench = new NamedBench({
    batchSizeMax: 3,
    claims: [noClaim, noClaim, { priority: 0, concurrency: 1 }, noClaim],
  });
  bench.admit('other:-').batch();
  bench.settle();
  bench.admit('two:a two:b two:c two:d other:a');
  expect(bench.all()).toEqual(['two:a two:b two:c', 'other:a']);
  bench.settle();
  expect(bench.all()).toEqual(['two:d']);
});

test('an event that is tried again, or shows whether its handler is well, counts like any other', () => {
  const breaker = { failurePercent: 50, triesMin: 2, windowMs: 1000, pauseMs: 100 };
  const bench = new NamedBench({ breaker }).admit('two:a two:b');
  expect(bench.all()).toEqual(['two:a', 'two:b']);
  bench.settle(handlerResult.failed).settle(handlerResult.failed);
  bench.admit('two:c two:d');
  expect([bench.batch(50), bench.batch(100), bench.batch(100)]).toEqual(['none', 'two:c', 'none']);
  bench.settle();
  expect(bench.all()).toEqual(['two:d']);
  bench.settle().admit('two:e two:f two:g');
  expect(bench.all()).toEqual(['two:e', 'two:f']);
});

test('each handler may have an order of its own', () => {
  const orders = ['key', 'none', 'handler', 'key'] as const;
  const bench = new NamedBench({ orders, claims: noClaims(4) });
  bench.admit('low:a low:a low:b low:- high:a high:a two:a two:b two:- other:a other:a');
  expect(bench.all()).toEqual(['low:a', 'low:b', 'low:-', 'high:a', 'high:a', 'two:a', 'other:a']);
  for (let batch = 0; batch < 7; batch += 1) bench.settle();
  expect(bench.all()).toEqual(['low:a', 'two:b', 'other:a']);
  for (let batch = 0; batch < 3; batch += 1) bench.settle();
  expect(bench.all()).toEqual(['two:-']);
});
