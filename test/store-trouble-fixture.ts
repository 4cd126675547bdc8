// What the tests of the store's trouble share: threads that come to harm, a small disk, and a store that notes in which
// order its outcomes came.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setEnvironmentData } from 'node:worker_threads';
import Database from 'better-sqlite3';
import type { GroupRequest } from '../dist/src/store/messages.js';
import { Store } from '../dist/src/store/store.js';
import { joined, read, requestFor, rowOf } from './store-fixture.js';

export interface Harm {
  readonly verb: string;
  /** The how-manieth call of that verb. */
  readonly at: number;
  readonly when: 'before' | 'after';
  readonly how: 'exit' | 'throw' | 'hang';
  readonly times: number;
}

/** Has the threads that start while it runs come to harm; give `harmedUrl` as their entry point. */
export async function withHarm({ times, ...harm }: Harm, run: () => Promise<void>): Promise<void> {
  const counter = new SharedArrayBuffer(4);
  new Int32Array(counter)[0] = times;
  setEnvironmentData('harm', { ...harm, counter });
  try {
    await run();
  } finally {
    setEnvironmentData('harm', undefined);
  }
}

export const harmedUrl = new URL('./fixtures/harmed-writer.js', import.meta.url);

/** A group of one outcome, as large as is wished. */
export function groupOf(position: number, size = 1): GroupRequest {
  const row = rowOf(position, { result: JSON.stringify('x'.repeat(size)) });
  return { events: null, rows: [joined([row])], watermarks: [], parked: [] };
}

/** Makes a store with the partition of `groupOf`, which keeps a record of the order in which outcomes are stored. */
export function makeRecordingStore(path: string): void {
  const store = Store.open(requestFor(path));
  store.openPartition('p');
  store.close([]);
  const db = new Database(path);
  db.exec(`
    CREATE TABLE test_order (nth INTEGER PRIMARY KEY, position INTEGER NOT NULL);
    CREATE TRIGGER test_record AFTER INSERT ON outcome BEGIN
      INSERT INTO test_order (position) VALUES (new.position);
    END`);
  db.close();
}

export function recordedOrder(path: string): unknown[] {
  return read(path, 'SELECT position FROM test_order ORDER BY nth').map(({ position }) => position);
}

export function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/** Whether this user may mount a file system. */
export const mayMount = canMount();

/** A folder on a disk of its own, as small as is wished; gone whatever the test does. */
export async function onSmallDisk(size: string, run: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'keylane-disk-'));
  mount(folder, size);
  try {
    await run(folder);
  } finally {
    spawnSync('umount', ['--lazy', folder]);
    rmdirSync(folder);
  }
}

function canMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'keylane-disk-'));
  const isMounted = mount(folder, '1m');
  if (isMounted) spawnSync('umount', [folder]);
  rmdirSync(folder);
  return isMounted;
}

function mount(folder: string, size: string): boolean {
  return spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder]).status === 0;
}
