// The journal's window by itself: which events reach the ring, in which order, whatever the pages bring.

import { expect, test } from 'vitest';
import { Dispatcher } from '../src/dispatch/dispatcher.js';
import { DueTimes } from '../src/due-times.js';
import type { EncodedEvent } from '../src/event.js';
import { EventsJoiner } from '../src/joined-events.js';
import { Journal } from '../src/journal.js';
import { configFrom } from '../src/options.js';
import { Partitions } from '../src/partitions.js';
import type { JournalPage } from '../src/store/messages.js';
import { SimulatedClock } from './simulation/simulated-clock.js';

const event: EncodedEvent = { type: 't', key: 'k', id: null, extras: null, data: '1' };
const nothing = {
  ...{ suspects: new Float64Array(0), retries: new Float64Array(0) },
  ...{ lanes: [], widest: 1, handlerIds: Int32Array.of(1) },
};
const owed = { event, route: [0], waiter: null };

/** A journal of which positions 1 to 3 are owed from before, and 4 is the next. */
function makeWindow({ parked } = { parked: 0 }) {
  const config = configFrom({ handlers: 'none', store: 'none', threads: 1, ringSize: 16 });
  const dispatcher = new Dispatcher({
    ...{ ...config, handlerCount: 1, widest: 1, parks: [false], breaker: null, rateLimit: null },
  });
  const partitions = new Partitions(dispatcher, new DueTimes(new SimulatedClock(), []));
  const warnings: string[] = [];
  const onWarning = ({ message }: Error): void => void warnings.push(message);
  const start = { partition: 1, watermark: 1, positionUnused: 4, pending: 3, parked, ...nothing };
  const journal = new Journal(start, {
    ...{ dispatcher, partitions, onWarning, pageBytesMax: 1000, widest: () => 1, room: () => dispatcher.room },
  });
  return { dispatcher, partitions, journal, warnings };
}

function pageOf(positions: readonly number[], change: Partial<JournalPage> = {}): JournalPage {
  const joiner = new EventsJoiner(positions.length);
  for (const _ of positions) joiner.add(event);
  return {
    ...{ events: joiner.finish(), positions: Float64Array.from(positions), parked: [], isLast: true },
    ...{ handlers: new Int32Array(positions.length), owedCounts: null, next: (positions.at(-1) ?? 0) + 1, ...change },
  };
}

test('new events wait behind the backlog, and go to the ring at once when it is there', () => {
  const { dispatcher, journal } = makeWindow();
  journal.take();
  journal.stored(owed, 4);
  expect([dispatcher.held, journal.backlog, journal.isInStep]).toEqual([0, 4, false]);
  expect(journal.wish({ room: dispatcher.room, sentNext: 5 })).toMatchObject({ from: 1, countMax: 16 });
  journal.turn(pageOf([1, 2, 3, 4]));
  expect([dispatcher.held, journal.backlog, journal.isInStep]).toEqual([4, 0, true]);
  journal.stored(owed, journal.take());
  expect([dispatcher.held, journal.backlog]).toEqual([5, 0]);
});

test('a page that is asked for again, after a death of the writer, may bring what is told as stored only then', () => {
  const { dispatcher, journal } = makeWindow();
  expect(journal.wish({ room: dispatcher.room, sentNext: 4 })).not.toBeNull();
  const position = journal.take();
  journal.turn(pageOf([1, 2, 3, position]));
  journal.stored(owed, position);
  expect([dispatcher.held, journal.backlog, journal.isInStep]).toEqual([4, 0, true]);
});

test('one page at a time is asked for, and none without room', () => {
  const { dispatcher, journal } = makeWindow();
  expect(journal.wish({ room: dispatcher.room, sentNext: 4 })).not.toBeNull();
  expect([journal.wish({ room: dispatcher.room, sentNext: 4 }), journal.reserved]).toEqual([null, 16]);
  journal.turn(pageOf([1, 2, 3], { isLast: false }));
  for (let position = 4; dispatcher.room > 0; position += 1) {
    dispatcher.admit(event, { partition: 1, position, handler: 0 });
  }
  expect([journal.wish({ room: dispatcher.room, sentNext: 4 }), journal.reserved]).toEqual([null, 0]);
});

test('events that are cancelled leave what they were counted in', () => {
  const { dispatcher, journal } = makeWindow({ parked: 2 });
  expect([journal.parked, journal.backlog]).toEqual([2, 3]);
  journal.left(2);
  journal.leftLane();
  expect([journal.parked, journal.backlog, journal.withdrawn]).toEqual([1, 2, 2]);
  journal.wish({ room: dispatcher.room, sentNext: 4 });
  journal.turn(pageOf([3], { next: 4, parked: [{ handler: 'gone', count: 1, positionFirst: 1 }] }));
  expect([journal.parked, journal.backlog]).toEqual([2, 0]);
  journal.left(1);
  expect([journal.parked, journal.backlog, journal.withdrawn]).toEqual([1, 0, 3]);
});

test('parked events are told of once for each handler, and hold the stored watermark', () => {
  const { dispatcher, partitions, journal, warnings } = makeWindow();
  const parked = (positionFirst: number) => [{ handler: 'gone', count: 1, positionFirst }];
  journal.wish({ room: dispatcher.room, sentNext: 4 });
  journal.turn(pageOf([], { next: 2, isLast: false, parked: parked(1) }));
  expect(warnings).toEqual([]);
  journal.wish({ room: dispatcher.room, sentNext: 4 });
  journal.turn(pageOf([2], { next: 4, parked: parked(3) }));
  expect(warnings).toEqual([expect.stringContaining('2 stored events are owed to handler "gone"')]);
  expect([journal.parked, journal.backlog]).toEqual([2, 0]);
  const batch = dispatcher.nextBatch(1, 0)!;
  dispatcher.confirm(dispatcher.settle(batch, { results: Uint8Array.of(0), delaysMs: null, busyUs: 1 }, 0));
  expect(dispatcher.watermark(1)).toBe(3);
  expect(partitions.takeMoved()).toEqual([]);
  // Another backlog has no news of them.
  while (journal.isInStep) journal.stored(owed, journal.take());
  const more = dispatcher.nextBatch(1, 0)!;
  dispatcher.confirm(
    dispatcher.settle(more, { results: new Uint8Array(more.slots.length), delaysMs: null, busyUs: 1 }, 0),
  );
  const { from } = journal.wish({ room: dispatcher.room, sentNext: 100 })!;
  journal.turn(pageOf([from]));
  expect(warnings).toHaveLength(1);
});
