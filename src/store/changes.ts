// How the writer changes its store: one transaction at a time, in a file that is still its own, under a name that still
// leads to it. Remembers the first failure after which nothing may be stored any more, as rows may be missing.

import { KeylaneError } from '../errors.js';
import { attempt, type Connection, type Statement } from './database.js';
import { StoreFiles } from './file-identity.js';
import { fullDisk, indexChunkBytes, isFull, isOfIndex } from './full-disk.js';
import { takenOver } from './store-epoch.js';
import { freeBytesAt } from './store-file.js';

export class Changes {
  readonly #db: Connection;
  readonly #epoch: number;
  readonly #onFull: () => void;
  readonly #files: StoreFiles;
  readonly #readEpoch: Statement;
  /** Set by the first change that fails for more than want of room, read by every one after it. */
  #failure: KeylaneError | null = null;

  /** Call it once something was written: the log is there then. */
  constructor(db: Connection, { epoch, onFull }: { epoch: number; onFull: () => void }) {
    this.#db = db;
    this.#epoch = epoch;
    this.#onFull = onFull;
    this.#files = new StoreFiles(db.name);
    this.#readEpoch = db.prepare(`SELECT value FROM meta WHERE name = 'epoch'`).pluck();
  }

  get hasFailed(): boolean {
    return this.#failure !== null;
  }

  /** Throws what keeps the store from going on, if anything does. */
  confirm(): void {
    if (this.#failure !== null) throw this.#failure;
  }

  /** Throws when the store's files are no longer those that were opened. */
  confirmFiles(): void {
    this.#files.confirm();
  }

  inTransaction<Result>(change: () => Result): Result {
    const transaction = this.#db.transaction(() => {
      // The lock keeps a second writer out unless someone removed its file by hand; then the older writer gives way.
      if (this.#readEpoch.get() !== this.#epoch) throw takenOver(this.#db.name);
      return change();
    });
    const result = transaction.immediate();
    // What was written to a file that has lost its name is as good as lost, and must not be answered for.
    this.#files.confirm();
    return result;
  }

  /** Makes a change in a transaction; knows a full disk however SQLite puts it. */
  make<Result>(step: string, change: () => Result): Result {
    try {
      return attempt(step, () => this.inTransaction(change));
    } catch (error) {
      if (!(error instanceof KeylaneError)) throw error;
      const freeBytes = freeBytesAt(this.#db.name);
      if (!isFull(error) && !(isOfIndex(error) && freeBytes < indexChunkBytes)) throw error;
      this.#files.confirm();
      this.#onFull();
      throw fullDisk(this.#db.name, { freeBytes, error });
    }
  }

  /** Runs a step after whose failure nothing more may be stored, unless the disk is only full. */
  orFail<Result>(run: () => Result): Result {
    try {
      return run();
    } catch (error) {
      if (error instanceof KeylaneError && !isFull(error)) this.fail(error);
      throw error;
    }
  }

  fail(error: KeylaneError): void {
    this.#failure = error;
  }
}
