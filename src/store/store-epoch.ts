// Who uses the store, one after another: each opening is an epoch of its own, unless a thread takes over from one that
// died in the same process.

import { KeylaneError, printable } from '../errors.js';
import type { Connection } from './database.js';
import { identityOf, isSame, notTheSame } from './file-identity.js';
import { readFlight } from './flight-log.js';
import type { OpenResult } from './messages.js';
import { storedText } from './stored-text.js';
import { charge } from './suspect-table.js';

/** Begins an epoch; charges those whom the flight log of the one before names. */
export function beginEpoch(db: Connection): OpenResult {
  const begun = db.transaction(() => {
    const wasClean = db.prepare(`SELECT value FROM meta WHERE name = 'clean'`).pluck().get() === 1;
    const epoch = db.prepare(`UPDATE meta SET value = value + 1 WHERE name = 'epoch' RETURNING value`).pluck().get();
    db.prepare(`UPDATE meta SET value = 0 WHERE name = 'clean'`).run();
    if (!wasClean) charge(db, readFlight(db.name, (epoch as number) - 1));
    const file = identityOf(db.name);
    if (file === null) throw notTheSame(db.name, 'no file');
    return { epoch: epoch as number, wasClean, path: db.name, file };
  });
  return begun.immediate();
}

/** Goes on with the epoch of a thread that died. The lock was free in between. */
export function takeOver(db: Connection, before: OpenResult): OpenResult {
  const file = identityOf(db.name);
  if (file === null || !isSame(file, before.file)) throw notTheSame(db.name, 'another file');
  const epoch = db.prepare(`SELECT value FROM meta WHERE name = 'epoch'`).pluck().get();
  if (epoch !== before.epoch) throw takenOver(db.name);
  return before;
}

/** The id in the store of every handler, by its index in the request. */
export function handlerIds(db: Connection, names: readonly string[]): number[] {
  return db
    .transaction(() => {
      db.prepare('UPDATE handler SET is_present = 0').run();
      return names.map((name) => handlerId(db, name));
    })
    .immediate();
}

/** The id of a handler that is there from here on. */
export function handlerId(db: Connection, name: string): number {
  const id = db
    .prepare('INSERT INTO handler (name) VALUES (?) ON CONFLICT (name) DO UPDATE SET is_present = 1 RETURNING id')
    .pluck()
    .get(storedText(name)) as number;
  db.prepare('INSERT INTO route (id, handler) VALUES (?, ?) ON CONFLICT DO NOTHING').run(id, id);
  return id;
}

/** The ids of all handlers that the store knows, in place of those of a module: for who runs none. */
export function handlersOf(db: Connection): number[] {
  return db.prepare('SELECT id FROM handler').pluck().all() as number[];
}

/** Told by a writer that is no longer the store's only one. */
export function takenOver(path: string): KeylaneError {
  return new KeylaneError(
    'store-failed',
    `the store ${printable(path)} must have one writer, another process has opened it since: this one stops`,
  );
}
