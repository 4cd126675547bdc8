// The store in trouble: a full disk, files that go away, readers that stay. Whatever happens, every promise settles, and
// outcomes are stored once and in order.

import { once } from 'node:events';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { atPath, read, requestFor, withStore, withWriter } from './store-fixture.js';
import { groupOf, makeRecordingStore, mayMount, onSmallDisk, recordedOrder, upTo } from './store-trouble-fixture.js';

const quick = { beatMs: 20, retryMs: 10 };

describe.skipIf(!mayMount)('a full disk (skipped where no small disk can be mounted)', () => {
  it('holds what it has no room for, warns once, and goes on in order when there is room', () =>
    onSmallDisk('6m', async (folder) => {
      const path = join(folder, 'out.db');
      makeRecordingStore(path);
      writeFileSync(join(folder, 'ballast'), Buffer.alloc(5 * 1024 * 1024));
      await withWriter({ ...requestFor(path), limits: quick }, async ({ writer, warnings, fatal }) => {
        await writer.openPartition('p');
        const stored: number[] = [];
        const note = (position: number) => () => void stored.push(position);
        const appends = upTo(30).map((position) => writer.append(groupOf(position, 100_000)).then(note(position)));
        const [began] = await warnings.count(1);
        expect(began).toMatchObject({ code: 'store-full', message: expect.stringContaining(path) });
        expect(began?.message).toMatch(/\d+ bytes free .*make room/);
        const storedBefore = stored.length;
        expect(storedBefore).toBeLessThan(30);
        expect(recordedOrder(path)).toEqual(upTo(storedBefore));
        rmSync(join(folder, 'ballast'));
        await Promise.all(appends);
        expect(stored).toEqual(upTo(30));
        expect(recordedOrder(path)).toEqual(upTo(30));
        const [, over] = await warnings.count(2);
        expect(over).toMatchObject({ code: 'store-full', message: expect.stringContaining('has room again') });
        await writer.close([{ partition: 2, watermark: 30 }]);
        expect(warnings.errors.length).toBe(2);
        expect(fatal.codes).toEqual([]);
      });
      expect(read(path, 'SELECT watermark FROM partition WHERE id = 2')).toEqual([{ watermark: 30 }]);
    }));

  it('is waited for by close only so long, and then told as the reason', () =>
    onFullDisk(async ({ writer, held, path }) => {
      await expect(writer.close([])).rejects.toMatchObject({ code: 'store-full' });
      await expect(held).rejects.toMatchObject({ code: 'store-full' });
      expect(read(path, 'SELECT count(*) AS count FROM outcomes')).toEqual([{ count: 0 }]);
    }));

  it('does not keep abort', () =>
    onFullDisk(async ({ writer, held }) => {
      const rejected = expect(held).rejects.toMatchObject({ code: 'aborted' });
      await writer.abort();
      await rejected;
    }));

  it('outlasts the thread that met it', () =>
    onFullDisk(async ({ writer, held, path, thread, warnings, makeRoom }) => {
      const replaced = once(process, 'worker');
      void thread.terminate();
      await replaced;
      makeRoom();
      await held;
      expect(recordedOrder(path)).toEqual([0]);
      expect(warnings.codes).toEqual(['store-full', 'writer-died', 'store-full']);
      await writer.close([]);
    }));

  it('is waited for by close, which stores what is held', () =>
    onFullDisk(
      async ({ writer, held, path, makeRoom }) => {
        const closed = writer.close([]);
        makeRoom();
        await Promise.all([held, closed]);
        expect(recordedOrder(path)).toEqual([0]);
      },
      { closeMsMax: 30_000 },
    ));

  it('does not fail a store by a checkpoint', () =>
    onSmallDisk('40m', async (folder) => {
      const path = join(folder, 'out.db');
      const ballast = join(folder, 'ballast');
      makeRecordingStore(path);
      withStore(requestFor(path), (store) => {
        // More than the log may have before it is moved, and no room to move it to.
        for (const position of upTo(18)) store.append(groupOf(position, 1_000_000));
        writeFileSync(ballast, Buffer.alloc(20 * 1024 * 1024));
        store.tend();
        rmSync(ballast);
        expect(store.append(groupOf(18))).toMatchObject({ stored: 1 });
        store.tend();
        expect(store.append(groupOf(19)).gauges.walBytes).toBeLessThan(1_000_000);
      });
      expect(recordedOrder(path)).toEqual(upTo(20));
    }));
});

describe('a file that goes away', () => {
  const ways = [
    { name: 'the database is removed', harm: (path: string) => rmSync(path) },
    { name: 'the database is renamed', harm: (path: string) => renameSync(path, `${path}.old`) },
    { name: 'another file takes its name', harm: replace },
    { name: 'the log is removed', harm: (path: string) => rmSync(`${path}-wal`) },
    { name: 'another log takes its name', harm: (path: string) => replace(`${path}-wal`) },
  ];

  it.each(ways)('ends an idle writer: $name', ({ harm }) =>
    atPath((path) =>
      withWriter(requestFor(path), async ({ writer, fatal }) => {
        await writer.openPartition('p');
        await writer.append(groupOf(0));
        harm(path);
        const [error] = await fatal.count(1);
        expect(error).toMatchObject({ code: 'store-replaced', message: expect.stringContaining(`${path} must stay`) });
        await expect(writer.append(groupOf(1))).rejects.toBe(error);
        await expect(writer.close([])).rejects.toBe(error);
        await writer.abort();
        expect(fatal.codes).toEqual(['store-replaced']);
      }),
    ),
  );

  it.each(ways)('is never answered for: $name', ({ harm }) =>
    atPath((path) =>
      withWriter({ ...requestFor(path), limits: { beatMs: 1_000_000 } }, async ({ writer }) => {
        await writer.openPartition('p');
        await writer.append(groupOf(0));
        harm(path);
        await expect(writer.append(groupOf(1))).rejects.toMatchObject({ code: 'store-replaced' });
        await expect(writer.append(groupOf(2))).rejects.toMatchObject({ code: 'store-replaced' });
      }),
    ),
  );

  it('is no false alarm while checkpoints, readers and the end go on', () =>
    atPath((path) =>
      withWriter({ ...requestFor(path), limits: { beatMs: 1 } }, async ({ writer, fatal, warnings }) => {
        await writer.openPartition('p');
        for (const position of upTo(50)) {
          await writer.append(groupOf(position, 500_000));
          read(path, 'SELECT count(*) FROM outcomes');
        }
        await writer.close([]);
        expect([...fatal.codes, ...warnings.codes]).toEqual([]);
      }),
    ));

  it('is not made again by the next thread', () =>
    atPath((path) =>
      withWriter({ ...requestFor(path), limits: { beatMs: 1_000_000 } }, async ({ thread, fatal }) => {
        for (const suffix of ['', '-wal', '-shm']) rmSync(`${path}${suffix}`);
        void thread.terminate();
        const [error] = await fatal.count(1);
        expect(error?.code).toBe('store-replaced');
      }),
    ));
});

describe('a reader that stays', () => {
  it('is told of once when the log is large, and again only after it was small', () =>
    atPath((path) =>
      withWriter(
        { ...requestFor(path), limits: { walBytes: { warnAt: 400_000, calmAt: 200_000 } } },
        async ({ writer, warnings }) => {
          await writer.openPartition('p');
          await writer.append(groupOf(0));
          const reader = new Database(path, { readonly: true });
          reader.exec('BEGIN');
          reader.prepare('SELECT count(*) FROM outcomes').get();
          for (const position of [1, 2, 3, 4, 5]) await writer.append(groupOf(position, 300_000));
          expect(warnings.codes).toEqual(['wal-large']);
          expect(warnings.errors[0]?.message).toContain('must stay below 400000 bytes');
          reader.close();
          // Large enough for a checkpoint, after which the log starts over.
          await writer.append(groupOf(6, 17_000_000));
          // The next group may have overtaken it.
          let position = 7;
          const grown = async () => (await writer.append(groupOf(position))).gauges.walBytes >= 200_000;
          while (await grown()) position += 1;
          expect(warnings.errors.length).toBe(1);
          await writer.append(groupOf(position + 1, 500_000));
          expect(warnings.codes).toEqual(['wal-large', 'wal-large']);
        },
      ),
    ));

  it('a log of any size is moved into the database when nothing has come for a while', () =>
    atPath((path) =>
      withStore(requestFor(path), (store) => {
        store.openPartition('p');
        const { gauges } = store.append({ events: null, rows: groupOf(0, 200_000).rows, watermarks: [], parked: [] });
        for (const _ of upTo(4)) {
          store.check();
          store.tend();
        }
        expect(store.append(groupOf(1)).gauges.walBytes).toBeLessThan(gauges.walBytes / 2);
      }),
    ));
});

interface FullDisk {
  readonly path: string;
  readonly writer: Parameters<Parameters<typeof withWriter>[1]>[0]['writer'];
  readonly warnings: Parameters<Parameters<typeof withWriter>[1]>[0]['warnings'];
  readonly thread: Worker;
  /** The first group, which is held. */
  readonly held: Promise<unknown>;
  makeRoom(): void;
}

/** A writer that has met a full disk and holds one group. */
function onFullDisk(run: (disk: FullDisk) => Promise<void>, limits: { closeMsMax?: number } = {}): Promise<void> {
  return onSmallDisk('8m', async (folder) => {
    const path = join(folder, 'out.db');
    makeRecordingStore(path);
    writeFileSync(join(folder, 'ballast'), Buffer.alloc(6 * 1024 * 1024));
    const request = { ...requestFor(path), limits: { ...quick, closeMsMax: 100, ...limits } };
    await withWriter(request, async ({ writer, warnings, thread }) => {
      await writer.openPartition('p');
      const held = writer.append(groupOf(0, 3_000_000));
      held.catch(() => {});
      await warnings.count(1);
      const makeRoom = () => rmSync(join(folder, 'ballast'));
      await run({ path, writer, warnings, thread, held, makeRoom });
    });
  });
}

/** Puts another file in the place of one, as an editor or a backup does. */
function replace(path: string): void {
  writeFileSync(`${path}.other`, 'another');
  renameSync(`${path}.other`, path);
}
