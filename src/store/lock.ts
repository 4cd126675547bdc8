// One process, and in it one thread, per store. The lock is SQLite's own on a small file beside the store: it dies with
// the process whatever ends it, and its holder can be named, which a lock on the store itself could not do.
//
// 1. BEGIN IMMEDIATE takes the file's only write lock. Whoever cannot have it has lost, and reads the holder's row.
// 2. The row is not ours yet: write it and COMMIT, so that readers can see it. For a moment nobody has the lock.
// 3. BEGIN IMMEDIATE again. The row is ours: nobody was there in between. The transaction stays open; we hold the lock.
//    Somebody was there: they go through the same steps, and to step 2 we return.
//
// The file stays when the lock is released. To remove it is racy: one who waits for the old file and one who makes a new
// one of the same name would both get their lock, and both would use one rollback journal.

import { randomUUID } from 'node:crypto';
import { chmodSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { KeylaneError, printable } from '../errors.js';
import { attempt, type Connection, openLockFile, sqliteCodeOf, sqliteReason } from './database.js';

interface Holder {
  readonly pid: number;
  readonly host: string;
  /** RFC 3339. */
  readonly since: string;
  /** Random; tells two holders apart that share a pid, such as threads. */
  readonly token: string;
}

/** The file's application_id: "keyL" in ASCII. */
const lockApplicationId = 0x6b65794c;

// Each round lost means that another process was in its steps at that very moment.
const roundsMax = 20;

/** The right to write to one store, held until `release` or the end of the process. */
export class StoreLock {
  readonly #db: Connection;

  private constructor(db: Connection) {
    this.#db = db;
  }

  /** Takes the lock. Throws a KeylaneError `store-locked` that names the holder. `storePath` has its links resolved. */
  static acquire(storePath: string): StoreLock {
    const path = `${storePath}-lock`;
    const db = attempt(`open ${printable(path)}`, () => openFile(path));
    try {
      takeTurns(db, storePath);
      return new StoreLock(db);
    } catch (error) {
      db.close();
      throw error;
    }
  }

  release(): void {
    // Closing rolls the open transaction back, which ends the lock. The row stays and means nothing without it.
    this.#db.close();
  }
}

function openFile(path: string): Connection {
  const db = openLockFile(path);
  // SQLite made it with the umask's mode; it is still empty. Only the mode is touched, the file is not opened.
  if ((statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o600);
  return db;
}

function takeTurns(db: Connection, storePath: string): void {
  const holder: Holder = {
    pid: process.pid,
    host: hostname(),
    since: new Date().toISOString(),
    token: randomUUID(),
  };
  try {
    for (let round = 0; round < roundsMax; round += 1) {
      db.exec('BEGIN IMMEDIATE');
      prepareFile(db, storePath);
      if (holderIn(db)?.token === holder.token) return;
      db.prepare('INSERT OR REPLACE INTO holder VALUES (1, :pid, :host, :since, :token)').run(holder);
      db.exec('COMMIT');
    }
  } catch (error) {
    if (sqliteCodeOf(error)?.startsWith('SQLITE_BUSY')) throw lockedBy(readHolder(db), storePath);
    if (error instanceof KeylaneError) throw error;
    throw refused(storePath, sqliteReason(error));
  }
  throw lockedBy(null, storePath);
}

/** Inside the transaction: makes the table in a file that is new, refuses one that something else made. */
function prepareFile(db: Connection, storePath: string): void {
  const id = db.pragma('application_id', { simple: true });
  if (id === lockApplicationId) return;
  const objects = db.prepare('SELECT count(*) FROM sqlite_schema').pluck().get();
  if (id !== 0 || objects !== 0) throw refused(storePath, `a database with application_id ${String(id)}`);
  db.exec(`CREATE TABLE holder (
    id INTEGER PRIMARY KEY CHECK (id = 1), pid INTEGER NOT NULL, host TEXT NOT NULL, since TEXT NOT NULL,
    token TEXT NOT NULL
  ) STRICT`);
  db.pragma(`application_id = ${lockApplicationId}`);
}

function holderIn(db: Connection): Holder | undefined {
  return db.prepare('SELECT pid, host, since, token FROM holder').get() as Holder | undefined;
}

/** The loser's view: null while the holder is still writing its first row. */
function readHolder(db: Connection): Holder | null {
  try {
    if (db.inTransaction) db.exec('ROLLBACK');
    return holderIn(db) ?? null;
  } catch {
    return null;
  }
}

function lockedBy(holder: Holder | null, storePath: string): KeylaneError {
  const store = `the store ${printable(storePath)} must have one user`;
  if (holder === null) {
    return new KeylaneError('store-locked', `${store}, another process is opening it just now: try again`);
  }
  const since = printable(holder.since);
  if (holder.host !== hostname()) {
    const where = `process ${holder.pid} on host ${printable(holder.host)}`;
    return new KeylaneError('store-locked', `${store}, ${where} has it since ${since}: stop that process first`);
  }
  if (holder.pid === process.pid) {
    const advice = 'close the other processor first';
    return new KeylaneError('store-locked', `${store}, this process (${holder.pid}) has it since ${since}: ${advice}`);
  }
  const advice = 'stop that process first, or use another store (reading this one is fine)';
  return new KeylaneError('store-locked', `${store}, process ${holder.pid} has it since ${since}: ${advice}`);
}

function refused(storePath: string, found: string): KeylaneError {
  const lock = `${printable(storePath)}-lock`;
  return new KeylaneError(
    'store-refused',
    `${lock} must be a lock that keylane made, found ${found}: remove it if no process uses the store`,
  );
}
