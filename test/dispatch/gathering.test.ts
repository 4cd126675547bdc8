// When events wait for more of their keys, and that nothing else does.

import { expect, test } from 'vitest';
import { Dispatcher } from '../../src/dispatch/dispatcher.js';
import { configFrom } from '../../src/options.js';

/** Handlers that keep state or not, and events of so long each; all keys are warm. */
function bench({ eventUs = 10, stateful = [true] } = {}) {
  const config = configFrom({ handlers: 'none', store: 'none', threads: 1 });
  const dispatcher = new Dispatcher({
    ...{ ...config, rateLimit: null, widest: 1, handlerCount: stateful.length, breaker: null },
    parks: stateful.map(() => false),
    states: { stateful, bytesMax: 1e6 },
  });
  dispatcher.openPartition(1, 0);
  let position = 0;
  const admit = (count: number, handler = 0): void => {
    for (let n = 0; n < count; n += 1) {
      const event = { type: 't', key: `k${n % 100}`, id: null, extras: null, data: null };
      dispatcher.admit(event, { partition: 1, position, handler });
      position += 1;
    }
    const wish = dispatcher.states!.wish();
    if (wish !== null) dispatcher.states!.answer(wish, Array(wish.lanes.length).fill(null));
  };
  /** How many events depart now, in all batches that do. */
  const depart = (nowMs: number): number => {
    let count = 0;
    for (let batch = dispatcher.nextBatch(1, nowMs); batch !== null; batch = dispatcher.nextBatch(1, nowMs)) {
      const results = new Uint8Array(batch.slots.length);
      count += results.length;
      dispatcher.confirm(
        dispatcher.settle(batch, { results, delaysMs: null, busyUs: results.length * eventUs }, nowMs),
      );
    }
    return count;
  };
  admit(1);
  expect(depart(0)).toBe(1);
  return { dispatcher, admit, depart };
}

test('what comes one by one waits for nothing, and what comes in bulk until no more does', () => {
  const { admit, depart } = bench();
  admit(255);
  expect(depart(1)).toBe(255);
  admit(300);
  expect(depart(1)).toBe(0);
  admit(100);
  expect(depart(2)).toBe(400);
});

test('it waits 10 ms at the most, while it is looked at again and again', () => {
  const { dispatcher, admit, depart } = bench({ eventUs: 1 });
  for (const nowMs of [1, 5, 10.9]) {
    admit(300);
    expect(depart(nowMs)).toBe(0);
    expect(dispatcher.departures.isGathering).toBe(true);
  }
  admit(300);
  expect(depart(11)).toBe(1200);
  expect(dispatcher.departures.isGathering).toBe(false);
  admit(300);
  expect(depart(12)).toBe(0);
});

test('nor once there is enough to do for each thread', () => {
  const { admit, depart } = bench();
  admit(499);
  expect(depart(1)).toBe(0);
  admit(256);
  expect(depart(1)).toBe(755);
});

test('nothing does where a handler keeps no state', () => {
  const { admit, depart } = bench({ stateful: [true, false] });
  admit(400);
  admit(10, 1);
  expect(depart(1)).toBe(410);
});

test('what is paused meanwhile is not waited for', () => {
  const { dispatcher, admit, depart } = bench();
  admit(300);
  expect([depart(1), dispatcher.departures.isGathering]).toEqual([0, true]);
  dispatcher.pause({ handler: 0, key: null });
  expect([depart(1), dispatcher.departures.isGathering]).toEqual([0, false]);
  dispatcher.resume(null);
  expect(depart(1)).toBe(300);
});
