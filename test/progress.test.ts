// What a thread leaves in shared memory: whatever came of an event is read back as it was, by who outlives the thread.

import { expect, test } from 'vitest';
import type { EncodedEvent } from '../src/event.js';
import { handlerResult } from '../src/handler.js';
import type { EndedTry } from '../src/pool/ended-try.js';
import { ledgerBytesMax } from '../src/pool/place-layout.js';
import { Progress } from '../src/pool/progress.js';

function ended(of: Partial<EndedTry>): EndedTry {
  return {
    ...{ result: handlerResult.succeeded, isTried: true, startedAtUs: 5, durationUs: 3, delayMs: 0 },
    ...{ value: null, error: null, emitted: null, ...of },
  };
}

const event = (key: string, data: string | Uint8Array | null): EncodedEvent => {
  return { type: 't', key, id: null, extras: '{"depth":1}', data };
};

/** The place as its thread has it, and as the main thread does. */
function ends() {
  const { shared } = Progress.ofPlaces(1, { batchSizeMax: 16 });
  const at = () => new Progress(shared, { batchSizeMax: 16 }).place(0);
  const [thread, main] = [at(), at()];
  main.reset(16);
  thread.open(0);
  return { thread, main };
}

test('values, errors and waits come back as they were written, whatever they hold', () => {
  const { thread, main } = ends();
  const tries = [
    ended({ value: '1' }),
    ended({ value: '' }),
    ended({ value: 'x'.repeat(24) }),
    ended({ value: 'x'.repeat(25) }),
    ended({ value: '"é"' }),
    ended({ value: `${'x'.repeat(20)}é` }),
    ended({ value: '"\ud83d\ude00"' }),
    ended({ value: Uint8Array.of(0, 255, 128) }),
    ended({ result: handlerResult.retrying, error: '{"name":"Ü"}', delayMs: 12.5 }),
    ended({ result: handlerResult.skipped, isTried: false }),
    ended({ value: '1', emitted: [event('a', '{"n":1}'), event('ü', Uint8Array.of(0, 255))] }),
    ended({ emitted: [event('b', null)] }),
    ended({ value: 'last' }),
  ];
  tries.forEach((one, index) => {
    thread.begin(index, 5);
    expect(thread.finish(index, one)).toBe(true);
  });
  expect([...main.ledger()]).toEqual(tries);
  expect(main.running()).toBeNull();
});

test('what was emitted does not fit where a result of its length would not', () => {
  const { thread, main } = ends();
  thread.begin(0, 5);
  expect(thread.finish(0, ended({ emitted: [event('a', 'x'.repeat(ledgerBytesMax))] }))).toBe(false);
  expect([[...main.ledger()], main.running()]).toEqual([[], null]);
});

test('a wait of the batch before is not taken for one of this batch', () => {
  const { thread, main } = ends();
  thread.finish(0, ended({ result: handlerResult.postponed, delayMs: 99 }));
  main.reset(1);
  thread.open(1);
  thread.finish(0, ended({ value: '1' }));
  expect([...main.ledger()]).toMatchObject([{ delayMs: 0, value: '1' }]);
});

test('a handler that gave a promise is awaited, until the next event or batch', () => {
  const { thread, main } = ends();
  thread.begin(0, 5);
  expect(main.isAwaited(0)).toBe(false);
  thread.awaits(0);
  expect(main.isAwaited(0)).toBe(true);
  thread.finish(0, ended({}));
  thread.begin(1, 6);
  expect(main.isAwaited(1)).toBe(false);
  main.reset(1);
  expect(main.isAwaited(0)).toBe(false);
});

test('an event whose result does not fit is no longer the one that runs, and those before it are kept', () => {
  const { thread, main } = ends();
  thread.begin(0, 5);
  thread.finish(0, ended({ value: 'kept' }));
  thread.begin(1, 6);
  expect(main.running()).toEqual({ index: 1, startedAtUs: 6, batchAtUs: 5 });
  expect(thread.finish(1, ended({ value: 'x'.repeat(ledgerBytesMax) }))).toBe(false);
  expect(main.running()).toBeNull();
  expect([...main.ledger()]).toMatchObject([{ value: 'kept' }]);
});

test('a result that fills what is left to the last byte fits, short or long, and one more does not', () => {
  for (const rest of [1, 30]) {
    const { thread, main } = ends();
    thread.finish(0, ended({ value: 'x'.repeat(ledgerBytesMax - rest) }));
    expect(thread.finish(1, ended({ value: 'y'.repeat(rest) }))).toBe(true);
    expect(thread.finish(2, ended({ value: 'z' }))).toBe(false);
    expect([...main.ledger()].map(({ value }) => value?.length)).toEqual([ledgerBytesMax - rest, rest]);
  }
});
