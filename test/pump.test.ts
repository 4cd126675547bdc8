// When a group of outcomes leaves for the writer. Threads answer when the test says so, time moves when it says so.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KeylaneError } from '../src/errors.js';
import { type GivenPolicy, handlerResult } from '../src/handler.js';
import { EventsJoiner } from '../src/joined-events.js';
import { configFrom, type ProcessorOptions } from '../src/options.js';
import { type Outcome, RowsBuilder, verdict } from '../src/outcome.js';
import { type BatchMessage, type BatchReport, numbersPerEvent } from '../src/pool/messages.js';
import { Processor } from '../src/processor.js';
import type { DeadLettersResult } from '../src/store/dead-letter-messages.js';
import type { EventOutcomes } from '../src/store/event-messages.js';
import type { GroupRequest, GroupResult, JournalPage, StoreGauges } from '../src/store/messages.js';
import { Trouble } from '../src/trouble.js';
import { SimulatedClock } from './simulation/simulated-clock.js';

let clock: SimulatedClock;
let batches: { message: BatchMessage; resolve: (report: BatchReport) => void }[];
let groups: { request: GroupRequest; resolve: (result: GroupResult) => void; reject: (error: Error) => void }[];
let reads: { positions: number[]; resolve: (found: readonly EventOutcomes[]) => void }[];
let closing: () => Promise<void>;
/** What was ended, in its order. */
let ended: string[];
let processor: Processor;

beforeEach(() => {
  clock = new SimulatedClock();
  batches = [];
  groups = [];
  reads = [];
  closing = async () => {};
  ended = [];
  processor = make({});
});

afterEach(async () => {
  await processor.abort();
});

function make(
  options: Partial<ProcessorOptions>,
  { policy = {}, pending = 0, readJournal = notUsed, deadLetters = notUsed }: Partial<Left> = {},
): Processor {
  return new Processor({
    config: configFrom({
      handlers: 'none',
      store: 'none',
      threads: 1,
      batchSizeMax: 1,
      groupWaitMs: 7,
      intake: 'memory',
      ...options,
    }),
    opened: { epoch: 1, wasClean: true, path: 'none', file: { device: 0, inode: 0 } },
    flight: { depart: () => {}, arrive: () => {}, addHandlers: () => {}, close: () => void ended.push('flight log') },
    schemas: null,
    table: { names: ['t'], takes: 'its-own-type', policies: [policy] },
    journal: {
      partition: 1,
      watermark: 0,
      positionUnused: pending + 1,
      pending,
      parked: 0,
      suspects: new Float64Array(0),
      retries: new Float64Array(0),
      widest: 1,
      handlerIds: Int32Array.of(1),
      lanes: [],
    },
    clock,
    trouble: new Trouble(),
    pool: {
      ...{ threads: 1, threadIds: [], places: 2, close: () => end('pool'), abort: () => end('pool') },
      run: (message) => new Promise((resolve) => batches.push({ message, resolve })),
      runFresh: () => Promise.reject(new Error('not used')),
      ...{
        cancel: () => {},
        running: () => null,
        setThreads: () => Promise.resolve(),
        setHandlers: () => Promise.resolve(),
      },
    },
    writer: {
      append: (request) => new Promise((resolve, reject) => groups.push({ request, resolve, reject })),
      openPartition: () => Promise.reject(new Error('not used')),
      openJournal: () => Promise.reject(new Error('not used')),
      readJournal,
      readLane: () => Promise.reject(new Error('not used')),
      parkOwed: () => Promise.reject(new Error('not used')),
      addHandlers: () => Promise.reject(new Error('not used')),
      removeHandler: () => Promise.reject(new Error('not used')),
      readStates: () => Promise.reject(new Error('not used')),
      deadLetters,
      cancel: () => Promise.reject(new Error('not used')),
      readOutcomes: ({ events }) =>
        new Promise((resolve) => {
          reads.push({ positions: events.map(({ position }) => position), resolve });
        }),
      ...{ setFingerprint: async () => {}, abort: () => end('store') },
      close: () => end('store').then(closing),
    },
  });
}

/** What an earlier user of the store has left, and what is said of its handler. */
interface Left {
  readonly policy: GivenPolicy;
  readonly pending: number;
  readJournal(): Promise<JournalPage>;
  deadLetters(): Promise<DeadLettersResult>;
}

function notUsed(): Promise<never> {
  return Promise.reject(new Error('not used'));
}

/** Ends something; the pool takes longer than the store. */
async function end(what: 'pool' | 'store'): Promise<void> {
  for (let hop = what === 'pool' ? 8 : 1; hop > 0; hop -= 1) await null;
  ended.push(what);
}

/** Lets time pass until nothing is planned any more. */
async function steps(): Promise<void> {
  for (let planned = true; planned; planned = clock.step()) for (let hop = 0; hop < 16; hop += 1) await null;
}

/** Delivers what promises have to say, and every wake-up that is due now. */
async function settle(): Promise<void> {
  for (let round = 0; round < 10; round += 1) {
    for (let hop = 0; hop < 8; hop += 1) await null;
    if (clock.nextAtMs() === clock.nowMs()) clock.step();
  }
}

function resultOf(stored: number, gauges: Partial<StoreGauges> = {}): GroupResult {
  const well = { walBytes: 0, storeBytes: 0, freeBytes: 1e12 };
  return { stored, ignored: 0, duplicates: [], tookUs: 1, gauges: { ...well, ...gauges } };
}

function report(message: BatchMessage, resultBytes = 0): BatchReport {
  const builder = new RowsBuilder(message.count);
  for (let index = 0; index < message.count; index += 1) {
    const [partition, position] = message.numbers.subarray(index * numbersPerEvent) as unknown as [number, number];
    const text = { id: null, type: 't', key: null, result: JSON.stringify('x'.repeat(resultBytes)), error: null };
    const numbers = { partition, position, handler: 0, attempts: 1, startedAtUs: 0, durationUs: 0 };
    builder.add({ ...numbers, ...text, verdict: verdict.succeeded, dueAtUs: 0, extras: null, data: null });
  }
  const results = new Uint8Array(message.count).fill(handlerResult.succeeded);
  return {
    results,
    rows: builder.finish(),
    rowCount: message.count,
    failedCount: 0,
    delaysMs: null,
    ...{ busyUs: 1, threadId: 1, durationsUs: new Float32Array(message.count), heapGrowthBytes: 0 },
  };
}

async function finish(index: number, resultBytes = 0): Promise<void> {
  const batch = batches[index] as (typeof batches)[number];
  batch.resolve(report(batch.message, resultBytes));
  await settle();
}

test('an outcome that nothing else would join leaves at once', async () => {
  await processor.publish({ type: 't' });
  await settle();
  await finish(0);
  expect(groups).toHaveLength(1);
});

test('an outcome waits for company while another batch runs, but no longer than groupWaitMs', async () => {
  await processor.publish({ type: 't' });
  await processor.publish({ type: 't' });
  await settle();
  await finish(0);
  expect(groups).toHaveLength(0);
  expect(clock.nextAtMs()).toBe(7);
  clock.step();
  await settle();
  expect(groups).toHaveLength(1);
});

test('an outcome that somebody listens for waits 10 ms at most, and 5 ms while a batch could start', async () => {
  processor = make({ groupWaitMs: 50 });
  await processor.publishMany([{ type: 't' }, { type: 't' }, { type: 't' }, { type: 't' }]);
  await settle();
  await finish(0);
  expect(clock.nextAtMs()).toBe(50);
  processor.on('outcome', () => {});
  await finish(1);
  expect(clock.nextAtMs()).toBe(10);
  await finish(2);
  expect(clock.nextAtMs()).toBe(5);
  clock.step();
  await settle();
  expect(groups).toHaveLength(1);
});

test('a group that has a quarter of the ring leaves at once', async () => {
  processor = make({ ringSize: 16 });
  await processor.publishMany(Array.from({ length: 8 }, () => ({ type: 't' })));
  await settle();
  for (const index of [0, 1, 2]) await finish(index);
  expect(groups).toHaveLength(0);
  await finish(3);
  expect(groups).toHaveLength(1);
});

test('a group waits 10 ms at most while events fill half of the bytes that memory may have', async () => {
  const ringBytesMax = 1024 * 1024;
  processor = make({ groupWaitMs: 50, ringBytesMax, dataSizeMax: ringBytesMax });
  await processor.publishMany([{ type: 't' }, { type: 't', data: 'x'.repeat(ringBytesMax / 2) }, { type: 't' }]);
  await settle();
  await finish(0);
  expect(clock.nextAtMs()).toBe(10);
});

test('a full group leaves at once', async () => {
  processor = make({ groupSizeMax: 2 });
  await processor.publishMany([{ type: 't' }, { type: 't' }, { type: 't' }, { type: 't' }]);
  await settle();
  await finish(0);
  expect(groups).toHaveLength(0);
  await finish(1);
  expect(groups).toHaveLength(1);
  expect(groups[0]?.request.rows).toHaveLength(2);
});

test('while too many bytes are unacknowledged no batch starts; below half of the limit they start again', async () => {
  processor = make({ unacknowledgedBytesMax: 1024 * 1024 });
  await processor.publishMany(Array.from({ length: 5 }, () => ({ type: 't' })));
  await settle();
  expect(batches).toHaveLength(2);
  await finish(0, 2 * 1024 * 1024);
  await finish(1);
  expect(batches).toHaveLength(2);
  for (const group of groups) group.resolve(resultOf(1));
  await settle();
  expect(batches).toHaveLength(4);
});

test('a slow writer makes no group larger than groupSizeMax', async () => {
  processor = make({ groupSizeMax: 2 });
  await processor.publishMany(Array.from({ length: 9 }, () => ({ type: 't' })));
  for (let index = 0; index < 9; index += 1) {
    await settle();
    await finish(index);
  }
  for (let index = 0; index < groups.length; index += 1) {
    expect(groups[index]?.request.rows.length).toBeLessThanOrEqual(2);
    groups[index]?.resolve(resultOf(2));
    await settle();
  }
  expect(groups).toHaveLength(5);
});

test('trouble of the writer fails the processor: those who wait are refused, and it says why', async () => {
  const told: string[] = [];
  processor.on('fatal', (error) => told.push(error.code));
  await processor.publish({ type: 't' });
  const drained = processor.drain();
  drained.catch(() => {});
  await settle();
  await finish(0);
  groups[0]?.reject(new KeylaneError('store-failed', 'the disk is on fire'));
  await settle();
  expect(told).toEqual(['store-failed']);
  expect(processor.phase).toBe('failed');
  await expect(drained).rejects.toMatchObject({ code: 'store-failed' });
  await expect(processor.publish({ type: 't' })).rejects.toMatchObject({ code: 'store-failed' });
});

test('a report that fits no batch is a bug of ours, and fails the processor as such', async () => {
  await processor.publish({ type: 't' });
  await settle();
  batches[0]?.resolve({
    results: new Uint8Array(9),
    rows: new ArrayBuffer(0),
    rowCount: 0,
    failedCount: 0,
    delaysMs: null,
    ...{ busyUs: 0, threadId: 1, durationsUs: new Float32Array(9), heapGrowthBytes: 0 },
  });
  await settle();
  expect(processor.phase).toBe('failed');
  await expect(processor.drain()).rejects.toMatchObject({ code: 'internal' });
});

test('a store that cannot be closed fails the processor', async () => {
  const told: string[] = [];
  closing = () => Promise.reject(new KeylaneError('store-failed', 'no room for the last page'));
  processor.on('fatal', (error) => told.push(error.code));
  const drained = processor.drain();
  drained.catch(() => {});
  await settle();
  await expect(drained).rejects.toMatchObject({ code: 'store-failed' });
  expect([processor.phase, told]).toEqual(['failed', ['store-failed']]);
});

test('a store is closed only when what a page on its way brings is settled', async () => {
  const pages: ((page: JournalPage) => void)[] = [];
  const readJournal = (): Promise<JournalPage> => new Promise((resolve) => void pages.push(resolve));
  processor = make({ intake: 'journal' }, { policy: { waiting: 'latest' }, pending: 2, readJournal });
  await settle();
  const stopped = processor.stop();
  await settle();
  expect(ended).toEqual([]);
  const joiner = new EventsJoiner(2);
  for (const data of ['1', '2']) joiner.add({ type: 't', key: 'k', id: null, extras: null, data });
  const positions = { positions: Float64Array.of(1, 2), handlers: new Int32Array(2), owedCounts: null, next: 3 };
  pages[0]!({ events: joiner.finish(), ...positions, parked: [], isLast: true });
  await settle();
  expect([groups.length, ended]).toEqual([1, []]);
  groups[0]!.resolve(resultOf(1));
  await settle();
  await stopped;
  expect(processor.stats()).toMatchObject({ phase: 'stopped', superseded: 1, unacknowledged: 0 });
});

test('a listener that throws what cannot even be shown stops nobody', async () => {
  const warnings: string[] = [];
  processor.on('warning', (warning) => warnings.push(warning.message));
  processor.on('outcome', () => {
    throw Object.create(null);
  });
  await processor.publish({ type: 't' });
  const drained = processor.drain();
  await settle();
  await finish(0);
  groups[0]?.resolve(resultOf(1));
  await settle();
  await drained;
  expect(warnings).toEqual(['a listener of "outcome" threw: an object']);
});

test('the flight log goes before the store is free, and the store is freed when the threads have ended', async () => {
  const drained = processor.drain();
  await steps();
  await drained;
  expect(ended).toEqual(['pool', 'flight log', 'store']);
  ended = [];
  processor = make({});
  const aborted = processor.abort();
  await steps();
  await aborted;
  expect(ended).toEqual(['flight log', 'pool', 'store']);
});

test('a store that is short of room is asked again, but not once it is closing', async () => {
  processor = make({ storeBytesMax: 1024 * 1024 });
  processor.on('warning', () => {});
  await processor.publish({ type: 't' });
  await settle();
  await finish(0);
  groups[0]?.resolve(resultOf(1, { storeBytes: 2 * 1024 * 1024 }));
  await settle();
  expect(groups).toHaveLength(1);
  expect(processor.tryPublish({ type: 't' })).toBeNull();
  const text = 'nothing is taken in until the store has room: storeBytesMax';
  expect(processor.health()).toEqual({ status: 'degraded', reasons: [{ code: 'store-full', text }] });
  clock.step();
  await settle();
  expect(groups).toHaveLength(2);
  groups[1]?.resolve(resultOf(0, { storeBytes: 2 * 1024 * 1024 }));
  await settle();
  closing = async () => {
    await new Promise<void>((resolve) => {
      clock.alarm(5_000, resolve);
    });
  };
  const drained = processor.drain();
  await steps();
  await drained;
  expect(groups).toHaveLength(2);
  expect(processor.phase).toBe('stopped');
});

describe('while the queue of one who takes outcomes in is full', () => {
  /** Has batches come back and stores what came of them, one after another. */
  const finishEach = async (first: number, last: number): Promise<void> => {
    for (let index = first; index <= last; index += 1) {
      await finish(index);
      for (const group of groups) group.resolve(resultOf(1));
      await settle();
    }
  };

  beforeEach(async () => {
    processor = make({ groupWaitMs: 0 });
    processor.on('warning', ({ code, message }) => ended.push(`${code} ${message}`));
  });

  test('no batch starts; once half of it is taken they start again', async () => {
    const taken: (() => void)[] = [];
    processor.subscribe('t', () => new Promise<void>((resolve) => taken.push(resolve)), { queueMax: 2 });
    await processor.publishMany(Array.from({ length: 9 }, () => ({ type: 't' })));
    await settle();
    await finishEach(0, 1);
    expect([batches.length, taken.length]).toEqual([4, 1]);
    await finishEach(2, 4);
    // One is with the listener, and four wait: two, and what was under way by then.
    expect([batches.length, taken.length]).toEqual([5, 1]);
    expect(ended).toEqual([]);
    await steps();
    expect(ended).toEqual([
      expect.stringContaining('listener-slow subscribe("t") has left its queue full for 5 seconds'),
    ]);
    for (const [index, started] of [5, 5, 7].entries()) {
      taken[index]?.();
      await settle();
      expect(batches).toHaveLength(started);
    }
  });

  test.each(['unsubscribe', 'abort'] as const)('%s lets it go', async (how) => {
    const subscription = processor.subscribe('t', () => new Promise(() => {}), { queueMax: 1 });
    await processor.publishMany(Array.from({ length: 9 }, () => ({ type: 't' })));
    await settle();
    await finishEach(0, 3);
    expect(batches).toHaveLength(4);
    if (how === 'abort') await processor.abort();
    else subscription.unsubscribe();
    await settle();
    expect(batches).toHaveLength(how === 'abort' ? 4 : 6);
    await steps();
    expect(ended.filter((what) => what.startsWith('listener-slow'))).toEqual([]);
  });

  test('an iterator holds batches up as a listener does, until it is asked', async () => {
    const outcomes = processor.outcomes('t', { queueMax: 2 });
    await processor.publishMany(Array.from({ length: 9 }, () => ({ type: 't' })));
    await settle();
    await finishEach(0, 3);
    expect(batches).toHaveLength(4);
    for (const [index, started] of [4, 4, 6].entries()) {
      expect((await outcomes.next()).value?.identity.position).toBe(1 + index);
      await settle();
      expect(batches).toHaveLength(started);
    }
  });

  test('drain waits for it, and stop does not', async () => {
    const taken: (() => void)[] = [];
    processor.subscribe('t', () => new Promise<void>((resolve) => taken.push(resolve)), { queueMax: 1 });
    await processor.publishMany(Array.from({ length: 6 }, () => ({ type: 't' })));
    await settle();
    await finishEach(0, 3);
    const drained = processor.drain();
    await settle();
    expect([processor.phase, batches.length]).toEqual(['draining', 4]);
    const stopped = processor.stop();
    await steps();
    expect(await stopped).toEqual({ left: 2 });
    await drained;
  });
});

test('whoever asks for an outcome that is decided and not stored has the store read once it is', async () => {
  const receipt = await processor.publish({ type: 't' });
  await settle();
  await finish(0);
  const asked = receipt.outcome();
  asked.catch(() => {});
  await settle();
  expect([groups.length, reads.length]).toEqual([1, 0]);
  groups[0]?.resolve(resultOf(1));
  await settle();
  expect(reads.map(({ positions }) => positions)).toEqual([[1]]);
  const told: EventOutcomes = { outcomes: [{ status: 'succeeded' } as Outcome], owed: [], isUnmatched: false };
  reads[0]?.resolve([told]);
  await settle();
  expect(await asked).toEqual({ status: 'succeeded' });
});

test('whenIdle does not take an event for the one that had its place in memory before', async () => {
  processor = make({ ringSize: 16 });
  await processor.publish({ type: 't', key: 'k' });
  await processor.publishMany(Array.from({ length: 15 }, () => ({ type: 't' })));
  void processor.publish({ type: 't', key: 'the next in its place' });
  let isIdle = false;
  void processor.whenIdle({ key: 'k' }).then(() => {
    isIdle = true;
  });
  await settle();
  expect(isIdle).toBe(false);
  await finish(0);
  clock.step();
  await settle();
  groups[0]?.resolve(resultOf(1));
  await settle();
  expect([isIdle, processor.stats().waiting + processor.stats().inFlight]).toEqual([true, 16]);
});

test('process needs no look at the store', async () => {
  const processed = processor.process({ type: 't' });
  await settle();
  await finish(0, 3);
  groups[0]?.resolve(resultOf(1));
  await settle();
  expect(await processed).toMatchObject({ status: 'succeeded', result: 'xxx' });
  expect(reads).toEqual([]);
});

test('a report is not decoded for a listener of other types', async () => {
  processor.subscribe('other', () => {});
  processor.subscribe({ key: 'k' }, () => {});
  await processor.publish({ type: 't' });
  await settle();
  const batch = batches[0] as (typeof batches)[number];
  // These rows cannot be read.
  batch.resolve({ ...report(batch.message), rows: new ArrayBuffer(3) });
  await settle();
  expect([processor.phase, groups.length]).toEqual(['running', 1]);
});

test('a try that becomes due while a turn is under way is not slept through', async () => {
  for (let beforeMs = -10; beforeMs < 20; beforeMs += 0.5) {
    clock = new SimulatedClock({ tickMs: 1 });
    batches = [];
    await processor.abort();
    processor = make({});
    await processor.publish({ type: 't' });
    await steps();
    const { message, resolve } = batches[0]!;
    const results = Uint8Array.of(handlerResult.retrying);
    resolve({ ...report(message), results, rowCount: 0, delaysMs: Float64Array.of(50) });
    clock.alarm(50 - beforeMs, () => void processor.publish({ type: 't' }));
    // Nothing else happens that would have it look again: the other event runs and does not end.
    await steps();
    expect(batches.length, `published ${beforeMs} ms before`).toBe(3);
  }
});

test('keeps nobody waiting for an answer of the writer that no turn has taken in', async () => {
  let answer = (_: DeadLettersResult): void => {};
  const deadLetters = () => new Promise<DeadLettersResult>((resolve) => (answer = resolve));
  processor = make({}, { deadLetters });
  processor.start();
  const call = expect(processor.redrive({})).rejects.toMatchObject({ code: 'aborted' });
  await settle();
  answer({ count: 1, parked: 0, withoutEvent: 0, lanes: [], next: null });
  for (let hop = 0; hop < 8; hop += 1) await null;
  await processor.abort();
  await call;
});
