// The only door to better-sqlite3. Opens each kind of connection with its settings stated in full, and puts SQLite's
// errors into our words. Knows nothing of outcomes, nor of what a file has to hold to be a store.
//
// No file that SQLite has open is ever opened here or elsewhere with `fs`: closing it would drop this process's locks.

import { createRequire } from 'node:module';
import Database from 'better-sqlite3';
import type { ErrorRecord } from '../errors.js';
import { KeylaneError, messageOf, printable } from '../errors.js';
import type { Durability } from '../options.js';

export type Connection = Database.Database;
export type Statement = Database.Statement<unknown[]>;

// A waiting connection blocks its thread. The writer's wait is for people who write by hand with sqlite3, a checkpoint
// at the end waits for readers, a lock's holder does not let go, so that waiting for it only covers its short writes.
const writeWaitMs = 5_000;
const readWaitMs = 1_000;
const lockWaitMs = 200;
const lastCheckpointWaitMs = 250;

export const pageBytes = 4_096;
/** What a page takes in the write-ahead log. */
export const frameBytes = pageBytes + 24;

/** A checkpoint costs two waits for the disk. Worth a fair log: 16 MB, a fraction of a second at full speed. */
export const checkpointPages = 4_000;

const synchronousLevel = { process: { name: 'NORMAL', level: 1 }, power: { name: 'FULL', level: 2 } } as const;

/** Loads the native part in this thread. Throws a KeylaneError `store-failed` when it does not load, or must not. */
export function loadAddon(): void {
  const { version } = createRequire(import.meta.url)('better-sqlite3/package.json') as { version: string };
  refuseUnfit({ node: process.versions.node, addon: version });
  // It is loaded by the first connection of a thread and not by the import. Only a connection in memory will do here.
  attempt('load better-sqlite3 (npm rebuild better-sqlite3 may help)', () => new Database(':memory:').close());
}

/** Before version 13 the addon's destructors end the process on Node 24, whenever memory is cleared up. */
export function refuseUnfit(versions: { node: string; addon: string }): void {
  const [node, addon] = [Number.parseInt(versions.node, 10), Number.parseInt(versions.addon, 10)];
  if (node < 24 || addon >= 13) return;
  throw new KeylaneError(
    'store-failed',
    `better-sqlite3 must be 13.0.2 or newer on Node ${node}, found ${versions.addon}: npm install better-sqlite3@13`,
  );
}

/** A database in memory, without limits or settings: to look at what SQL makes. */
export function openInMemory(): Connection {
  return new Database(':memory:');
}

/** A database of its own in a temporary file, gone when it is closed: for what may not fit into memory. */
export function openScratch(): Connection {
  const db = new Database('');
  return settled(db, () => {
    // Nothing of it is to survive anything, nor to be rolled back.
    db.pragma('journal_mode = OFF');
    db.pragma('synchronous = OFF');
  });
}

/** A connection that never writes to the database, for a look at a file that may not be ours. */
export function openForReading(path: string): Connection {
  const db = new Database(path, { readonly: true, fileMustExist: true, timeout: readWaitMs });
  return settled(db, () => {
    db.pragma('query_only = ON');
    db.pragma('trusted_schema = OFF');
  });
}

/** A connection to an empty file that becomes a new store: one file at every moment, safe against loss of power. */
export function openForBuilding(path: string): Connection {
  const db = new Database(path, { fileMustExist: true, timeout: lockWaitMs });
  return settled(db, () => {
    // SQLite's own default, stated as it cannot be changed later and sizes of the log are counted in it.
    db.pragma(`page_size = ${pageBytes}`);
    expectJournal(db, 'DELETE');
    db.pragma('synchronous = FULL');
  });
}

/** Turns a finished new store to the write-ahead log; once closed it is one file again. */
export function turnToWal(db: Connection): void {
  // Done before the file has its final name: the turn uses a rollback journal, and one of those left by a crash beside
  // the final name could not be taken in by the look that never writes.
  expectJournal(db, 'WAL');
}

/** The lock's connection: with a rollback journal, as a log would be two files more. */
export function openLockFile(path: string): Connection {
  const db = new Database(path, { timeout: lockWaitMs });
  return settled(db, () => {
    expectJournal(db, 'DELETE');
    // Its content lasts no longer than its holder, yet a damaged file would bar every start after a loss of power.
    db.pragma('synchronous = FULL');
  });
}

/** The writer's connection. `confirmSynchronous` must follow its first transaction. */
export function openForWriting(path: string, durability: Durability): Connection {
  const db = new Database(path, { fileMustExist: true, timeout: writeWaitMs });
  return settled(db, () => {
    expectJournal(db, 'WAL');
    db.pragma(`synchronous = ${synchronousLevel[durability].name}`);
    // SQLite ignores errors of its own checkpoints; ours are statements that throw. See `checkpoint`.
    db.pragma('wal_autocheckpoint = 0');
    // The log's file is cut to this when it starts over, after a long reader had let it grow.
    db.pragma(`journal_size_limit = ${64 * 1024 * 1024}`);
    db.pragma('locking_mode = NORMAL');
    db.pragma('foreign_keys = ON');
    db.pragma('trusted_schema = OFF');
    db.pragma('cell_size_check = ON');
    db.pragma('cache_size = -16384');
    // Through a memory map an I/O error is a signal that ends the process.
    db.pragma('mmap_size = 0');
  });
}

/** What a statement may have to take back stays in memory: a group's is more than SQLite keeps there by itself. */
export function keepUndoInMemory(db: Connection): void {
  db.pragma('temp_store = MEMORY');
}

/** Throws unless `synchronous` is what the durability needs: SQLite may change it with the first WAL transaction. */
export function confirmSynchronous(db: Connection, durability: Durability): void {
  const { name, level } = synchronousLevel[durability];
  const found = synchronousOf(db);
  if (found === level) return;
  throw new KeylaneError(
    'store-failed',
    `synchronous must be ${level} (${name}) for durability "${durability}", SQLite says ${found}: report it`,
  );
}

/** SQLite's level now: 1 is NORMAL, 2 is FULL. */
export function synchronousOf(db: Connection): unknown {
  return db.pragma('synchronous', { simple: true });
}

/** Pages in the write-ahead log. */
export function walPagesOf(db: Connection): number {
  const [row] = db.pragma('wal_checkpoint(NOOP)') as { log: number }[];
  return Math.max(0, row?.log ?? 0);
}

/** Moves the log into the database as far as readers allow, without waiting for them. Gives the pages left to move. */
export function checkpoint(db: Connection): number {
  const [row] = db.pragma('wal_checkpoint(PASSIVE)') as { log: number; checkpointed: number }[];
  return Math.max(0, (row?.log ?? 0) - (row?.checkpointed ?? 0));
}

/** The last checkpoint: empties the log. Closing would do so too, but would keep its errors to itself. */
export function lastCheckpoint(db: Connection): void {
  db.pragma(`busy_timeout = ${lastCheckpointWaitMs}`);
  // Says "busy" and leaves the log as it is when a reader stays in its transaction; nothing is lost by that.
  db.pragma('wal_checkpoint(TRUNCATE)');
}

/** Runs a step; an error of SQLite comes out as a KeylaneError `store-failed` or `store-full` that says which step. */
export function attempt<T>(step: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof KeylaneError) throw error;
    // SQLite gives this one for ENOSPC alone; any other trouble of a write is SQLITE_IOERR_WRITE.
    const code = sqliteCodeOf(error) === 'SQLITE_FULL' ? 'store-full' : 'store-failed';
    throw new KeylaneError(code, `could not ${step}: ${sqliteReason(error)}`, { cause: error });
  }
}

/** SQLite's code, such as `SQLITE_BUSY`, or null for an error that is not SQLite's. */
export function sqliteCodeOf(error: unknown): string | null {
  return error instanceof Database.SqliteError ? error.code : null;
}

/** An error in a few words, with SQLite's code first where there is one. */
export function sqliteReason(error: unknown): string {
  const code = sqliteCodeOf(error);
  const message = messageOf(error);
  return printable(code === null ? message : `${code}: ${message}`);
}

/** An error as plain values, which can cross threads. */
export function recordOf(error: unknown): ErrorRecord {
  if (!(error instanceof Error)) return { name: 'NonError', message: String(error) };
  const code = 'code' in error && typeof error.code === 'string' ? { code: error.code } : {};
  const stack = error.stack === undefined ? {} : { stack: error.stack };
  return { name: error.name, message: error.message, ...code, ...stack };
}

/** Applies settings to a connection just opened; it does not stay open when one of them fails. */
function settled(db: Connection, apply: () => void): Connection {
  try {
    apply();
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function expectJournal(db: Connection, mode: 'DELETE' | 'WAL'): void {
  const found = db.pragma(`journal_mode = ${mode}`, { simple: true });
  if (found === mode.toLowerCase()) return;
  throw new KeylaneError(
    'store-failed',
    `${printable(db.name)} must take journal mode ${mode}, SQLite keeps ${String(found)}: use a local file system`,
  );
}
