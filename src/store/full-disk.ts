// A full disk, however SQLite puts it: the one trouble of a write that passes, as nothing was written.

import { KeylaneError, printable } from '../errors.js';
import { sqliteCodeOf } from './database.js';

/** What SQLite adds to the index of its log at once. */
export const indexChunkBytes = 32 * 1024;

export function isFull(error: unknown): boolean {
  return error instanceof KeylaneError && error.code === 'store-full';
}

/** Whether the index of the log could not grow: with too little room free, that is a full disk too. */
export function isOfIndex(error: KeylaneError): boolean {
  return sqliteCodeOf(error.cause) === 'SQLITE_IOERR_SHMSIZE';
}

/** The trouble as people read it. */
export function fullDisk(path: string, of: { freeBytes: number; error: KeylaneError }): KeylaneError {
  const found = `found ${of.freeBytes} bytes free (${of.error.message})`;
  const message = `store ${printable(path)} must have room to grow, ${found}: make room on its file system`;
  return new KeylaneError('store-full', message, { cause: of.error.cause });
}
