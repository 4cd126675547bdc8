// The wire to the writer thread: every call settles, whatever becomes of the thread, and nothing is left at the end.

import { readdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { StoreWriter } from '../dist/src/store/store-writer.js';
import { atPath, Heard, joined, read, requestFor, rowOf, withWriter } from './store-fixture.js';

const group = (from: number, count = 1) => ({
  events: null,
  rows: [joined(Array.from({ length: count }, (_, index) => rowOf(from + index)))],
  watermarks: [],
  parked: [],
});

describe('the writer', () => {
  it('opens, stores and closes, and leaves one file and its lock', () =>
    atPath((path) =>
      withWriter(requestFor(path), async ({ writer, fatal }) => {
        const { partition } = await writer.openPartition('p');
        await writer.setFingerprint(partition, 'f');
        expect(await writer.append(group(0, 3))).toMatchObject({ stored: 3, ignored: 0 });
        await writer.close([{ partition, watermark: 3 }]);
        expect(readdirSync(dirname(path))).toEqual(['out.db', 'out.db-lock']);
        expect(read(path, 'SELECT watermark, fingerprint FROM partition WHERE id = 2')).toEqual([
          { watermark: 3, fingerprint: 'f' },
        ]);
        expect(fatal.codes).toEqual([]);
      }),
    ));

  it('leaves the bytes of the rows where they are, to send them again', () =>
    atPath((path) =>
      withWriter(requestFor(path), async ({ writer }) => {
        await writer.openPartition('p');
        const sent = group(0, 100);
        const bytes = sent.rows[0]?.byteLength;
        await writer.append(sent);
        expect(sent.rows[0]?.byteLength).toBe(bytes);
      }),
    ));

  it('answers the calls made before close', () =>
    atPath((path) =>
      withWriter(requestFor(path), async ({ writer }) => {
        await writer.openPartition('p');
        const calls = [group(0), group(1), group(2)].map((each) => writer.append(each));
        const closed = writer.close([]);
        expect((await Promise.all(calls)).map((result) => result.stored)).toEqual([1, 1, 1]);
        await closed;
      }),
    ));

  it('refuses calls once it closes, and closes once however often it is told', () =>
    atPath((path) =>
      withWriter(requestFor(path), async ({ writer }) => {
        const closed = writer.close([]);
        await expect(writer.append(group(0))).rejects.toMatchObject({ code: 'not-running' });
        await Promise.all([closed, writer.close([])]);
        await writer.abort();
        await expect(writer.openPartition('p')).rejects.toMatchObject({ code: 'not-running' });
      }),
    ));

  it('says what SQLite said when a group cannot be stored, and refuses the next one', () =>
    atPath((path) =>
      withWriter(requestFor(path), async ({ writer }) => {
        await writer.openPartition('p');
        const broken = {
          events: null,
          rows: [joined([rowOf(0, { attempts: Number.NaN })])],
          watermarks: [],
          parked: [],
        };
        const failure = {
          code: 'store-failed',
          message: expect.stringContaining('SQLITE_CONSTRAINT'),
          cause: { name: 'SqliteError', code: expect.stringContaining('SQLITE_CONSTRAINT') },
        };
        await expect(writer.append(broken)).rejects.toMatchObject(failure);
        await expect(writer.append(group(1))).rejects.toMatchObject(failure);
      }),
    ));
});

describe('an open that fails', () => {
  it('leaves no thread and no lock', () =>
    atPath(async (path) => {
      writeFileSync(path, '');
      const [fatal, warnings] = [new Heard(), new Heard()];
      const threads: Worker[] = [];
      const seen = (thread: Worker) => threads.push(thread);
      process.on('worker', seen);
      const opened = StoreWriter.open({ ...requestFor(path), onFatal: fatal.hear, onWarning: warnings.hear });
      await expect(opened).rejects.toMatchObject({ code: 'store-refused' });
      process.off('worker', seen);
      // A thread that has ended has no id.
      expect(threads.map((thread) => thread.threadId)).toEqual([-1]);
      expect([...fatal.codes, ...warnings.codes]).toEqual([]);
      expect(readdirSync(dirname(path))).toEqual(['out.db']);
    }));
});

describe('abort', () => {
  it('rejects what is pending, closes the store and reports no death', () =>
    atPath((path) =>
      withWriter(requestFor(path), async ({ writer, fatal }) => {
        await writer.openPartition('p');
        const pending = writer.append(group(0));
        const aborted = writer.abort();
        await expect(pending).rejects.toMatchObject({ code: 'aborted' });
        await aborted;
        expect(fatal.codes).toEqual([]);
        expect(readdirSync(dirname(path))).toEqual(['out.db', 'out.db-lock']);
      }),
    ));
});
