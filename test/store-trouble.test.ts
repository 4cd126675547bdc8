// The store in trouble: a full disk, files that go away, readers that stay, threads that die or hang. Whatever happens,
// every promise settles, and outcomes are stored once and in order.

import { once } from 'node:events';
import { copyFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { atPath, read, requestFor, withStore, withWriter } from './store-fixture.js';
import {
  groupOf,
  harmedUrl,
  makeRecordingStore,
  mayMount,
  onSmallDisk,
  recordedOrder,
  upTo,
  withHarm,
} from './store-trouble-fixture.js';

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
  const copied = (path: string) => {
    copyFileSync(path, `${path}.copy`);
    renameSync(`${path}.copy`, path);
  };
  const ways = [
    { name: 'the database is removed', harm: (path: string) => rmSync(path) },
    { name: 'the database is renamed', harm: (path: string) => renameSync(path, `${path}.old`) },
    { name: 'another file takes its name', harm: (path: string) => writeFileSync(`${path}.x`, 'x') },
    { name: 'the log is removed', harm: (path: string) => rmSync(`${path}-wal`) },
    { name: 'another log takes its name', harm: (path: string) => copied(`${path}-wal`) },
  ].map(({ name, harm }) => {
    if (name !== 'another file takes its name') return { name, harm };
    return { name, harm: (path: string) => (harm(path), renameSync(`${path}.x`, path)) };
  });

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

describe('the death of the thread', () => {
  const deaths = (['exit', 'throw', 'hang'] as const).flatMap((how) => {
    return (['before', 'after'] as const).flatMap((when) => [1, 7].map((at) => ({ how, when, at })));
  });

  it.each(deaths)('$how $when append $at: every outcome is stored once and in order, and one warning tells', (harm) =>
    withHarm({ ...harm, verb: 'append', times: 1 }, () =>
      atPath(async (path) => {
        makeRecordingStore(path);
        const limits = { threadUrl: harmedUrl, beatMs: 20, answerMsMax: 200 };
        await withWriter({ ...requestFor(path), limits }, async ({ writer, warnings, fatal }) => {
          await writer.openPartition('p');
          const results = await Promise.all(upTo(20).map((position) => writer.append(groupOf(position))));
          expect(results.map(({ stored, ignored }) => stored + ignored)).toEqual(upTo(20).map(() => 1));
          expect(warnings.codes).toEqual(['writer-died']);
          expect(warnings.errors[0]?.message).toContain('another one takes over');
          await writer.close([{ partition: 2, watermark: 20 }]);
          expect(fatal.codes).toEqual([]);
        });
        expect(recordedOrder(path)).toEqual(upTo(20));
        // The same process went on: the store was opened once more than when it was made, and closed in order.
        expect(read(path, 'SELECT name, value FROM meta ORDER BY name')).toEqual([
          { name: 'clean', value: 1 },
          { name: 'epoch', value: 2 },
        ]);
      }),
    ),
  );

  it.each(['before', 'after'] as const)('%s it opens a partition changes nothing in what that says', (when) =>
    withHarm({ verb: 'openPartition', at: 1, when, how: 'exit', times: 1 }, () =>
      atPath(async (path) => {
        withStore(requestFor(path), (store) => {
          store.openPartition('p');
          store.append(groupOf(7));
        });
        await withWriter({ ...requestFor(path), limits: { threadUrl: harmedUrl } }, async ({ writer, warnings }) => {
          expect(await writer.openPartition('p')).toMatchObject({ partition: 2, positionNext: 8, positionUnused: 8 });
          expect(warnings.codes).toEqual(['writer-died']);
        });
      }),
    ),
  );

  it.each([
    { name: 'it is terminated', harm: (thread: Worker) => void thread.terminate() },
    { name: 'a message poisons it', harm: (thread: Worker) => thread.postMessage({ poison: true }) },
    { name: 'a message names another verb', harm: (thread: Worker) => thread.postMessage(callOf(['constructor'])) },
    { name: 'a message digs deeper', harm: (thread: Worker) => thread.postMessage(callOf(['open', 'constructor'])) },
  ])('a second time ends it, rejects every call, is reported once, and frees the store: $name', ({ harm }) =>
    atPath(async (path) => {
      await withWriter(requestFor(path), async ({ writer, thread, fatal, warnings }) => {
        await writer.openPartition('p');
        await writer.append(groupOf(0));
        const next = once(process, 'worker') as Promise<[Worker]>;
        harm(thread);
        const [second] = await next;
        // It answers once it has taken over.
        await writer.append(groupOf(1));
        harm(second);
        const calls = [writer.append(groupOf(2)), writer.append(groupOf(3)), writer.setFingerprint(1, 'f')];
        const settled = await Promise.allSettled(calls);
        expect(settled.map((call) => call.status === 'rejected' && call.reason.code)).toEqual(
          calls.map(() => 'writer-died'),
        );
        await expect(writer.append(groupOf(4))).rejects.toMatchObject({ code: 'writer-died' });
        await expect(writer.close([])).rejects.toMatchObject({ code: 'writer-died' });
        await writer.abort();
        expect([warnings.codes, fatal.codes]).toEqual([['writer-died'], ['writer-died']]);
      });
      await withWriter(requestFor(path), async ({ writer }) => {
        await writer.openPartition('p');
        expect(await writer.append(groupOf(1))).toMatchObject({ stored: 0, ignored: 1 });
      });
    }),
  );

  it('a second time is survived where the interval is over', () =>
    withHarm({ verb: 'append', at: 2, when: 'after', how: 'exit', times: 5 }, () =>
      atPath(async (path) => {
        makeRecordingStore(path);
        const limits = { threadUrl: harmedUrl, replaceMsMin: 0 };
        await withWriter({ ...requestFor(path), limits }, async ({ writer, warnings }) => {
          await writer.openPartition('p');
          await Promise.all(upTo(20).map((position) => writer.append(groupOf(position))));
          expect(warnings.codes).toEqual(upTo(5).map(() => 'writer-died'));
        });
        expect(recordedOrder(path)).toEqual(upTo(20));
      }),
    ));

  it('is not outlived by a call once abort was called', () =>
    atPath((path) =>
      withWriter(requestFor(path), async ({ writer, thread, fatal }) => {
        const next = once(process, 'worker');
        void thread.terminate();
        const call = expect(writer.openPartition('p')).rejects.toMatchObject({ code: 'aborted' });
        await next;
        await writer.abort();
        await call;
        expect(fatal.codes).toEqual([]);
      }),
    ));

  it('is fatal when the system does not let it die: there are never two writers', () =>
    atPath((path) =>
      withWriter({ ...requestFor(path), limits: { beatMs: 20, answerMsMax: 100 } }, async ({ writer, fatal }) => {
        await writer.openPartition('p');
        const db = new Database(path);
        db.exec('BEGIN IMMEDIATE');
        try {
          // SQLite waits for the other's transaction, and is not to be interrupted in that.
          const rejected = expect(writer.append(groupOf(0))).rejects.toMatchObject({ code: 'writer-died' });
          const [error] = await fatal.count(1);
          expect(error?.message).toContain('stuck in the system');
          await rejected;
        } finally {
          db.close();
        }
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
          await writer.append(groupOf(7));
          expect(warnings.errors.length).toBe(1);
          await writer.append(groupOf(8, 500_000));
          expect(warnings.codes).toEqual(['wal-large', 'wal-large']);
        },
      ),
    ));

  it('a log of any size is moved into the database when nothing has come for a while', () =>
    atPath((path) =>
      withStore(requestFor(path), (store) => {
        store.openPartition('p');
        const { gauges } = store.append({ events: null, rows: groupOf(0, 200_000).rows, watermarks: [] });
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

function callOf(path: readonly string[]): unknown {
  return { id: 'x', type: 'APPLY', path, argumentList: [] };
}
