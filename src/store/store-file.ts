// The store as a file: where it is, whether what is there is ours, and how a new one comes to be. A file that is not
// ours is refused and its bytes are left alone; a new one gets its name only when it is whole.

import { closeSync, fsyncSync, linkSync, lstatSync, openSync, realpathSync, rmSync, type Stats, statSync } from 'node:fs';
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
  if (absolute !== absolute.trimEnd()) throw refused(absolute, 'have a name without space at its end', 'space', 'rename it');
  if (lstatSync(absolute, { throwIfNoEntry: false })?.isSymbolicLink()) return resolveLink(absolute);
  const folder = dirname(absolute);
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw refused(path, 'be in a folder that exists', `no folder ${printable(folder)}`, 'make it first');
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
      migrate(db, 0);
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

function resolveLink(link: string): string {
  try {
    return realpathSync(link);
  } catch {
    throw refused(link, 'not be a link that leads nowhere', 'one', 'make its target or remove it');
  }
}

/** A log without its database would be taken for the new database's own and written into it. */
function refuseOrphans(path: string): void {
  for (const suffix of ['-wal', '-journal']) {
    const orphan = `${path}${suffix}`;
    if (lstatSync(orphan, { throwIfNoEntry: false }) === undefined) continue;
    const advice = 'put the store back, or remove this one too for a new store';
    throw refused(path, 'be a store or not be there at all', `only ${printable(orphan)}`, advice);
  }
}

function refuseByStats(path: string, stats: Stats): void {
  const expected = 'be a file that keylane made';
  if (stats.isDirectory()) throw refused(path, expected, 'a folder', 'name a file in it');
  if (!stats.isFile()) throw refused(path, expected, 'something that is not a file', 'choose another path');
  if (stats.size > 0) return;
  throw refused(path, expected, 'an empty file, which a store never is', 'restore it from a copy, or remove it');
}

function refuseByContent(path: string, db: Connection): void {
  const id = db.pragma('application_id', { simple: true });
  if (id !== applicationId) {
    const found = `a database of another program (application_id ${String(id)})`;
    throw refused(path, `be a store of keylane (application_id ${applicationId})`, found, fresh);
  }
  const version = Number(db.pragma('user_version', { simple: true }));
  if (version > schemaVersion) {
    const expected = `have a schema up to version ${schemaVersion}`;
    throw refused(path, expected, `version ${version}`, 'use the keylane that made it, or a newer one');
  }
  const names = new Set(namesIn(db));
  const missing = namesOfVersion(version).filter((name) => !names.has(name));
  if (version >= 1 && missing.length === 0) return;
  throw damaged(path, version < 1 ? `schema version ${version}` : `no ${missing.join(', ')} in it`);
}

function namesIn(db: Connection): string[] {
  return db.prepare('SELECT name FROM sqlite_schema').pluck().all() as string[];
}

function namesOfVersion(version: number): string[] {
  const db = openInMemory();
  try {
    migrate(db, 0, version);
    return namesIn(db);
  } finally {
    db.close();
  }
}

function refusedBySqlite(path: string, error: unknown): KeylaneError {
  const code = sqliteCodeOf(error) ?? '';
  if (code === 'SQLITE_NOTADB') {
    return refused(path, 'be a file that keylane made', 'a file that is no SQLite database, or whose header is damaged', fresh);
  }
  if (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_IOERR_SHORT_READ') return damaged(path, sqliteReason(error));
  return refused(path, 'be readable', sqliteReason(error), 'check its permissions and those of its folder');
}

function damaged(path: string, found: string): KeylaneError {
  const advice = 'restore it from a copy; "sqlite3 FILE .recover" may save rows';
  return refused(path, 'be a whole store of keylane', `a damaged or truncated one (${found})`, advice);
}

function refused(path: string, expected: string, found: string, advice: string): KeylaneError {
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
