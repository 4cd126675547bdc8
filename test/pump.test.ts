// When a group of outcomes leaves for the writer. Threads answer when the test says so, time moves when it says so.

import { afterEach, beforeEach, expect, test } from 'vitest';
import { handlerResult } from '../src/handler.js';
import { configFrom } from '../src/options.js';
import { RowsBuilder } from '../src/outcome.js';
import { type BatchMessage, type BatchReport, numbersPerEvent } from '../src/pool/messages.js';
import { Processor } from '../src/processor.js';
import type { GroupRequest, GroupResult } from '../src/store/messages.js';
import { Trouble } from '../src/trouble.js';
import { SimulatedClock } from './simulation/simulated-clock.js';

let clock: SimulatedClock;
let batches: { message: BatchMessage; resolve: (report: BatchReport) => void }[];
let groups: { request: GroupRequest; resolve: (result: GroupResult) => void }[];
let processor: Processor;

beforeEach(() => {
  clock = new SimulatedClock();
  batches = [];
  groups = [];
  processor = make({});
});

afterEach(async () => {
  await processor.abort();
});

function make(options: { groupWaitMs?: number; groupSizeMax?: number; unacknowledgedBytesMax?: number }): Processor {
  return new Processor({
    config: configFrom({ handlers: 'none', store: 'none', threads: 1, batchSizeMax: 1, groupWaitMs: 7, ...options }),
    table: { names: ['t'], takes: 'its-own-type' },
    journal: { partition: 1, watermark: 0, durable: new Float64Array(0), positionNext: 1, fingerprint: null },
    clock,
    trouble: new Trouble(),
    pool: {
      ...{ threads: 1, places: 2, close: async () => {}, abort: async () => {} },
      run: (message) => new Promise((resolve) => batches.push({ message, resolve })),
    },
    writer: {
      append: (request) => new Promise((resolve) => groups.push({ request, resolve })),
      openPartition: () => Promise.reject(new Error('not used')),
      ...{ setFingerprint: async () => {}, close: async () => {}, abort: async () => {} },
    },
  });
}

/** Delivers what promises have to say, and every wake-up that is due now. */
async function settle(): Promise<void> {
  for (let round = 0; round < 10; round += 1) {
    for (let hop = 0; hop < 8; hop += 1) await null;
    if (clock.nextAtMs() === clock.nowMs()) clock.step();
  }
}

function report(message: BatchMessage, resultBytes = 0): BatchReport {
  const builder = new RowsBuilder(message.count);
  for (let index = 0; index < message.count; index += 1) {
    const [partition, position] = message.numbers.subarray(index * numbersPerEvent) as unknown as [number, number];
    const text = { id: null, type: 't', key: null, result: 'x'.repeat(resultBytes), error: null };
    const numbers = { partition, position, handler: 0, attempts: 1, startedAtUs: 0, durationUs: 0 };
    builder.add({ ...numbers, ...text, succeeded: true });
  }
  const results = new Uint8Array(message.count).fill(handlerResult.succeeded);
  return { results, rows: builder.finish(), rowCount: message.count, failedCount: 0, busyUs: 1 };
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
  for (const group of groups) group.resolve({ stored: 1, ignored: 0, busyUs: 1, walBytes: 0 });
  await settle();
  expect(batches).toHaveLength(4);
});

test('trouble of the writer fails the processor: those who wait are refused, and it says why', async () => {
  const told: string[] = [];
  processor.on('fatal', (error) => told.push(error.code));
  await processor.publish({ type: 't' });
  const drained = processor.drain();
  drained.catch(() => {});
  await settle();
  batches[0]?.resolve({ results: new Uint8Array(9), rows: new ArrayBuffer(0), rowCount: 0, failedCount: 0, busyUs: 0 });
  await settle();
  expect(told).toEqual(['internal']);
  expect(processor.phase).toBe('failed');
  await expect(drained).rejects.toMatchObject({ code: 'internal' });
  await expect(processor.publish({ type: 't' })).rejects.toMatchObject({ code: 'internal' });
});
