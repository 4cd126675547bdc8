// When a try is told to end, on a clock that moves by hand: its time begins with its handler's call. And who is charged
// when a thread has died.

import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { systemClock } from '../src/clock.js';
import { handlerResult, type Policy } from '../src/handler.js';
import { batchMessage } from '../src/pool/batch-message.js';
import { Overseer } from '../src/pool/overseer.js';
import { PendingBatch } from '../src/pool/pending-batch.js';
import { abortFlag, Progress } from '../src/pool/progress.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const policy: Policy = {
  ...{ attemptsMax: 1, backoffMsMin: 0, backoffMsMax: 0, timeoutMs: 60, graceMs: 40, onDeadLetter: 'continue' },
};
const nowUs = (): number => Date.now() * 1000;

/** A thread that runs a batch of `count` events of one handler, and who watches it. */
function makeBatch(count: number, { limit = {} }: { limit?: Partial<Policy> } = {}) {
  const event = { type: 't', key: null, id: null, extras: null, data: null };
  const owed = { partition: 1, handler: 0, attempt: 1, postponed: 0, run: -1, event };
  const events = Array.from({ length: count }, (_, position) => ({ ...owed, position }));
  const batches: PendingBatch[] = [];
  const addBatch = (at: number): PendingBatch => {
    const added = new PendingBatch(batchMessage(events, { place: at, nameOf: () => 'journal' }));
    added.threadId = 7;
    batches.push(added);
    return added;
  };
  const batch = addBatch(0);
  const progress = Progress.ofPlaces(2, { batchSizeMax: count });
  const ended: number[] = [];
  const loop = { isStill: false };
  const overseer = new Overseer({
    ...{
      progress,
      machine: { nowUs, alarm: systemClock.alarm },
      policies: [{ ...policy, ...limit }],
      names: ['t'],
      isJournaled: false,
      errorSizeMax: 1024,
    },
    ...{ batches: () => batches, endThread: (threadId) => void ended.push(threadId) },
    idleMs: () => (loop.isStill ? 5 : nowUs() / 1000),
  });
  overseer.reset(batch.message);
  overseer.watch();
  const place = progress.place(0);
  /** Runs an event for so long; one that is told to end takes no notice. */
  const run = (index: number, ms: number): void => {
    const startedAtUs = nowUs();
    place.begin(index, startedAtUs);
    vi.advanceTimersByTime(ms);
    const tried = { result: handlerResult.succeeded, isTried: true, value: null, error: null, emitted: null };
    place.finish(index, { ...tried, delayMs: 0, startedAtUs, durationUs: ms * 1000 });
  };
  return {
    run,
    ended,
    loop,
    place,
    batch,
    batches,
    addBatch,
    overseer,
    flags: () => events.map((_, index) => place.flagOf(index)),
  };
}

test('the time of a try begins when its handler is called, not when its batch was sent or begun', () => {
  const { run, flags, ended } = makeBatch(4);
  vi.advanceTimersByTime(200);
  for (const index of [0, 1, 2]) run(index, 50);
  expect(flags()).toEqual([0, 0, 0, 0]);
  run(3, 90);
  expect(flags()).toEqual([0, 0, 0, abortFlag.timedOut]);
  expect(ended).toEqual([]);
});

test('a try that takes no notice for graceMs has its thread ended, once', () => {
  const { run, ended } = makeBatch(1);
  run(0, 1_000);
  expect(ended).toEqual([7]);
});

const exit = new Error('worker exited with code: 7');
const heap = Object.assign(new Error('the heap is full'), { code: 'ERR_WORKER_OUT_OF_MEMORY' });
test.each([
  { what: 'an exit before its handler gave a promise', came: 'failed' },
  { what: 'an exit while it was awaited', isAwaited: true, came: 'doubted' },
  { what: 'an error while it was awaited', isAwaited: true, reason: new Error('left'), came: 'doubted' },
  { what: 'its heap while it was awaited', isAwaited: true, reason: heap, came: 'failed' },
  { what: 'its end when it was cancelled', isAwaited: true, isCancelled: true, came: 'cancelled' },
  { what: 'an exit, as the first of its thread', isAwaited: true, ranBefore: 0, before: 0, came: 'failed' },
  { what: 'an exit, as the first of its batch', isAwaited: true, before: 0, came: 'doubted' },
  { what: 'an exit, as the second of its thread', isAwaited: true, ranBefore: 0, came: 'doubted' },
] as const)('of an event whose thread died of $what: $came', (row) => {
  const { isAwaited, isCancelled, reason, ranBefore, before, came } = {
    ...{ isAwaited: false, isCancelled: false, reason: exit, ranBefore: 5, before: 1, ...row },
  };
  const { run, place, overseer, batch } = makeBatch(3);
  place.open(ranBefore);
  for (let index = 0; index < before; index += 1) run(index, 1);
  place.begin(before, nowUs());
  if (isAwaited) place.awaits(before);
  if (isCancelled) overseer.cancel(0, before);
  const { results, rowCount } = overseer.reportOfLost(batch, reason);
  const expected = Array<number>(3).fill(handlerResult.skipped);
  expected.fill(handlerResult.succeeded, 0, before)[before] = handlerResult[came];
  expect([...results]).toEqual(expected);
  expect(rowCount).toBe(came === 'doubted' ? before : before + 1);
  overseer.stop();
});

test('an event that begins while its thread is being ended for the one before is charged with nothing', () => {
  const { run, ended, place, batch, overseer } = makeBatch(2);
  run(0, 1_000);
  place.begin(1, nowUs());
  expect(ended).toEqual([7]);
  const { results } = overseer.reportOfLost(batch, new Error('worker exited with code: 1'));
  expect([...results]).toEqual([handlerResult.succeeded, handlerResult.skipped]);
});

test('a try whose thread has died runs into no time limit while the thread exits', () => {
  const { place, batch, flags } = makeBatch(1);
  place.begin(0, nowUs());
  batch.isLost = true;
  vi.advanceTimersByTime(1_000);
  expect(flags()).toEqual([0]);
});

test('a thread that does not get to its next event is ended, and nobody is charged with what it executes', () => {
  const { run, place, overseer, batch, ended, flags } = makeBatch(3);
  run(0, 10);
  vi.advanceTimersByTime(900);
  expect(ended).toEqual([]);
  run(1, 0);
  vi.advanceTimersByTime(900);
  expect(ended).toEqual([]);
  vi.advanceTimersByTime(200);
  expect(ended).toEqual([7]);
  expect(flags()).toEqual([0, 0, 0]);
  // It may get there just before it exits.
  place.begin(2, nowUs());
  const { results } = overseer.reportOfLost(batch, exit);
  expect([...results]).toEqual([handlerResult.succeeded, handlerResult.succeeded, handlerResult.skipped]);
});

test('a batch that waits behind another in its thread, or for a thread, does not have that ended', () => {
  const { run, batch, addBatch, ended } = makeBatch(2, { limit: { timeoutMs: 6_000, graceMs: 40 } });
  const behind = addBatch(1);
  for (const index of [0, 1]) run(index, 5_000);
  expect(ended).toEqual([]);
  batch.isLost = true;
  behind.threadId = 0;
  vi.advanceTimersByTime(12_000);
  expect(ended).toEqual([]);
});

test.each([
  { what: 'waits for what never comes', isStill: false, came: handlerResult.failed },
  { what: 'may be kept from going on by what another left', isStill: true, came: handlerResult.doubted },
  {
    what: 'is kept from going on, as the first of its thread',
    isStill: true,
    ranBefore: 0,
    came: handlerResult.failed,
  },
  { what: 'loops before it gives a promise', isStill: true, isAwaited: false, came: handlerResult.failed },
])(
  'an awaited event that runs into its limit and $what: $came',
  ({ isStill, came, ranBefore = 5, isAwaited = true }) => {
    const { place, loop, overseer, batch, ended } = makeBatch(1);
    loop.isStill = isStill;
    place.open(ranBefore);
    place.begin(0, nowUs());
    if (isAwaited) place.awaits(0);
    vi.advanceTimersByTime(200);
    expect(ended).toEqual([7]);
    expect([...overseer.reportOfLost(batch, exit).results]).toEqual([came]);
  },
);
