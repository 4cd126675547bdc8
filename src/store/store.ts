// The store as the writer thread sees it: open it, add groups of outcomes, close it. One group is one transaction, and
// what `append` has returned for is durable. Knows nothing of threads, of batches, or of events still to come.

import { KeylaneError, printable } from '../errors.js';
import { optionTable } from '../options.js';
import { type OutcomeRow, RowsReader } from '../outcome.js';
import { runsOf } from '../position-runs.js';
import {
  attempt,
  type Connection,
  checkpoint,
  confirmSynchronous,
  frameBytes,
  lastCheckpoint,
  openForWriting,
  type Statement,
  synchronousOf,
  walPagesOf,
} from './database.js';
import { StoreLock } from './lock.js';
import type { GroupRequest, GroupResult, OpenRequest, PartitionStart, Watermark } from './messages.js';
import { OutcomeInserter } from './outcome-inserter.js';
import { migrate, schemaVersion } from './schema.js';
import { createStore, isStore, locateStore, removeUnfinished } from './store-file.js';
import { storedText } from './stored-text.js';

// A checkpoint costs two waits for the disk, so it is worth a fair log: 16 MB, a fraction of a second at full speed.
const checkpointPages = 4_000;

/** An open store. Its holder is the only writer, by the lock. */
export class Store {
  readonly #lock: StoreLock;
  readonly #db: Connection;
  readonly #epoch: number;
  /** Whether the user before closed the store in order. */
  readonly #wasClean: boolean;
  readonly #inserter: OutcomeInserter;
  readonly #readEpoch: Statement;
  readonly #raiseWatermark: Statement;
  /** Set by the first append that fails, read by every one after it: rows may be missing in between. */
  #failure: KeylaneError | null = null;
  /** Pages in the log after the last group, or 0 since it was tended. */
  #walPages = 0;

  private constructor(lock: StoreLock, db: Connection, request: OpenRequest) {
    this.#lock = lock;
    this.#db = db;
    this.#wasClean = db.prepare(`SELECT value FROM meta WHERE name = 'clean'`).pluck().get() === 1;
    this.#epoch = nextEpoch(db);
    // The transaction above was the connection's first in WAL mode, where SQLite may fall back to a lower level.
    confirmSynchronous(db, request.durability);
    this.#inserter = new OutcomeInserter(db, handlerIds(db, request.handlerNames));
    this.#readEpoch = db.prepare(`SELECT value FROM meta WHERE name = 'epoch'`).pluck();
    this.#raiseWatermark = db.prepare('UPDATE partition SET watermark = max(watermark, ?) WHERE id = ?');
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
        migrateExisting(db);
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

  /** Makes the partition if it is new, and says where it stands. */
  openPartition(name: string): PartitionStart {
    return attempt('open a partition', () => this.#inTransaction(() => this.#startOf(name)));
  }

  /** Stores the text by which the partition's input is known again. */
  setFingerprint(partition: number, text: string): void {
    attempt('store a fingerprint', () => {
      const set = this.#db.prepare('UPDATE partition SET fingerprint = ? WHERE id = ?');
      this.#inTransaction(() => set.run(text, partition));
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
   * Stores the last watermarks, empties the log, closes the files, gives the lock back: each of these whatever became
   * of those before. With null instead of watermarks the end is not an orderly one, and is remembered as such.
   */
  close(watermarks: readonly Watermark[] | null): void {
    try {
      if (watermarks !== null && this.#failure === null) {
        attempt('close the store', () => this.#inTransaction(() => this.#raiseLast(watermarks)));
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

  #startOf(name: string): PartitionStart {
    const db = this.#db;
    const stored = storedText(name);
    const isNew = db.prepare('SELECT 1 FROM partition WHERE name = ?').get(stored) === undefined;
    const { id, watermark, fingerprint, position_next } = db
      .prepare(
        `INSERT INTO partition (name, epoch) VALUES (?, ?)
         ON CONFLICT (name) DO UPDATE SET epoch = excluded.epoch RETURNING id, watermark, fingerprint, position_next`,
      )
      .get(stored, this.#epoch) as PartitionRow;
    // From here on positions are given to events, and the store knows of them only with their outcomes.
    db.prepare(`UPDATE meta SET value = 0 WHERE name = 'clean'`).run();
    const durable = db
      .prepare('SELECT DISTINCT position FROM outcome WHERE partition = ? AND position >= ? ORDER BY position')
      .pluck()
      .iterate(id, watermark) as Iterable<number>;
    const runs = runsOf(durable);
    const highest = db.prepare('SELECT max(position) FROM outcome WHERE partition = ?').pluck().get(id);
    const positionNext = Math.max(1, watermark, typeof highest === 'number' ? highest + 1 : 0);
    // After a death, positions above the highest outcome may have been seen by handlers. All of those were in the ring.
    const lost = isNew || this.#wasClean ? 0 : optionTable.ringSize.max;
    const positionUnused = Math.max(positionNext, position_next) + lost;
    return { partition: id, watermark, durable: runs, positionNext, positionUnused, fingerprint };
  }

  #appendGroup(group: GroupRequest): GroupResult {
    const rows: OutcomeRow[] = [];
    for (const joined of group.rows) {
      const reader = new RowsReader(joined);
      for (let index = 0; index < reader.count; index += 1) rows.push(reader.next());
    }
    let stored = 0;
    this.#inTransaction(() => {
      stored = this.#inserter.insert(rows);
      this.#raise(group.watermarks);
    });
    this.#walPages = walPagesOf(this.#db);
    return { stored, ignored: rows.length - stored, walBytes: this.#walPages * frameBytes };
  }

  #raise(watermarks: readonly Watermark[]): void {
    for (const { partition, watermark } of watermarks) this.#raiseWatermark.run(watermark, partition);
  }

  #raiseLast(watermarks: readonly Watermark[]): void {
    this.#raise(watermarks);
    const set = this.#db.prepare('UPDATE partition SET position_next = max(position_next, ?) WHERE id = ?');
    for (const { partition, positionNext } of watermarks) set.run(positionNext ?? 0, partition);
    this.#db.prepare(`UPDATE meta SET value = 1 WHERE name = 'clean'`).run();
  }

  #inTransaction<Result>(change: () => Result): Result {
    const transaction = this.#db.transaction(() => {
      // The lock keeps a second writer out unless someone removed its file by hand; then the older writer gives way.
      if (this.#readEpoch.get() !== this.#epoch) throw replaced(this.#db.name);
      return change();
    });
    return transaction.immediate();
  }
}

interface PartitionRow {
  readonly id: number;
  readonly watermark: number;
  readonly fingerprint: string | null;
  readonly position_next: number;
}

function migrateExisting(db: Connection): void {
  const version = Number(db.pragma('user_version', { simple: true }));
  if (version < schemaVersion) migrate(db, { from: version, to: schemaVersion });
}

function nextEpoch(db: Connection): number {
  return db.prepare(`UPDATE meta SET value = value + 1 WHERE name = 'epoch' RETURNING value`).pluck().get() as number;
}

/** The id in the store of every handler, by its index in the request. */
function handlerIds(db: Connection, names: readonly string[]): number[] {
  const add = db.prepare('INSERT INTO handler (name) VALUES (?) ON CONFLICT (name) DO NOTHING');
  const find = db.prepare('SELECT id FROM handler WHERE name = ?').pluck();
  return db
    .transaction(() =>
      names.map((name) => {
        const stored = storedText(name);
        add.run(stored);
        return find.get(stored) as number;
      }),
    )
    .immediate();
}

function replaced(path: string): KeylaneError {
  return new KeylaneError(
    'store-failed',
    `the store ${printable(path)} must have one writer, another process has opened it since: this one stops`,
  );
}
