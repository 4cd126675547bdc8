// `node dist/scripts/make-store-fixture.js`, after a build: makes test/fixtures/stores/schema-<version>.db, a store of
// the newest schema with something of everything in it. Run once for each new schema, before its release; a fixture that
// is there is what was released, and is left alone.

import { existsSync, rmSync } from 'node:fs';
import { encodeEvent, type SourceEvent } from '../src/event.js';
import { EventsJoiner } from '../src/joined-events.js';
import { type OutcomeRow, RowsBuilder, verdict } from '../src/outcome.js';
import { FlightLog } from '../src/store/flight-log.js';
import { schemaVersion } from '../src/store/schema.js';
import { Store } from '../src/store/store.js';

const path = `test/fixtures/stores/schema-${schemaVersion}.db`;
const handlerNames = ['order.placed', 'order.paid'];
const timeUs = 1_790_000_000_000_000;
const limits = { dataSizeMax: 1_000_000, keySizeMax: 1_000, headersSizeMax: 1_000 };

/**
 * Positions 1, 2 and 5 have their outcomes; 3 is charged with a death; 3, 4 and 6 are owed theirs; 4 waits. 7 is owed to
 * both handlers, and has the outcome of the first.
 */
const events: readonly SourceEvent[] = [
  { type: 'order.placed', key: 'ada', id: 'a-1', data: { n: 1 } },
  { type: 'order.paid', key: 'lone \ud800', id: 'done \udc00', data: Uint8Array.of(1, 2, 3) },
  { type: 'order.placed', key: 'ada', id: 'a-3', data: { n: 3 }, time: '2026-11-23T10:00:00Z', headers: { h: 'v' } },
  { type: 'order.paid', key: 'lone \ud800', id: 'owed \udc00', data: Uint8Array.of(4) },
  { type: 'order.placed', key: 'bob', data: { n: 5 } },
  { type: 'order.placed', data: { n: 6 } },
  { type: 'order.refunded', key: 'ada', data: { n: 7 }, version: 2, correlationId: 'a-1', causationId: 'a-3' },
];

if (existsSync(path)) throw new Error(`${path} must not be there yet: a released schema never changes`);
const request = { path, durability: 'power', handlerNames, retention: null, order: 'key' } as const;
const first = Store.open(request);
const { partition: journal } = first.openJournal({ isVolatile: false });
const { partition: file } = first.openPartition('file:/orders.ndjson');
first.setFingerprint(file, 'fp');
first.append({
  events: journaled(),
  rows: [outcomes()],
  watermarks: [{ partition: file, watermark: 6 }],
  parked: [{ handler: 1, key: 'lone \ud800', partition: journal, position: 2, eventHandler: 1 }],
});
const identity = { partition: 'file:/orders.ndjson', position: 5 };
first.deadLetters({ wanted: { identity }, reason: 'too old', atUs: timeUs, countMax: 10, after: null });
const flight = new FlightLog(path, { epoch: first.opened.epoch, batchSizeMax: 8, handlerIds: [1, 2], onWarning: fail });
flight.depart(0, { events: [{ partition: journal, position: 3, handler: 0 }], alone: true });
first.close(null);

const second = Store.open(request);
second.openJournal({ isVolatile: false });
second.openPartition('file:/orders.ndjson');
second.close([
  { partition: journal, watermark: 3, positionNext: 8 },
  { partition: file, watermark: 6, positionNext: 8 },
]);
flight.close();
rmSync(`${path}-lock`);
console.log(`made ${path}: commit it`);

function journaled(): Parameters<Store['append']>[0]['events'] {
  const joiner = new EventsJoiner(events.length);
  // The last one was emitted.
  for (const [index, event] of events.entries()) joiner.add(encodeEvent(event, limits, index === 6 ? 1 : 0));
  // Of the type that is no handler's name: that of the route of both.
  const handlers = Int32Array.from(events, ({ type }) => handlerNames.indexOf(type));
  return { ...joiner.finish(), positionFirst: 1, handlers, routes: [[0, 1]], acceptedAtUs: timeUs };
}

function outcomes(): ArrayBuffer {
  const ofEvent = (position: number): Pick<OutcomeRow, 'handler' | 'id' | 'type' | 'key'> => {
    const { type, id = null, key = null } = events[position - 1]!;
    return { handler: handlerNames.indexOf(type), id, type, key };
  };
  const common = { attempts: 1, durationUs: 12, startedAtUs: timeUs, dueAtUs: 0, result: null, error: null };
  const ofJournal = (position: number): OutcomeRow => ({
    ...{ ...common, ...ofEvent(position), partition: journal, position },
    ...{ verdict: verdict.succeeded, extras: null, data: null },
  });
  const error = '{"name":"Error","message":"no"}';
  const failed = { attempts: 5, error };
  const builder = new RowsBuilder(9);
  builder.add({ ...ofJournal(1), result: '{"risk":1}' });
  builder.add({ ...ofJournal(2), ...failed, verdict: verdict.deadLettered });
  builder.add({ ...ofJournal(5), result: Uint8Array.of(1, 2, 3) });
  builder.add({ ...ofJournal(1), partition: file, position: 7, id: null });
  // Behind the lane that 2 stops; and one of the file, which the journal does not hold.
  builder.add({ ...ofJournal(4), verdict: verdict.waiting });
  builder.add({ ...ofJournal(4), partition: file, position: 4, id: null, verdict: verdict.waiting, data: '{"n":4}' });
  builder.add({ ...ofJournal(7), handler: 0, result: '7' });
  // A try of 6 has failed, and the next is due; 5 of the file is discarded.
  builder.add({ ...ofJournal(6), error, verdict: verdict.tryFailed, dueAtUs: timeUs + 1_000_000 });
  builder.add({ ...ofJournal(1), ...failed, partition: file, position: 5, verdict: verdict.deadLettered, data: '5' });
  return builder.finish();
}

function fail(error: Error): never {
  throw error;
}
