// The store as the writer thread sees it: open it, add groups of events and outcomes, read the journal back, close it.
// One group is one transaction, and what `append` has returned for is durable. Knows nothing of threads or batches.

import { KeylaneError, printable } from '../errors.js';
import type { KeyState } from '../keyed-state.js';
import { Cancellation } from './cancellation.js';
import { Changes } from './changes.js';
import {
  attempt,
  type Connection,
  checkpoint,
  checkpointPages,
  confirmSynchronous,
  keepUndoInMemory,
  lastCheckpoint,
  openForWriting,
  sqliteCodeOf,
  synchronousOf,
  walPagesOf,
} from './database.js';
import type { DeadLettersRequest, DeadLettersResult } from './dead-letter-messages.js';
import { DeadLetters } from './dead-letters.js';
import type { CancelRequest, CancelResult, EventOutcomes, OutcomesRequest } from './event-messages.js';
import { notTheSame } from './file-identity.js';
import { isFull } from './full-disk.js';
import { Gauge } from './gauge.js';
import { GroupWriter, groupRowsOf } from './group-writer.js';
import { HandlerChanges } from './handler-changes.js';
import { LaneOrders } from './lane-orders.js';
import { LanePages } from './lane-pages.js';
import { StoreLock } from './lock.js';
import type {
  GroupRequest,
  GroupResult,
  JournalPage,
  JournalStart,
  LanePage,
  LanePageRequest,
  OpenRequest,
  OpenResult,
  PageRequest,
  PartitionStart,
  Repeat,
  StatesRequest,
  Watermark,
} from './messages.js';
import { OutcomeLookUp } from './outcome-look-up.js';
import { RetentionSchedule } from './retention-schedule.js';
import { migrateToNewest } from './schema.js';
import { beginEpoch, handlerIds, takeOver } from './store-epoch.js';
import { createStore, isStore, locateStore, removeUnfinished } from './store-file.js';
import { type StoreTables, tablesOf } from './store-tables.js';

// A log of any size is moved when the store has been quiet for two seconds of checks.
const quietChecksMin = 4;

/** An open store. Its holder is the only writer, by the lock. */
export class Store {
  readonly #lock: StoreLock;
  readonly #db: Connection;
  readonly #changes: Changes;
  /** What `open` says of it. */
  readonly opened: OpenResult;
  readonly #tables: StoreTables;
  /** Handlers that come and go. */
  readonly handlers: HandlerChanges;
  readonly #groups: GroupWriter;
  readonly #lanes: LanePages;
  readonly #deadLetters: DeadLetters;
  readonly #cancellation: Cancellation;
  readonly #lookUp: OutcomeLookUp;
  /** Null when everything is kept. */
  readonly #retention: RetentionSchedule | null;
  readonly #gauge: Gauge;
  /** Pages in the log after the last group; since it was tended, those that a reader or a full disk kept there. */
  #walPages = 0;
  /** Calls of `check` since the last group. */
  #quietChecks = 0;

  private constructor(lock: StoreLock, db: Connection, request: OpenRequest) {
    this.#lock = lock;
    this.#db = db;
    this.opened = request.takeOver === undefined ? beginEpoch(db) : takeOver(db, request.takeOver);
    const ids = handlerIds(db, request.handlerNames);
    const orders = LaneOrders.wanted(db, { ...request, handlerIds: ids });
    // The connection has had its first transaction in WAL mode, where SQLite may fall back to a lower level.
    confirmSynchronous(db, request.durability);
    const { epoch } = this.opened;
    this.#changes = new Changes(db, {
      epoch,
      // What the log holds may fit into the database; then the log starts over and needs no room.
      onFull: () => {
        this.#walPages = Math.max(this.#walPages, checkpointPages);
      },
    });
    const tables = tablesOf(db, { epoch, handlerIds: ids, orders, isTakenOver: request.takeOver !== undefined });
    const { partitions, ...others } = tables;
    const removed = request.removedHandlers ?? [];
    const changing = { ...others, orders, removed, journal: partitions.journal, changes: this.#changes };
    this.handlers = new HandlerChanges(db, changing);
    [this.#tables, this.#groups, this.#lanes] = [tables, new GroupWriter(db, tables), new LanePages(db, tables)];
    this.#deadLetters = new DeadLetters(db, { ...tables, orders });
    [this.#cancellation, this.#lookUp] = [new Cancellation(db, tables), new OutcomeLookUp(db, tables)];
    this.#retention = RetentionSchedule.of(db, request.retention, (change) => {
      const result = this.#changes.inTransaction(change);
      this.#walPages = walPagesOf(db);
      return result;
    });
    this.#gauge = new Gauge(db);
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
      if (!isStore(path)) {
        if (request.takeOver !== undefined) throw notTheSame(path, 'no file');
        createStore(path);
      }
      return attempt(`open ${printable(path)}`, () => {
        const db = openForWriting(path, request.durability);
        opened.push(db);
        migrateToNewest(db);
        // Not before: a migration may sort more than fits into memory.
        keepUndoInMemory(db);
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
  openPartition(name: string, how: Repeat = { isRepeat: false }): PartitionStart {
    return this.#changes.make('open a partition', () => this.#tables.partitions.open(name, how));
  }

  /**
   * Says where the journal stands. It is volatile when published events are not to be stored, so that positions are
   * given to events of which only their outcomes will be known.
   */
  openJournal(how: { isVolatile: boolean } & Partial<Repeat>): JournalStart {
    const request = { isRepeat: false, ...how };
    return this.#changes.make('open the journal', () => this.#tables.partitions.openJournal(request));
  }

  /** Reads journaled events that have no outcome, in order. */
  readJournal(request: PageRequest): JournalPage {
    this.#changes.confirm();
    return attempt('read the journal', () => this.#tables.journal.page(request));
  }

  /** Reads events that wait in a lane, in their order; they stay there until they have their outcomes. */
  readLane(request: LanePageRequest): LanePage {
    this.#changes.confirm();
    return attempt('read a lane', () => this.#lanes.page(request));
  }

  /** Runs some dead letters again, or gives them up: the first ones behind `after`, in one transaction. */
  deadLetters(request: DeadLettersRequest, how: Repeat = { isRepeat: false }): DeadLettersResult {
    return this.#change('change dead letters', () => this.#deadLetters.part(request, how));
  }

  /** Gives an event without an outcome that of being cancelled, if it is in the journal or waits in its lane. */
  cancel(request: CancelRequest): CancelResult {
    return this.#change('cancel an event', () => this.#cancellation.cancel(request));
  }

  /** Reads what has become of the first ones of some events, as many as fit, at least one. */
  readOutcomes(request: OutcomesRequest): EventOutcomes[] {
    this.#changes.confirm();
    return attempt('read outcomes', () => this.#lookUp.read(request));
  }

  /** Reads states of keys, in their order, as many as fit, at least one. */
  readStates(request: StatesRequest): (KeyState | null)[] {
    this.#changes.confirm();
    return attempt('read states', () => this.#tables.states.read(request));
  }

  /** Stores the text by which the partition's input is known again. */
  setFingerprint(partition: number, text: string): void {
    this.#changes.make('store a fingerprint', () => this.#tables.partitions.setFingerprint(partition, text));
  }

  /** Stores a group; when it throws, nothing of it. After `store-full` it may come again, else no group may. */
  append(group: GroupRequest): GroupResult {
    this.#changes.confirm();
    this.#quietChecks = 0;
    return this.#changes.orFail(() => attempt('store outcomes', () => this.#appendGroup(group)));
  }

  /** Throws what keeps the store from going on: its files are no longer there, or a checkpoint failed. */
  check(): void {
    this.#changes.confirm();
    this.#quietChecks += 1;
    this.#changes.orFail(() => this.#changes.confirmFiles());
  }

  /**
   * Moves the log into the database when it has grown enough, or when nothing has come for a while. It waits for the
   * disk and nobody waits for it, so it is called between calls, once the one before has been answered. What goes wrong
   * is told by every later append and check.
   */
  tend(): void {
    const isDue = this.#walPages >= checkpointPages || (this.#walPages > 0 && this.#quietChecks >= quietChecksMin);
    if (!isDue || this.#changes.hasFailed) return;
    try {
      this.#walPages = this.#changes.orFail(() => attempt('checkpoint', () => checkpoint(this.#db)));
    } catch (error) {
      // A full disk has no room in the database either: the log keeps what it has, and this is tried again.
      if (!(error instanceof KeylaneError)) throw error;
    }
  }

  /**
   * Deletes a little of what is no longer to be kept, and gives whether there is more to do at once. It is for moments
   * in which nobody waits. What goes wrong is told by every later append, unless the file is only full or taken now.
   */
  retain(nowMs: number): boolean {
    if (this.#retention === null || this.#changes.hasFailed) return false;
    try {
      const retention = this.#retention;
      return attempt('delete outcomes', () => retention.step(nowMs));
    } catch (error) {
      if (!(error instanceof KeylaneError)) throw error;
      if (/^SQLITE_(?:FULL|BUSY)/.test(sqliteCodeOf(error.cause) ?? '')) this.#retention.giveUp(nowMs);
      else this.#changes.fail(error);
      return false;
    }
  }

  /**
   * Stores the last watermarks, empties the log, closes the files, gives the lock back: each of these whatever became
   * of those before. With null instead of watermarks the end is not an orderly one, and is remembered as such. Only
   * when it throws `store-full` everything is open still, and it may be called again.
   */
  close(watermarks: readonly Watermark[] | null): void {
    let failure: unknown = null;
    try {
      if (watermarks !== null && !this.#changes.hasFailed) {
        this.#changes.make('close the store', () => this.#endInOrder(watermarks));
      }
    } catch (error) {
      if (isFull(error)) throw error;
      failure = error;
    }
    try {
      attempt('checkpoint', () => lastCheckpoint(this.#db));
    } catch (error) {
      // The next user takes the log in.
      if (!isFull(error)) failure ??= error;
    }
    try {
      this.#db.close();
    } finally {
      this.#lock.release();
    }
    if (failure !== null) throw failure;
  }

  #appendGroup(group: GroupRequest): GroupResult {
    const startMs = performance.now();
    const rows = groupRowsOf(group);
    const result = this.#changes.make('store outcomes', () => this.#groups.append(group, rows));
    this.#tables.waiting.forget(rows.outcomes);
    this.#retention?.noteStored(result.stored);
    this.#walPages = walPagesOf(this.#db);
    const tookUs = (performance.now() - startMs) * 1000;
    return { ...result, tookUs, gauges: this.#gauge.read({ walPages: this.#walPages }) };
  }

  #change<Result>(step: string, change: () => Result): Result {
    this.#changes.confirm();
    this.#quietChecks = 0;
    const result = this.#changes.orFail(() => this.#changes.make(step, change));
    this.#walPages = walPagesOf(this.#db);
    return result;
  }

  #endInOrder(watermarks: readonly Watermark[]): void {
    this.#tables.partitions.raiseLast(watermarks);
    this.#db.prepare(`UPDATE meta SET value = 1 WHERE name = 'clean'`).run();
  }
}
