// A store that no processor has open, for as long as one call needs it: found, locked, opened, and given back whatever
// becomes of the call.

import { KeylaneError, printable } from '../errors.js';
import type { Durability } from '../options.js';
import { attempt, type Connection, lastCheckpoint, loadAddon, openForReading, openForWriting } from './database.js';
import { StoreLock } from './lock.js';
import { migrateToNewest } from './schema.js';
import { isStore, locateStore } from './store-file.js';

/** What is done with it: read only, or changed so that the change survives this. */
export type LockedUse = { readonly isDryRun: boolean; readonly durability: Durability };

/** Throws a KeylaneError: `store-refused` when there is no store of ours, `store-locked`, `store-failed`. */
export async function withLockedStore<Result>(
  store: string,
  { isDryRun, durability }: LockedUse,
  use: (db: Connection) => Promise<Result>,
): Promise<Result> {
  loadAddon();
  const path = locateStore(store);
  if (!isStore(path)) {
    throw new KeylaneError('store-refused', `store ${printable(path)} must be there, found no file: check the path`);
  }
  const lock = StoreLock.acquire(path);
  try {
    const open = (): Connection => (isDryRun ? openForReading(path) : openToChange(path, durability));
    const db = attempt(`open ${printable(path)}`, open);
    try {
      const result = await use(db);
      if (!isDryRun) attempt('checkpoint', () => lastCheckpoint(db));
      return result;
    } finally {
      db.close();
    }
  } finally {
    lock.release();
  }
}

function openToChange(path: string, durability: Durability): Connection {
  const db = openForWriting(path, durability);
  try {
    migrateToNewest(db);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}
