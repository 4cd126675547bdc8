// Whether the files that SQLite has open are still those that their names lead to. SQLite itself would go on writing
// into a file that was removed. Looks at names only: no file that SQLite has open is ever opened here.

import { statSync } from 'node:fs';
import { KeylaneError, printable } from '../errors.js';
import type { FileIdentity } from './messages.js';

/** The database and its log, as they were when it was opened. */
export class StoreFiles {
  readonly #path: string;
  readonly #files: readonly { readonly path: string; readonly identity: FileIdentity | null }[];

  /** Call it once something was written: then the log is there, and stays for as long as the database is open. */
  constructor(path: string) {
    this.#path = path;
    this.#files = [path, `${path}-wal`].map((each) => ({ path: each, identity: identityOf(each) }));
  }

  /** Throws a KeylaneError `store-replaced` when one of them is gone, or is another file. */
  confirm(): void {
    for (const { path, identity } of this.#files) {
      const found = identityOf(path);
      if (found !== null && identity !== null && isSame(found, identity)) continue;
      const what = found === null ? 'no file' : 'another file';
      throw notTheSame(this.#path, path === this.#path ? what : `${what} in place of its log ${printable(path)}`);
    }
  }
}

/** The file that a name leads to, or null when there is none. */
export function identityOf(path: string): FileIdentity | null {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats === undefined ? null : { device: stats.dev, inode: stats.ino };
}

export function isSame(a: FileIdentity, b: FileIdentity): boolean {
  return a.device === b.device && a.inode === b.inode;
}

export function notTheSame(path: string, found: string): KeylaneError {
  return new KeylaneError(
    'store-replaced',
    `store ${printable(path)} must stay where it is while it is used, found ${found}: ` +
      'put back what was there, or choose another path, then start again',
  );
}
