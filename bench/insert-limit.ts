// What one thread can insert: the rows that the no-op cell stores, ready made, in order, through the store itself with
// nothing else running; with intake `journal` the row of the event as well, in one transaction with outcomes as the
// processor makes them. Called as `node insert-limit.js <events> <durability> <intake>`; prints events per second.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Durability, IntakeMode } from '../src/index.js';
import { EventsJoiner } from '../src/joined-events.js';
import { RowsBuilder, verdict } from '../src/outcome.js';
import type { GroupRequest } from '../src/store/messages.js';
import { Store } from '../src/store/store.js';

const rows = Number(process.argv[2]);
const durability = process.argv[3] as Durability;
const intake = process.argv[4] as IntakeMode;
const groupSize = 4096;
const padding = 'x'.repeat(80);

const folder = await mkdtemp(join(tmpdir(), 'keylane-bench-'));
try {
  console.log(JSON.stringify({ eventsPerSecond: insert(join(folder, 'limit.db')) }));
} finally {
  await rm(folder, { recursive: true });
}

function insert(path: string): number {
  const store = Store.open({ path, durability, handlerNames: ['no-op'], retention: null, order: 'key' });
  const { partition } = store.openJournal({ isVolatile: intake === 'memory' });
  const groups: GroupRequest[] = [];
  for (let first = 1; first <= rows; first += groupSize) {
    const count = Math.min(groupSize, rows - first + 1);
    groups.push({
      events: intake === 'journal' ? events(first, count) : null,
      rows: [outcomes(first, { count, partition })],
      watermarks: [],
      parked: [],
    });
  }
  const startMs = performance.now();
  for (const group of groups) {
    store.append(group);
    store.tend();
  }
  const seconds = (performance.now() - startMs) / 1000;
  store.close([]);
  return rows / seconds;
}

function outcomes(first: number, of: { count: number; partition: number }): ArrayBuffer {
  const builder = new RowsBuilder(of.count);
  for (let position = first; position < first + of.count; position += 1) {
    builder.add({
      ...{ partition: of.partition, position, handler: 0, verdict: verdict.succeeded, attempts: 1 },
      ...{ startedAtUs: 1.7e15, dueAtUs: 0, extras: null, data: null },
      ...{ durationUs: 1, id: null, type: 'no-op', key: keyOf(position), result: String(position), error: null },
    });
  }
  return builder.finish();
}

function events(first: number, count: number): GroupRequest['events'] {
  const joiner = new EventsJoiner(count);
  for (let n = first; n < first + count; n += 1) {
    joiner.add({ type: 'no-op', key: keyOf(n), id: null, extras: null, data: JSON.stringify({ n, padding }) });
  }
  return { ...joiner.finish(), positionFirst: first, handlers: new Int32Array(count), acceptedAtUs: 1.7e15 };
}

function keyOf(n: number): string {
  return `key-${n % 1000}`;
}
