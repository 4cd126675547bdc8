// What one thread can insert: the rows that the no-op cell stores, ready made, in order, through the store itself with
// nothing else running. Called as `node insert-limit.js <rows> <durability>`; prints rows per second as JSON.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Durability } from '../src/index.js';
import { RowsBuilder } from '../src/outcome.js';
import { Store } from '../src/store/store.js';

const rows = Number(process.argv[2]);
const durability = process.argv[3] as Durability;
const groupSize = 4096;

const folder = await mkdtemp(join(tmpdir(), 'keylane-bench-'));
try {
  console.log(JSON.stringify({ rowsPerSecond: insert(join(folder, 'limit.db')) }));
} finally {
  await rm(folder, { recursive: true });
}

function insert(path: string): number {
  const store = Store.open({ path, durability, handlerNames: ['no-op'], retention: null });
  const { partition } = store.openPartition('journal');
  const builder = new RowsBuilder(groupSize);
  const groups: ArrayBuffer[] = [];
  for (let position = 1; position <= rows; position += 1) {
    builder.add({
      ...{ partition, position, handler: 0, succeeded: true, attempts: 1, startedAtUs: 1.7e15, durationUs: 1 },
      ...{ id: null, type: 'no-op', key: `key-${position % 1000}`, result: String(position), error: null },
    });
    if (builder.count === groupSize || position === rows) groups.push(builder.finish());
  }
  const startMs = performance.now();
  for (const group of groups) store.append({ events: null, rows: [group], watermarks: [] });
  const seconds = (performance.now() - startMs) / 1000;
  store.close([]);
  return rows / seconds;
}
