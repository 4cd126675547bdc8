// The store as the writer thread sees it: open it, add groups of events and outcomes, read the journal back, close it.
// One group is one transaction, and what `append` has returned for is durable. Knows nothing of threads or batches.

import { KeylaneError, printable } from '../errors.js';
import { type OutcomeRow, RowsReader } from '../outcome.js';
import {
  attempt,
  type Connection,
  checkpoint,
  checkpointPages,
  confirmSynchronous,
  frameBytes,
  lastCheckpoint,
  openForWriting,
  pageBytes,
  type Statement,
  sqliteCodeOf,
  synchronousOf,
  walPagesOf,
} from './database.js';
import { EventJournal } from './event-journal.js';
import { readFlight } from './flight-log.js';
import { StoreLock } from './lock.js';
import type {
  GroupRequest,
  GroupResult,
  JournalPage,
  JournalStart,
  OpenRequest,
  OpenResult,
  PageRequest,
  PartitionStart,
  StoreGauges,
  Watermark,
} from './messages.js';
import { OutcomeEraser } from './outcome-eraser.js';
import { OutcomeInserter } from './outcome-inserter.js';
import { PartitionTable } from './partition-table.js';
import { RetentionSchedule } from './retention-schedule.js';
import { migrateToNewest } from './schema.js';
import { createStore, freeBytesAt, isStore, locateStore, removeUnfinished } from './store-file.js';
import { storedText } from './stored-text.js';
import { charge, SuspectTable } from './suspect-table.js';

/** An open store. Its holder is the only writer, by the lock. */
export class Store {
  readonly #lock: StoreLock;
  readonly #db: Connection;
  /** What `open` says of it. */
  readonly opened: OpenResult;
  readonly #partitions: PartitionTable;
  readonly #journal: EventJournal;
  readonly #suspects: SuspectTable;
  readonly #inserter: OutcomeInserter;
  /** Null when everything is kept. */
  readonly #retention: RetentionSchedule | null;
  readonly #pageCount: Statement;
  readonly #freeCount: Statement;
  readonly #readEpoch: Statement;
  /** Set by the first append that fails, read by every one after it: rows may be missing in between. */
  #failure: KeylaneError | null = null;
  /** Pages in the log after the last group, or 0 since it was tended. */
  #walPages = 0;

  private constructor(lock: StoreLock, db: Connection, request: OpenRequest) {
    this.#lock = lock;
    this.#db = db;
    this.opened = begin(db);
    // The transaction above was the connection's first in WAL mode, where SQLite may fall back to a lower level.
    confirmSynchronous(db, request.durability);
    const ids = handlerIds(db, request.handlerNames);
    this.#suspects = new SuspectTable(db);
    this.#partitions = new PartitionTable(db, { epoch: this.opened.epoch, suspects: this.#suspects });
    this.#journal = new EventJournal(db, { partition: this.#partitions.journal, handlerIds: ids });
    this.#inserter = new OutcomeInserter(db, ids);
    this.#retention = this.#retentionOf(request);
    this.#pageCount = db.prepare('PRAGMA page_count').pluck();
    this.#freeCount = db.prepare('PRAGMA freelist_count').pluck();
    this.#readEpoch = db.prepare(`SELECT value FROM meta WHERE name = 'epoch'`).pluck();
  }

  /**
   * Opens the store, or makes it. Throws a KeylaneError `store-refused` for a file that is not ours, `store-locked`
   * when another user has it, `store-failed` for what SQLite reports. Nothing stays open and no lock stays held then.
   */
  static open(request: OpenRequest): Store {
    const path = locateStore(request.path);
    // Looked at before the lock too, so that no lock is left beside a file that is not ours.
    isStore(path);
    const lock = StoreLock.acquire(path);
    const opened: Connection[] = [];
    try {
      removeUnfinished(path);
      if (!isStore(path)) createStore(path);
      return attempt(`open ${printable(path)}`, () => {
        const db = openForWriting(path, request.durability);
        opened.push(db);
        migrateToNewest(db);
        return new Store(lock, db, request);
      });
    } catch (error) {
      for (const db of opened) db.close();
      lock.release();
      throw error;
    }
  }

  /** SQLite's `synchronous` as it is now: 1 is NORMAL, 2 is FULL. */
  get synchronous(): unknown {
    return synchronousOf(this.#db);
  }

  /** Makes the partition of a source if it is new, and says where it stands. */
  openPartition(name: string): PartitionStart {
    return attempt('open a partition', () => this.#inTransaction(() => this.#partitions.open(name)));
  }

  /**
   * Says where the journal stands. It is volatile when published events are not to be stored, so that positions are
   * given to events of which only their outcomes will be known.
   */
  openJournal(how: { isVolatile: boolean }): JournalStart {
    return attempt('open the journal', () => this.#inTransaction(() => this.#partitions.openJournal(how)));
  }

  /** Reads journaled events that have no outcome, in order. */
  readJournal(request: PageRequest): JournalPage {
    if (this.#failure !== null) throw this.#failure;
    return attempt('read the journal', () => this.#journal.page(request));
  }

  /** Stores the text by which the partition's input is known again. */
  setFingerprint(partition: number, text: string): void {
    attempt('store a fingerprint', () => {
      this.#inTransaction(() => this.#partitions.setFingerprint(partition, text));
    });
  }

  /** Stores a group. When it throws, nothing of the group is stored, and every later group is refused. */
  append(group: GroupRequest): GroupResult {
    if (this.#failure !== null) throw this.#failure;
    try {
      return attempt('store outcomes', () => this.#appendGroup(group));
    } catch (error) {
      if (error instanceof KeylaneError) this.#failure = error;
      throw error;
    }
  }

  /**
   * Moves the log into the database when it has grown enough. It waits for the disk and nobody waits for it, so it is
   * called between groups, once the one before has been answered. What goes wrong is told by every later append.
   */
  tend(): void {
    if (this.#walPages < checkpointPages || this.#failure !== null) return;
    try {
      this.#walPages = 0;
      attempt('checkpoint', () => checkpoint(this.#db));
    } catch (error) {
      if (error instanceof KeylaneError) this.#failure = error;
      else throw error;
    }
  }

  /**
   * Deletes a little of what is no longer to be kept, and gives whether there is more to do at once. It is for moments
   * in which nobody waits. What goes wrong is told by every later append, unless the file is only full or taken now.
   */
  retain(nowMs: number): boolean {
    if (this.#retention === null || this.#failure !== null) return false;
    try {
      const retention = this.#retention;
      return attempt('delete outcomes', () => retention.step(nowMs));
    } catch (error) {
      if (!(error instanceof KeylaneError)) throw error;
      if (/^SQLITE_(?:FULL|BUSY)/.test(sqliteCodeOf(error.cause) ?? '')) this.#retention.giveUp(nowMs);
      else this.#failure = error;
      return false;
    }
  }

  /**
   * Stores the last watermarks, empties the log, closes the files, gives the lock back: each of these whatever became
   * of those before. With null instead of watermarks the end is not an orderly one, and is remembered as such.
   */
  close(watermarks: readonly Watermark[] | null): void {
    try {
      if (watermarks !== null && this.#failure === null) {
        attempt('close the store', () => this.#inTransaction(() => this.#endInOrder(watermarks)));
      }
    } finally {
      try {
        attempt('checkpoint', () => lastCheckpoint(this.#db));
      } finally {
        this.#db.close();
        this.#lock.release();
      }
    }
  }

  #appendGroup(group: GroupRequest): GroupResult {
    const rows: OutcomeRow[] = [];
    for (const joined of group.rows) {
      const reader = new RowsReader(joined);
      for (let index = 0; index < reader.count; index += 1) rows.push(reader.next());
    }
    const { events } = group;
    const result = this.#inTransaction(() => {
      const duplicates = events === null ? [] : this.#journal.append(events);
      const stored = this.#inserter.insert(rows);
      this.#suspects.acquit(rows);
      this.#partitions.raise(group.watermarks);
      return { stored, ignored: rows.length - stored, duplicates };
    });
    this.#retention?.noteStored(result.stored);
    return { ...result, gauges: this.#gauges() };
  }

  #gauges(): StoreGauges {
    this.#walPages = walPagesOf(this.#db);
    const walBytes = this.#walPages * frameBytes;
    const pages = (this.#pageCount.get() as number) - (this.#freeCount.get() as number);
    const storeBytes = pages * pageBytes + walBytes;
    return { walBytes, storeBytes, freeBytes: freeBytesAt(this.#db.name) };
  }

  #retentionOf({ retention }: OpenRequest): RetentionSchedule | null {
    if (retention === null) return null;
    const eraser = new OutcomeEraser(this.#db, (change) => {
      const result = this.#inTransaction(change);
      this.#walPages = walPagesOf(this.#db);
      return result;
    });
    return new RetentionSchedule(this.#db, { retention, eraser });
  }

  #endInOrder(watermarks: readonly Watermark[]): void {
    this.#partitions.raiseLast(watermarks);
    this.#db.prepare(`UPDATE meta SET value = 1 WHERE name = 'clean'`).run();
  }

  #inTransaction<Result>(change: () => Result): Result {
    const transaction = this.#db.transaction(() => {
      // The lock keeps a second writer out unless someone removed its file by hand; then the older writer gives way.
      if (this.#readEpoch.get() !== this.opened.epoch) throw replaced(this.#db.name);
      return change();
    });
    return transaction.immediate();
  }
}

/** Begins an epoch; charges those whom the flight log of the one before names. */
function begin(db: Connection): OpenResult {
  const begun = db.transaction(() => {
    const wasClean = db.prepare(`SELECT value FROM meta WHERE name = 'clean'`).pluck().get() === 1;
    const epoch = db.prepare(`UPDATE meta SET value = value + 1 WHERE name = 'epoch' RETURNING value`).pluck().get();
    db.prepare(`UPDATE meta SET value = 0 WHERE name = 'clean'`).run();
    if (!wasClean) charge(db, readFlight(db.name, (epoch as number) - 1));
    return { epoch: epoch as number, wasClean, path: db.name };
  });
  return begun.immediate();
}

/** The id in the store of every handler, by its index in the request. */
function handlerIds(db: Connection, names: readonly string[]): number[] {
  const find = db
    .prepare('INSERT INTO handler (name) VALUES (?) ON CONFLICT (name) DO UPDATE SET is_present = 1 RETURNING id')
    .pluck();
  return db
    .transaction(() => {
      db.prepare('UPDATE handler SET is_present = 0').run();
      return names.map((name) => find.get(storedText(name)) as number);
    })
    .immediate();
}

function replaced(path: string): KeylaneError {
  return new KeylaneError(
    'store-failed',
    `the store ${printable(path)} must have one writer, another process has opened it since: this one stops`,
  );
}
