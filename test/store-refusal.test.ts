// Files that are not a store of ours, or not a whole one: refused with a message that helps, and left as they are.

import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { atPath, joined, requestFor, rowOf, thrownBy, withHolder, withStore } from './store-fixture.js';

/** A file, how it comes to be, and what the message must say of it. */
interface Refusal {
  readonly name: string;
  readonly make: (path: string) => void;
  readonly says: readonly string[];
}

const refusals: readonly Refusal[] = [
  { name: 'an empty file', make: (path) => writeFileSync(path, ''), says: ['an empty file', 'remove it'] },
  { name: 'a text file', make: (path) => writeFileSync(path, 'a,b\n'.repeat(1000)), says: ['no SQLite database'] },
  { name: 'a short text file', make: (path) => writeFileSync(path, 'x'), says: ['cut short'] },
  {
    name: 'a database of another program',
    make: (path) => sql(path, 'CREATE TABLE theirs (a); PRAGMA application_id = 77'),
    says: ['another program', '77'],
  },
  {
    name: 'a database without a mark, in WAL mode',
    make: (path) => sql(path, 'PRAGMA journal_mode = WAL; CREATE TABLE outcome (a)'),
    says: ['without a mark', 'application_id 0'],
  },
  {
    name: 'a store of a newer schema',
    make: (path) => changed(path, 'PRAGMA user_version = 99'),
    says: ['version 99', 'newer'],
  },
  {
    name: 'a store of no version',
    make: (path) => changed(path, 'PRAGMA user_version = 0'),
    says: ['damaged', 'schema version 0'],
  },
  {
    name: 'a store with a table missing',
    make: (path) => changed(path, 'DROP TABLE handler'),
    says: ['damaged', 'no handler in it'],
  },
  {
    name: 'a store cut to half',
    make: (path) => {
      filled(path);
      truncateSync(path, 40_960);
    },
    says: ['damaged or truncated', 'SQLITE_CORRUPT'],
  },
  {
    name: 'a store cut inside its header',
    make: (path) => {
      filled(path);
      truncateSync(path, 50);
    },
    says: ['cut short'],
  },
  {
    name: 'a store with a damaged header',
    make: (path) => {
      filled(path);
      overwrite(path, { from: 0, to: 16 });
    },
    says: ['header is damaged'],
  },
  {
    name: 'a store with a damaged schema page',
    make: (path) => {
      filled(path);
      overwrite(path, { from: 100, to: 4096 });
    },
    says: ['damaged', 'SQLITE_CORRUPT'],
  },
];

describe('a file that is not a store', () => {
  it.each(refusals)('$name is refused and left alone, and no lock is left beside it', ({ make, says }) =>
    atPath((path) => {
      make(path);
      const before = readFileSync(path);
      const error = thrownBy(() => withStore(requestFor(path), () => {}));
      expect(error).toMatchObject({ code: 'store-refused' });
      for (const words of [path, ...says]) expect((error as Error).message).toContain(words);
      expect(readFileSync(path).equals(before)).toBe(true);
      expect(existsSync(`${path}-lock`)).toBe(madeByKeylane(path));
    }),
  );

  it('a folder is refused', () =>
    atPath((path) => {
      mkdirSync(path);
      expect(refusalOf(path)).toContain('found a folder');
    }));

  it.skipIf(process.platform === 'win32')('a pipe is refused, without waiting for its other end', () =>
    atPath((path) => {
      spawnSync('mkfifo', [path]);
      expect(refusalOf(path)).toContain('not a file');
    }),
  );

  it('a link that leads nowhere is refused', () =>
    atPath((path) => {
      symlinkSync(`${path}-elsewhere`, path);
      expect(refusalOf(path)).toContain('a link that leads nowhere');
    }));

  it('a path in a folder that does not exist is refused, and names the folder', () =>
    atPath((path) => {
      expect(refusalOf(`${path}/deep/out.db`)).toContain(`no folder ${path}/deep`);
      expect(existsSync(path)).toBe(false);
    }));

  it('a name with space at its end is refused, as SQLite would be given another', () =>
    atPath((path) => {
      expect(refusalOf(`${path} `)).toContain('space at its end');
    }));

  it('a log without its store is refused: a new store would take it in', () =>
    atPath((path) => {
      withStore(requestFor(path), (store) => {
        store.openPartition('p');
        copyFileSync(`${path}-wal`, `${path}2-wal`);
      });
      const before = readFileSync(`${path}2-wal`);
      expect(refusalOf(`${path}2`)).toContain('out.db2-wal');
      expect(readFileSync(`${path}2-wal`).equals(before)).toBe(true);
    }));
});

describe('a file that is a store', () => {
  it('is taken after its process was killed, with a log beside it', () =>
    atPath(async (path) => {
      await withHolder(path, async () => {});
      expect(existsSync(`${path}-wal`)).toBe(true);
      withStore(requestFor(path), (store) => expect(store.openPartition('p').partition).toBe(2));
    }));

  it('is taken with tables, views and indexes of its owner in it', () =>
    atPath((path) => {
      changed(path, 'CREATE INDEX outcome_key ON outcome (key); CREATE VIEW mine AS SELECT 1');
      withStore(requestFor(path), (store) => expect(store.openPartition('p').partition).toBe(2));
    }));
});

function refusalOf(path: string): string {
  const error = thrownBy(() => withStore(requestFor(path), () => {}));
  expect(error).toMatchObject({ code: 'store-refused' });
  return (error as Error).message;
}

/** The stores above were open before they were harmed, so that they have a lock; foreign files have none. */
function madeByKeylane(path: string): boolean {
  return existsSync(`${path}.made`);
}

function sql(path: string, text: string): void {
  const db = new Database(path);
  db.exec(text);
  db.close();
}

/** A store, changed by hand. */
function changed(path: string, text: string): void {
  withStore(requestFor(path), () => {});
  writeFileSync(`${path}.made`, '');
  sql(path, text);
}

/** A store of some hundred kilobytes. */
function filled(path: string): void {
  withStore(requestFor(path), (store) => {
    store.openPartition('p');
    const rows = Array.from({ length: 2_000 }, (_, position) => rowOf(position, { result: `"${'x'.repeat(100)}"` }));
    store.append({ events: null, rows: [joined(rows)], watermarks: [], parked: [] });
  });
  writeFileSync(`${path}.made`, '');
}

function overwrite(path: string, { from, to }: { from: number; to: number }): void {
  const bytes = readFileSync(path);
  bytes.fill(0xa5, from, to);
  writeFileSync(path, bytes);
}
