// The counts of a processor, and what is made of them: they match what happened, to the last event.

import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createTestProcessor } from '../dist/src/testing/test-processor.js';
import { AdmissionTimes } from '../src/admission-times.js';
import type { Slot } from '../src/dispatch/ring-buffer.js';
import { handlerResult } from '../src/handler.js';
import { healthOf } from '../src/health.js';
import { Histogram } from '../src/histogram.js';
import { KeyCosts } from '../src/key-costs.js';
import { Rate } from '../src/rate.js';
import type { Stats } from '../src/stats.js';
import { ThreadShares } from '../src/thread-shares.js';
import { TypeTallies } from '../src/type-tallies.js';
import { Gate, makeProcessor } from './processor-fixture.js';

describe('a histogram', () => {
  test('tells quantiles at most an eighth too high, and never too low', () => {
    // Most doubles are next to nothing or beyond any time.
    const time = fc.oneof(fc.double({ min: 0, max: 2 ** 33, noNaN: true }), fc.integer({ min: 0, max: 10_000_000 }));
    const times = fc.array(time, { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(times, fc.double({ min: 0, max: 1, noNaN: true }), (all, share) => {
        const histogram = new Histogram();
        for (const us of all) histogram.add(us);
        const sorted = all.toSorted((one, other) => one - other);
        const exact = Math.min(2 ** 32, sorted[Math.max(1, Math.ceil(share * all.length)) - 1]!);
        const told = histogram.quantileUs(share)!;
        expect(told).toBeGreaterThanOrEqual(exact);
        expect(told).toBeLessThanOrEqual(Math.max(1 + exact, exact * 1.125 + 1));
        expect([histogram.count, histogram.maxUs]).toEqual([all.length, sorted.at(-1)]);
      }),
    );
    expect(new Histogram().quantileUs(0.5)).toBeNull();
  });

  test('counts what was within bounds', () => {
    const histogram = new Histogram();
    for (const us of [0, 5, 20, 300, 5000]) histogram.add(us);
    expect(histogram.within([1, 10, 100, 1000, 1e6])).toEqual([1, 2, 3, 4, 5]);
  });
});

test('a rate is that of the last ten seconds, or of all there was', () => {
  const rate = new Rate(5_500);
  expect(rate.perSecond(5_500)).toBe(0);
  rate.add(10, 5_700);
  expect(rate.perSecond(6_500)).toBe(10);
  for (let second = 7; second <= 30; second += 1) rate.add(3, second * 1000 + 999);
  expect(rate.perSecond(30_999)).toBeCloseTo(3, 1);
  expect(rate.perSecond(45_000)).toBe(0);
});

test('time that was spent is of the seconds it fell into, and what goes on counts as well', () => {
  const rate = new Rate(500);
  // Of 12 s, those before the start are nobody's.
  rate.addTime(12e6, 4_500);
  expect(rate.perSecond(4_500)).toBeCloseTo(1e6, 3);
  rate.addTime(250_000, 9_000);
  expect(rate.perSecond(10_500)).toBeCloseTo(4.25e5, 3);
  // From 3,000 on: 1.5 s and 250 ms.
  expect(rate.perSecond(13_000)).toBeCloseTo(1.75e5, 3);
  expect(rate.perSecond(13_000, [500, 20_000])).toBeCloseTo(1.225e6, 3);
  rate.addTime(20e6, 30_999);
  expect(rate.perSecond(30_999)).toBeCloseTo(1e6, 3);
  expect(rate.perSecond(39_999)).toBeCloseTo((1999 / 10_999) * 1e6, 3);
  expect(rate.perSecond(60_000)).toBe(0);
});

test('the share of each thread is its own, of those that live or run something, and of late', () => {
  const shares = new ThreadShares(0);
  const of = (live: number[], nowMs: number, running: { threadId: number; forMs: number }[] = []) =>
    Object.fromEntries(shares.of(live, { running, nowMs }).map(({ threadId, busyShare }) => [threadId, busyShare]));
  expect(of([2, 1], 1000, [{ threadId: 2, forMs: 500 }])).toEqual({ 1: 0, 2: 0.5 });
  shares.add(1, 500_000, 2000);
  shares.add(2, 1_000_000, 2000);
  expect(of([1, 2], 2000)).toEqual({ 1: 0.25, 2: 0.5 });
  // One that is not of the pool any more, as it is to end, or has an event of its own.
  expect(of([1], 4000, [{ threadId: 2, forMs: 2000 }])).toEqual({ 1: 0.125, 2: 0.75 });
  expect(of([1], 4000)).toEqual({ 1: 0.125 });
  expect(of([1, 2], 60_000)).toEqual({ 1: 0, 2: 0 });
  // Where another comes, those that did nothing of late are what they were.
  shares.add(3, 1_000_000, 60_000);
  shares.add(1, 100_000, 60_000);
  expect(of([1, 2, 3], 60_000)).toEqual({ 1: 0.01, 2: 0, 3: 0.1 });
  expect(of([3], 60_000, [{ threadId: 3, forMs: 20_000 }])).toEqual({ 3: 1 });
});

test('each handler thread is told of by its id, whether it has run something or not', async () => {
  await using processor = await makeProcessor({ threads: 2 });
  const gate = new Gate();
  await processor.publish({ ...gate.event, key: 'k' });
  await gate.reached;
  const running = processor.stats().handlerThreads;
  expect(running.map(({ busyShare }) => busyShare > 0).sort()).toEqual([false, true]);
  const { threadId } = processor.explain({ handler: 'gated', key: 'k' });
  expect(running.find(({ busyShare }) => busyShare > 0)?.threadId).toBe(threadId);
  gate.open();
  await processor.whenIdle();
  const done = processor.stats().handlerThreads;
  expect(done.map(({ threadId }) => threadId)).toEqual(running.map(({ threadId }) => threadId));
  expect(done.find((thread) => thread.threadId === threadId)?.busyShare).toBeGreaterThan(0);
  await processor.setThreads(1);
  const [left, ...others] = processor.stats().handlerThreads;
  expect(others).toEqual([]);
  expect(running.map(({ threadId }) => threadId)).not.toContain(left!.threadId);
});

test('a thread is busy while a long event runs, and for that long', async () => {
  const gates: (() => void)[] = [];
  const wait = (): Promise<void> => new Promise((resolve) => gates.push(resolve));
  await using bus = await createTestProcessor({ handlers: { wait } });
  const { processor } = bus;
  const busyAfter = async (ms: number): Promise<number> => {
    await bus.advance(ms);
    return processor.stats().busyShare;
  };
  // The first batch takes half of what waits.
  processor.pause();
  await Promise.all([1, 2, 3, 4].map(() => processor.publish({ type: 'wait', key: 'k' })));
  processor.resume();
  expect(await busyAfter(1000)).toBe(1);
  gates[0]!();
  expect(await busyAfter(0)).toBe(1);
  expect(await busyAfter(1500)).toBe(1);
  processor.pause();
  gates[1]!();
  await bus.settle();
  expect(processor.stats()).toMatchObject({ inFlight: 0, busyShare: 1 });
  expect(await busyAfter(2500)).toBeCloseTo(0.5, 6);
  processor.resume();
  expect(await busyAfter(11_500)).toBe(1);
  processor.pause();
  gates[2]!();
  await bus.settle();
  expect(await busyAfter(8500)).toBeCloseTo(1.5 / 10, 6);
});

/** Slots as far as a sketch of them looks. */
const slotsOf = (keys: readonly string[]): Slot[] => {
  return keys.map((key) => ({ handler: 0, lane: null, event: { type: 't', key: key === '-' ? null : key } })) as Slot[];
};

/** A sketch, and what has it take in a batch of events of these keys. */
function sketch() {
  const costs = new KeyCosts({ handlerCount: 1, nowMs: 0 });
  const add = (keys: readonly string[], { us = 100, nowMs = 0 } = {}) => {
    const durationsUs = new Float32Array(keys.length).fill(us);
    costs.add(slotsOf(keys), { durationsUs, busyUs: us * keys.length, nowMs });
  };
  return { costs, add };
}

test('the keys that take most of the time are known, however many there are, and what others took is not theirs', () => {
  const { costs, add } = sketch();
  for (let n = 0; n < 20_000; n += 1) add(['hot', `k${n}`, `j${n}`, '-']);
  const [first, second] = costs.top(2);
  expect(first).toMatchObject({ handler: 0, key: 'hot' });
  expect(first!.share).toBeCloseTo(0.25, 1);
  // 40,000 keys that were used once.
  expect(second!.share).toBeLessThan(0.0005);
  expect(costs.shareOf(0, 'k0')).toBe(0);
  // What there was counts half after ten seconds, and a thousandth after a hundred.
  add(['new'], { nowMs: 100_000, us: 1e6 });
  expect(costs.top(1)).toMatchObject([{ key: 'new' }]);
});

test.each([2, 4, 8, 16])('a key in every batch of %i is not missed, nor counted for others', (period) => {
  const { costs, add } = sketch();
  for (let batch = 0; batch < 8000; batch += 1)
    add(Array(batch % period === 0 ? 20 : 3).fill(batch % period === 0 ? 'hot' : 'cold'));
  const share = 20 / (20 + 3 * (period - 1));
  expect(costs.shareOf(0, 'hot') / share).toBeGreaterThan(0.85);
  expect(costs.shareOf(0, 'hot') / share).toBeLessThan(1.15);
});

test('of dear events every one counts, and so do the first of all', () => {
  const { costs, add } = sketch();
  add(['cheap']);
  for (let n = 0; n < 100; n += 1) add(['dear'], { us: 2000 });
  expect(costs.shareOf(0, 'dear')).toBeCloseTo(200_000 / 200_100, 6);
  expect(costs.shareOf(0, 'cheap')).toBeCloseTo(100 / 200_100, 6);
});

test.each([
  ['of a handler whose events run one after another', { handler: 1, key: '' }, { handler: 1, key: '' }],
  ['of everything', { handler: -1, key: '' }, { handler: -1, key: '' }],
  ['without an order', { handler: -1, key: null }, { handler: 1, key: 'k' }],
])('the time of an event is that of the lane there is: %s', (_, lane, found) => {
  const costs = new KeyCosts({ handlerCount: 1, nowMs: 0 });
  costs.addHandler();
  const slots = [{ handler: 1, lane, event: { type: 't', key: 'k' } }] as Slot[];
  costs.add(slots, { durationsUs: Float32Array.of(5), busyUs: 5, nowMs: 0 });
  expect(costs.top(1)).toEqual([{ ...found, share: 1 }]);
});

test('how long an event has been in memory is known to some milliseconds, and of old ones roughly', () => {
  const times = new AdmissionTimes();
  expect(times.ageMs(0, 5)).toBe(0);
  for (let turn = 1; turn <= 5000; turn += 1) times.note(turn * 10, turn * 20);
  expect(times.ageMs(49_995, 100_000)).toBe(0);
  expect(times.ageMs(49_895, 100_000)).toBeCloseTo(200, -2);
  expect(times.ageMs(25_000, 100_000)).toBeGreaterThan(49_000);
  expect(times.ageMs(25_000, 100_000)).toBeLessThan(51_500);
  expect(times.ageMs(99_999, 100_000)).toBe(0);
});

test('types are told apart up to a thousand', () => {
  const tallies = new TypeTallies(0);
  const add = (type: string, result: number) => {
    const slots = [{ handler: 0, event: { type } }] as Slot[];
    tallies.add(slots, { results: Uint8Array.of(result), durationsUs: Float32Array.of(1000), nowMs: 500 });
  };
  for (let n = 0; n < 1100; n += 1) add(`t${n}`, handlerResult.succeeded);
  for (const result of [handlerResult.failed, handlerResult.retrying, handlerResult.skipped]) add('t0', result);
  const figures = tallies.figures(1000);
  expect(figures['t0']).toEqual({ succeeded: 1, failed: 1, retried: 1, busyMs: 3, eventsPerSecond: 2 });
  expect(figures['t1000']).toBeUndefined();
  expect(figures['(others)']).toMatchObject({ succeeded: 100, busyMs: 100 });
});

test('counts match what happened: each event is in one place, and handlers add up to the whole', async () => {
  const processor = await makeProcessor({ attemptsMax: 2, backoffMsMin: 1, backoffMsMax: 1 });
  const heard: unknown[] = [];
  const hear = (message: unknown): void => void heard.push(message);
  for (const name of ['keylane:outcome', 'keylane:deadLetter', 'keylane:retry', 'keylane:batch']) {
    subscribe(name, hear);
    onTestFinished(() => void unsubscribe(name, hear));
  }
  expect(processor.health()).toEqual({ status: 'healthy', reasons: [] });
  expect(processor.stats().tries).toEqual({
    busyMs: 0,
    averageMs: null,
    p50Ms: null,
    p95Ms: null,
    p99Ms: null,
    maxMs: null,
  });
  const gate = new Gate();
  await processor.publish({ ...gate.event, key: 'hot' });
  await gate.reached;
  await processor.publishMany(Array.from({ length: 30 }, () => ({ type: 'echo', key: 'hot', data: 1 })));
  await processor.publishMany(
    Array.from({ length: 10 }, (_, n) => ({ type: 'gated', key: 'hot', data: `no-gate-${n}` })),
  );
  const held = processor.stats();
  expect(held).toMatchObject({ accepted: 41, lanesLive: 2, lanesBusy: 2, slotsHeld: 41, threads: 1 });
  expect(held.waiting + held.inFlight + held.unacknowledged + held.backlog).toBe(41);
  expect(processor.busiestKeys(1).keys).toMatchObject([{ handler: 'echo', key: 'hot', waiting: expect.any(Number) }]);
  const [oldest] = processor.busiestKeys(1, 'age').keys;
  expect(oldest).toMatchObject({ handler: 'echo', key: 'hot', oldestMs: expect.any(Number) });
  expect(() => processor.busiestKeys(1, 'size' as never)).toThrow(
    'by must be one of "waiting", "age", "cpu", got "size"',
  );
  expect(() => processor.busiestKeys(0)).toThrow('limit must be a whole number from 1 to 1000 (keys), got 0');
  // The others of the gated handler wait for ever.
  for (let n = 0; n < 10; n += 1) await processor.cancel({ partition: 'journal', position: 32 + n });
  gate.open();
  await processor.publish({ type: 'fail', key: 'f' });
  await processor.whenIdle();
  const stats = processor.stats();
  expect(stats).toMatchObject({
    accepted: 42,
    succeeded: 31,
    deadLettered: 1,
    cancelled: 10,
    retried: 1,
    slotsHeld: 0,
  });
  expect(stats.types).toMatchObject({
    ...{ echo: { succeeded: 30, failed: 0, retried: 0 }, fail: { succeeded: 0, failed: 1, retried: 1 } },
    gated: { succeeded: 1, failed: 0 },
  });
  const { echo, fail, gated } = stats.handlers;
  for (const { eventsPerSecond } of [echo!, stats.types['echo']!]) expect(eventsPerSecond).toBeGreaterThan(0);
  expect(stats.types['gated']!.busyMs).toBeCloseTo(gated!.busyMs, 3);
  expect([echo, fail, gated]).toMatchObject([
    { succeeded: 30, failed: 0, retried: 0 },
    { succeeded: 0, failed: 1, retried: 1 },
    { succeeded: 1, failed: 0, retried: 0 },
  ]);
  expect(gated!.maxMs).toBeGreaterThan(0);
  expect(stats.tries.busyMs).toBeCloseTo(echo!.busyMs + fail!.busyMs + gated!.busyMs, 3);
  for (const share of [stats.busyShare, stats.writerBusyShare, stats.mainBusyShare]) {
    expect(share).toBeGreaterThanOrEqual(0);
    expect(share).toBeLessThanOrEqual(1);
  }
  // Each published event once, from its acceptance to its outcome, whatever that is.
  expect(stats.latency.count).toBe(42);
  expect(stats.latency.within.at(-1)).toEqual({ ms: 60_000, count: 42 });
  expect(stats.latency.maxMs).toBeGreaterThanOrEqual(gated!.maxMs!);
  expect(stats.eventsPerSecond).toBeGreaterThan(0);
  expect(stats.commitMs).toBeGreaterThan(0);
  const counts = (name: string): number => heard.filter((one) => Object.hasOwn(one as object, name)).length;
  expect([counts('outcome'), counts('deadLetter'), counts('retry')]).toEqual([42, 1, 1]);
  expect(heard).toContainEqual({
    store: expect.stringMatching(/test\.db$/),
    batch: { events: 1, busyUs: expect.any(Number) },
  });
  processor.pause({ key: 'hot' });
  expect(processor.health()).toEqual({
    status: 'degraded',
    reasons: [{ code: 'paused', text: '1 pauses are in force' }],
  });
  expect(processor.prometheusText({ store: 'a "b"' })).toContain(
    'keylane_tries_total{store="a \\"b\\"",handler="fail",result="failed"} 1\n',
  );
  await processor.stop();
  expect(processor.health()).toMatchObject({ status: 'degraded', reasons: [{ text: 'the processor is stopped' }] });
});

/** Where the events of a processor are or what came of them, added up; each was accepted, recovered or redriven. */
function sumsOf({ accepted, recovered, redriven, ...of }: Stats) {
  const held = of.waiting + of.inFlight + of.unacknowledged + of.backlog + of.parked;
  const done = of.succeeded + of.deadLettered + of.cancelled + of.superseded;
  return { came: accepted + recovered + redriven, are: held + done, cancelled: of.cancelled };
}

describe('an event that is cancelled in the store is counted', () => {
  test('from the backlog, once however often it is asked for', async () => {
    await using bus = await createTestProcessor({ handlers: { a: () => 1 }, ringSize: 16 });
    const { processor } = bus;
    processor.pause();
    const events = Array.from({ length: 60 }, () => processor.publish({ type: 'a', key: 'k' }));
    await bus.advance(1000);
    const last = (await Promise.all(events)).slice(40);
    expect(processor.stats().backlog).toBeGreaterThan(20);
    const found = await Promise.all([...last, ...last].map(({ identity }) => processor.cancel(identity)));
    expect(found).toEqual([...Array(20).fill('cancelled'), ...Array(20).fill('decided')]);
    expect(sumsOf(processor.stats())).toEqual({ came: 60, are: 60, cancelled: 20 });
    expect(processor.stats().eventsPerSecond).toBeGreaterThan(0);
    processor.resume();
    await bus.drain();
    expect(sumsOf(processor.stats())).toEqual({ came: 60, are: 60, cancelled: 20 });
    expect(bus.outcomes().filter(({ status }) => status === 'cancelled')).toHaveLength(20);
    expect(processor.prometheusText()).toContain('keylane_outcomes_total{status="cancelled"} 20\n');
  });

  test('from a lane that is parked, and while what parks the lane runs', async () => {
    const gates: (() => void)[] = [];
    const opened = (): Promise<void> => new Promise((resolve) => gates.push(resolve));
    const fail = (): Promise<never> => opened().then(() => Promise.reject(new Error('no')));
    await using bus = await createTestProcessor({ handlers: { fail }, onDeadLetter: 'park', attemptsMax: 1 });
    const { processor } = bus;
    processor.pause();
    const [, second, third] = await Promise.all([1, 2, 3].map(() => processor.publish({ type: 'fail', key: 'k' })));
    processor.resume();
    await bus.advance(0);
    // It is in the batch of the first, which stops their lane.
    const cancelled = processor.cancel(second!.identity);
    gates[0]!();
    await bus.settle();
    expect(await cancelled).toBe('cancelled');
    expect(sumsOf(processor.stats())).toEqual({ came: 3, are: 3, cancelled: 1 });
    expect(await processor.cancel(third!.identity)).toBe('cancelled');
    expect(sumsOf(processor.stats())).toEqual({ came: 3, are: 3, cancelled: 2 });
    expect(processor.stats()).toMatchObject({ parked: 0, deadLettered: 1 });
  });
});

test('a listener that takes nothing in is named by health and explain for as long as it holds batches up', async () => {
  await using bus = await createTestProcessor({ handlers: { a: () => 1 }, batchSizeMax: 4 });
  const { processor } = bus;
  const subscription = processor.subscribe('a', () => new Promise(() => {}), { queueMax: 1 });
  for (let n = 0; n < 100; n += 1) void processor.publish({ type: 'a', key: `k${n}` });
  await bus.advance(1);
  expect(processor.stats().waiting).toBeGreaterThan(0);
  const reasons = [{ code: 'listener-slow', text: expect.stringContaining('their queues: subscribe("a")') }];
  expect(processor.health()).toEqual({ status: 'degraded', reasons });
  const { situation, text } = processor.explain({ handler: 'a', key: 'k99' });
  expect([situation, text]).toEqual([
    'listener-slow',
    'key "k99" of handler "a": 1 event waits until listeners have taken in what fills their queues: subscribe("a")',
  ]);
  expect(processor.prometheusText()).toContain('keylane_listeners_behind 1\n');
  subscription.unsubscribe();
  expect(processor.explain({ handler: 'a', key: 'k99' }).situation).toBe('queued');
  await bus.advance(1);
  expect([processor.stats().succeeded, processor.health()]).toEqual([100, { status: 'healthy', reasons: [] }]);
});

test('under order "global" no handler is blamed for what waits, but the order', async () => {
  const gates: (() => void)[] = [];
  const handlers = { other: () => 1, wait: (): Promise<void> => new Promise((resolve) => gates.push(resolve)) };
  await using bus = await createTestProcessor({ handlers, order: 'global', threads: 2 });
  const { processor } = bus;
  await processor.publish({ type: 'wait', key: 'k' });
  await bus.advance(20);
  gates[0]!();
  await bus.settle();
  await Promise.all(Array.from({ length: 9 }, (_, n) => processor.publish({ type: 'wait', key: `k${n}` })));
  await bus.advance(30);
  const lane = { handler: null, key: null, waiting: expect.any(Number), share: 1, cpuShare: 1, isRunning: true };
  for (const by of ['waiting', 'age', 'cpu'] as const) {
    const { keys, verdict } = processor.busiestKeys(3, by);
    expect(keys).toEqual([{ ...lane, oldestMs: 30 }]);
    expect(verdict).toBe('order is the bottleneck: order "global" holds 100 % of what waits');
  }
});

test('an empty text is a key like any other; what has the events of all keys has none', async () => {
  for (const [order, key, says] of [
    ['key', '', 'key ""'],
    ['handler', null, 'handler "wait"'],
  ] as const) {
    const gates: (() => void)[] = [];
    const run = (): Promise<void> => new Promise((resolve) => gates.push(resolve));
    const handlers = [{ name: 'wait', on: '*', order, run }] as const;
    await using bus = await createTestProcessor({ handlers, threads: 2 });
    const { processor } = bus;
    await processor.publish({ type: 'any', key: '' });
    await bus.advance(20);
    gates[0]!();
    await bus.settle();
    await Promise.all(Array.from({ length: 9 }, () => processor.publish({ type: 'any', key: '' })));
    await bus.advance(30);
    for (const by of ['waiting', 'age', 'cpu'] as const) {
      const { keys, verdict } = processor.busiestKeys(3, by);
      expect(keys).toMatchObject([{ handler: 'wait', key, share: 1, cpuShare: 1, isRunning: true }]);
      expect(verdict).toBe(`order is the bottleneck: ${says} holds 100 % of what waits`);
    }
  }
});

const well = {
  ...{ phase: 'running', slots: 100, slotsHeld: 10, bytesHeld: 1, bytesMax: 100, paused: [], pausedByHand: [] },
  ...{ parked: 0, backlog: 0, publishersWaiting: 0, walBytes: 0, listenersBehind: [], storeShortBy: [] },
} as unknown as Stats;

test.each([
  [{ slotsHeld: 79 }, 'healthy', []],
  [{ slotsHeld: 80 }, 'degraded', ['memory for events is taken by 80 %']],
  [{ bytesHeld: 95 }, 'degraded', ['memory for events is taken by 95 %']],
  [{ paused: ['a', 'b'] }, 'degraded', ['circuit breakers hold back a, b']],
  [{ parked: 3, backlog: 2 }, 'degraded', ['3 events are parked', '2 events wait in the store']],
  [{ publishersWaiting: 4 }, 'degraded', ['4 publishers wait for room']],
  [{ walBytes: 3e8 }, 'degraded', ['the write-ahead log has 300000000 bytes']],
  [
    { listenersBehind: ['subscribe("a")', 'outcomes("b")', 'c', 'd', 'e'] },
    'degraded',
    ['no batch starts until listeners take in what fills their queues: subscribe("a"), outcomes("b"), c and 2 more'],
  ],
  [
    { storeShortBy: ['storeBytesMax', 'freeBytesMin'] },
    'degraded',
    ['nothing is taken in until the store has room: storeBytesMax and freeBytesMin'],
  ],
  [{ phase: 'idle' }, 'degraded', ['the processor is idle']],
  [{ phase: 'failed' }, 'failed', ['the processor is failed: no disk']],
] as const)('health of %j is %s', (change, status, texts) => {
  const failure = 'phase' in change && change.phase === 'failed' ? new Error('no disk') : null;
  const health = healthOf({ ...well, ...change } as Stats, failure);
  expect([health.status, health.reasons.map(({ text }) => text)]).toEqual([status, texts]);
});
