// The store as a file: where it is, whether what is there is ours, and how a new one comes to be. A file that is not
// ours is refused and its bytes are left alone; a new one gets its name only when it is whole.

import {
  closeSync,
  fsyncSync,
  linkSync,
  lstatSync,
  openSync,
  realpathSync,
  rmSync,
  type Stats,
  statfsSync,
  statSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { KeylaneError, printable } from '../errors.js';
import {
  attempt,
  type Connection,
  openForBuilding,
  openForReading,
  openInMemory,
  sqliteCodeOf,
  sqliteReason,
  turnToWal,
} from './database.js';
import { applicationId, migrate, schemaVersion } from './schema.js';

const fresh = 'choose another path, or move it away for a new store';

/** The absolute path with its links resolved, so that every name of one store leads to one lock. */
export function locateStore(path: string): string {
  const absolute = resolve(path);
  // better-sqlite3 trims names: it would open another file than the one looked at here.
  if (absolute !== absolute.trimEnd()) {
    throw refused(absolute, { expected: 'have a name without space at its end', found: 'space', advice: 'rename it' });
  }
  if (lstatSync(absolute, { throwIfNoEntry: false })?.isSymbolicLink()) return resolveLink(absolute);
  const folder = dirname(absolute);
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    const found = `no folder ${printable(folder)}`;
    throw refused(path, { expected: 'be in a folder that exists', found, advice: 'make the folder first' });
  }
  return join(realpathSync(folder), basename(absolute));
}

/**
 * Whether the file is a store of ours; false when there is no file. Throws a KeylaneError `store-refused` for anything
 * else. What it opens it opens for reading only; of a database in WAL mode SQLite may leave an empty log beside it.
 */
export function isStore(path: string): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) {
    refuseOrphans(path);
    return false;
  }
  refuseByStats(path, stats);
  let db: Connection | null = null;
  try {
    db = openForReading(path);
    refuseByContent(path, db);
  } catch (error) {
    throw error instanceof KeylaneError ? error : refusedBySqlite(path, error);
  } finally {
    db?.close();
  }
  return true;
}

/** Throws a KeylaneError `store-refused` unless the file is a store of ours; makes none. */
export function expectStore(path: string): void {
  if (isStore(path)) return;
  const advice = 'check the path; a processor makes the store';
  throw refused(path, { expected: 'be there to be read', found: 'no file', advice });
}

/** Removes what a crash left of a new store that never got its name. Only the holder of the lock may call it. */
export function removeUnfinished(path: string): void {
  for (const suffix of ['', '-journal', '-wal', '-shm']) rmSync(`${path}-new${suffix}`, { force: true });
}

/** Makes a new store. Only the holder of the lock may call it, after `removeUnfinished`. */
export function createStore(path: string): void {
  const unfinished = `${path}-new`;
  attempt(`make ${printable(path)}`, () => {
    // The mode comes before the content; SQLite gives the log and the journal the mode of their database.
    closeSync(openSync(unfinished, 'wx', 0o600));
    const db = openForBuilding(unfinished);
    try {
      migrate(db, { from: 0, to: schemaVersion });
      turnToWal(db);
    } finally {
      db.close();
    }
    // A link fails where a rename would replace a file that has come in the meantime.
    linkSync(unfinished, path);
    rmSync(unfinished);
    syncFolder(dirname(path));
  });
}

/** Bytes that this user may still write on the file system of a file. */
export function freeBytesAt(path: string): number {
  const { bavail, bsize } = statfsSync(dirname(path));
  return bavail * bsize;
}

interface Refusal {
  readonly expected: string;
  readonly found: string;
  readonly advice: string;
}

function resolveLink(link: string): string {
  try {
    return realpathSync(link);
  } catch {
    const advice = 'make its target or remove it';
    throw refused(link, { expected: 'not be a link that leads nowhere', found: 'one', advice });
  }
}

/** A log without its database would be taken for the new database's own and written into it. */
function refuseOrphans(path: string): void {
  for (const suffix of ['-wal', '-journal']) {
    const orphan = `${path}${suffix}`;
    if (lstatSync(orphan, { throwIfNoEntry: false }) === undefined) continue;
    const found = `only ${printable(orphan)}, which holds changes of a file that is gone`;
    const advice = 'put that file back, or remove this one too for a new store';
    throw refused(path, { expected: 'be a store or not be there at all', found, advice });
  }
}

const madeByUs = 'be a file that keylane made';

function refuseByStats(path: string, stats: Stats): void {
  if (stats.isDirectory()) throw refused(path, { expected: madeByUs, found: 'a folder', advice: 'name a file in it' });
  if (!stats.isFile()) {
    throw refused(path, { expected: madeByUs, found: 'something that is not a file', advice: 'choose another path' });
  }
  if (stats.size > 0) return;
  const advice = 'restore it from a copy, or remove it for a new store';
  throw refused(path, { expected: madeByUs, found: 'an empty file, which a store never is', advice });
}

function refuseByContent(path: string, db: Connection): void {
  const id = db.pragma('application_id', { simple: true });
  if (id !== applicationId) {
    // SQLite takes a file shorter than a page for an empty database.
    const whose = id === 0 ? 'without a mark, or cut short' : 'of another program';
    const found = `a database ${whose} (application_id ${String(id)})`;
    throw refused(path, { expected: `be a store of keylane (application_id ${applicationId})`, found, advice: fresh });
  }
  const version = Number(db.pragma('user_version', { simple: true }));
  if (version > schemaVersion) {
    const advice = 'use the keylane that made it, or a newer one';
    const expected = `have a schema up to version ${schemaVersion}`;
    throw refused(path, { expected, found: `version ${version}`, advice });
  }
  const names = new Set(namesIn(db));
  const missing = namesOfVersion(version).filter((name) => !names.has(name));
  if (version >= 1 && missing.length === 0) return;
  const found = version < 1 ? `schema version ${version}` : `no ${missing.join(', ')} in it`;
  throw refused(path, damaged(found));
}

function namesIn(db: Connection): string[] {
  // Indexes that SQLite makes by itself have no SQL.
  return db.prepare('SELECT name FROM sqlite_schema WHERE sql IS NOT NULL').pluck().all() as string[];
}

/** What a store of this version holds, by building one in memory. */
function namesOfVersion(version: number): string[] {
  const db = openInMemory();
  try {
    migrate(db, { from: 0, to: version });
    return namesIn(db);
  } finally {
    db.close();
  }
}

function refusedBySqlite(path: string, error: unknown): KeylaneError {
  const code = sqliteCodeOf(error) ?? '';
  if (code.startsWith('SQLITE_BUSY')) {
    const message = `store ${printable(path)} must be free, another process is opening or closing it: try again`;
    return new KeylaneError('store-locked', message, { cause: error });
  }
  if (code === 'SQLITE_NOTADB') {
    const found = 'a file that is no SQLite database, or whose header is damaged';
    return refused(path, { expected: madeByUs, found, advice: fresh });
  }
  if (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_IOERR_SHORT_READ') {
    return refused(path, damaged(sqliteReason(error)));
  }
  const advice = 'check its permissions and those of its folder';
  return refused(path, { expected: 'be readable', found: sqliteReason(error), advice });
}

function damaged(found: string): Refusal {
  const advice = 'restore it from a copy; "sqlite3 FILE .recover" may save rows';
  return { expected: 'be a whole store of keylane', found: `a damaged or truncated one (${found})`, advice };
}

function refused(path: string, { expected, found, advice }: Refusal): KeylaneError {
  return new KeylaneError('store-refused', `store ${printable(path)} must ${expected}, found ${found}: ${advice}`);
}

/** Makes the file's name as durable as its content. */
function syncFolder(folder: string): void {
  // Windows cannot open a folder, and keeps names in its own journal.
  if (process.platform === 'win32') return;
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
