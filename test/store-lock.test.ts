// One user per store: who is refused and what they are told, and that the lock dies with its holder.

import { once } from 'node:events';
import { readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { StoreWriter } from '../dist/src/store/store-writer.js';
import {
  atPath,
  codeElsewhere,
  joined,
  read,
  requestFor,
  rowOf,
  thrownBy,
  withHolder,
  withStore,
  withWriter,
} from './store-fixture.js';

const open = (path: string) => withStore(requestFor(path), () => {});

describe('a second user of a store', () => {
  it('is refused while another process has it, and told which', () =>
    atPath((path) =>
      withHolder(path, async (holder) => {
        const error = thrownBy(() => open(path));
        expect(error).toMatchObject({
          code: 'store-locked',
          message: expect.stringContaining(`process ${holder.pid} `),
        });
      }),
    ));

  it('is refused by its other names too: relative, through a link to the file, through a link to the folder', () =>
    atPath((path) =>
      withHolder(path, async () => {
        symlinkSync(path, `${path}.link`);
        symlinkSync(dirname(path), `${path}.folder`);
        for (const name of [relative(process.cwd(), path), `${path}.link`, `${path}.folder/out.db`]) {
          expect(thrownBy(() => open(name))).toMatchObject({ code: 'store-locked' });
        }
      }),
    ));

  it('is refused in the same process, in this thread and in another one, and does not harm the first', () =>
    atPath((path) =>
      withWriter(requestFor(path), async ({ writer: first }) => {
        const mine = expect.stringContaining(`this process (${process.pid})`);
        const unheard = { onFatal: () => {}, onWarning: () => {} };
        const second = StoreWriter.open({ ...requestFor(path), ...unheard });
        await expect(second).rejects.toMatchObject({ code: 'store-locked', message: mine });
        expect(thrownBy(() => open(path))).toMatchObject({ code: 'store-locked', message: mine });
        // The refused ones opened the file and closed it again in this process; outside it still counts as locked.
        expect(codeElsewhere(path)).toBe('store-locked');
        await first.openPartition('p');
        const rows = [joined([rowOf(0)])];
        await expect(first.append({ events: null, rows, watermarks: [], parked: [] })).resolves.toMatchObject({
          stored: 1,
        });
      }),
    ));

  it('is welcome as a reader, in this process and in another one', () =>
    atPath((path) =>
      withWriter(requestFor(path), async ({ writer }) => {
        await writer.openPartition('p');
        await writer.append({ events: null, rows: [joined([rowOf(0), rowOf(1)])], watermarks: [], parked: [] });
        expect(read(path, 'SELECT count(*) AS rows FROM outcomes')).toEqual([{ rows: 2 }]);
        await writer.append({ events: null, rows: [joined([rowOf(2)])], watermarks: [], parked: [] });
        expect(read(path, 'SELECT count(*) AS rows FROM outcomes')).toEqual([{ rows: 3 }]);
      }),
    ));
});

describe('the lock', () => {
  it('is gone when its holder is killed, and what the holder had stored is there', () =>
    atPath((path) =>
      withHolder(path, async (holder) => {
        expect(thrownBy(() => open(path))).toMatchObject({ code: 'store-locked' });
        holder.kill('SIGKILL');
        await once(holder, 'exit');
        withStore(requestFor(path), (store) => {
          expect(store.openPartition('p').partition).toBe(2);
        });
      }),
    ));

  it('is gone when its thread is terminated', () =>
    atPath((path) =>
      withWriter(requestFor(path), async ({ thread }) => {
        await thread.terminate();
        open(path);
      }),
    ));

  it('is gone after close, and the file it leaves is for its owner only', () =>
    atPath((path) => {
      open(path);
      open(path);
      expect(readdirSync(dirname(path))).toEqual(['out.db', 'out.db-lock']);
      expect(statSync(`${path}-lock`).mode & 0o777).toBe(0o600);
    }));

  it('that was removed by hand lets another writer in, and the first one stops', () =>
    atPath((path) =>
      withWriter(requestFor(path), async ({ writer }) => {
        await writer.openPartition('p');
        rmSync(`${path}-lock`);
        withStore(requestFor(path), (store) => {
          store.openPartition('p');
          expect(store.append({ events: null, rows: [joined([rowOf(0)])], watermarks: [], parked: [] })).toMatchObject({
            stored: 1,
          });
        });
        const late = writer.append({ events: null, rows: [joined([rowOf(1)])], watermarks: [], parked: [] });
        await expect(late).rejects.toMatchObject({
          code: 'store-failed',
          message: expect.stringContaining('one writer'),
        });
        expect(read(path, 'SELECT position FROM outcomes')).toEqual([{ position: 0 }]);
      }),
    ));

  it('takes over the row of a holder that is gone', () =>
    atPath((path) => {
      open(path);
      const [first] = read(`${path}-lock`, 'SELECT token FROM holder');
      open(path);
      const [second] = read(`${path}-lock`, 'SELECT pid, token FROM holder');
      expect(second?.pid).toBe(process.pid);
      expect(second?.token).not.toBe(first?.token);
    }));

  it('is refused, and left alone, when something else made its file', () =>
    atPath((path) => {
      writeFileSync(`${path}-lock`, 'a note');
      const error = thrownBy(() => open(path));
      expect(error).toMatchObject({ code: 'store-refused', message: expect.stringContaining('out.db-lock') });
      expect(readFileSync(`${path}-lock`, 'utf8')).toBe('a note');
    }));
});
