// One process, and in it one thread, per store. The lock is SQLite's own on a small file beside the store: it dies with
// the process whatever ends it, and its holder can be named, which a lock on the store itself could not do.
//
// 1. BEGIN IMMEDIATE takes the file's only write lock. Whoever cannot have it has lost, and reads the holder's row.
// 2. The row is not ours yet: write it and COMMIT, so that readers can see it. For a moment nobody has the lock.
// 3. BEGIN IMMEDIATE again. The row is ours: nobody was there in between. The transaction stays open; we hold the lock.
//    Somebody was there: they go through the same steps, and to step 2 we return.
//
// The file stays when the lock is released. To remove it is racy: one who waits for the old file and one who makes a
// new one of the same name would both get their lock, and both would use one rollback journal.

import { randomUUID } from 'node:crypto';
import { chmodSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { KeylaneError, printable } from '../errors.js';
import { type Connection, openLockFile, sqliteCodeOf, sqliteReason } from './database.js';

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
    let db: Connection | null = null;
    try {
      db = openLockFile(`${storePath}-lock`);
      closeToOthers(`${storePath}-lock`);
      takeTurns(db);
      return new StoreLock(db);
    } catch (error) {
      throw explained(error, { storePath, holder: readHolder(db) });
    }
  }

  release(): void {
    // Closing rolls the open transaction back, which ends the lock. The row stays and means nothing without it.
    this.#db.close();
  }
}

function closeToOthers(path: string): void {
  // SQLite made the file with the umask's mode, and it is empty still. Only its mode is touched: it is not opened.
  if ((statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o600);
}

/** The steps above. Returns with the lock held, or throws. */
function takeTurns(db: Connection): void {
  const ours: Holder = { pid: process.pid, host: hostname(), since: new Date().toISOString(), token: randomUUID() };
  for (let round = 0; round < roundsMax; round += 1) {
    db.exec('BEGIN IMMEDIATE');
    prepareFile(db);
    if (holderIn(db)?.token === ours.token) return;
    db.prepare('INSERT OR REPLACE INTO holder VALUES (1, :pid, :host, :since, :token)').run(ours);
    db.exec('COMMIT');
  }
  throw new KeylaneError('store-locked', `other processes took their turn ${roundsMax} times`);
}

/** Inside the transaction: makes the table in a file that is new, refuses one that something else made. */
function prepareFile(db: Connection): void {
  const id = db.pragma('application_id', { simple: true });
  if (id === lockApplicationId) return;
  const objects = db.prepare('SELECT count(*) FROM sqlite_schema').pluck().get();
  if (id !== 0 || objects !== 0) throw new KeylaneError('store-refused', `application_id ${String(id)}`);
  db.exec(`CREATE TABLE holder (
    id INTEGER PRIMARY KEY CHECK (id = 1), pid INTEGER NOT NULL, host TEXT NOT NULL, since TEXT NOT NULL,
    token TEXT NOT NULL
  ) STRICT`);
  db.pragma(`application_id = ${lockApplicationId}`);
}

function holderIn(db: Connection): Holder | undefined {
  return db.prepare('SELECT pid, host, since, token FROM holder').get() as Holder | undefined;
}

/** For the loser, who needs the connection no more. For the moment of step 2 the row may be the last holder's. */
function readHolder(db: Connection | null): Holder | null {
  try {
    if (db?.inTransaction) db.exec('ROLLBACK');
    return db === null ? null : (holderIn(db) ?? null);
  } catch {
    return null;
  } finally {
    db?.close();
  }
}

function explained(error: unknown, { storePath, holder }: { storePath: string; holder: Holder | null }): KeylaneError {
  const code = error instanceof KeylaneError ? error.code : (sqliteCodeOf(error) ?? '');
  if (code === 'store-locked' || code.startsWith('SQLITE_BUSY')) {
    return new KeylaneError('store-locked', `store ${printable(storePath)} must be free, ${takenBy(holder)}`);
  }
  const found = sqliteReason(error);
  if (code === 'store-refused' || code === 'SQLITE_NOTADB' || code.startsWith('SQLITE_CORRUPT')) {
    const message = `${printable(storePath)}-lock must be a lock that keylane made, found another file (${found})`;
    return new KeylaneError('store-refused', `${message}: remove it if no process uses the store`, { cause: error });
  }
  const message = `could not lock store ${printable(storePath)}: ${found}: its folder must be one to write in`;
  return new KeylaneError('store-failed', message, { cause: error });
}

function takenBy(holder: Holder | null): string {
  if (holder === null) return 'another process is opening it just now: try again';
  const since = `has it since ${printable(holder.since)}`;
  if (holder.host !== hostname()) {
    return `process ${holder.pid} on host ${printable(holder.host)} ${since}: stop that process first`;
  }
  if (holder.pid === process.pid) return `this process (${holder.pid}) ${since}: close its other user first`;
  return `process ${holder.pid} ${since}: stop it first, or use another store (reading this one is fine)`;
}
