// A store as a program reads it, without a processor and beside one: in the caller's thread, a page at a time, never
// writing. Checks what it is given, decodes what it finds. Knows nothing of locks or of the writer.

import { KeylaneError, printable } from '../errors.js';
import { type Identity, journalPartition } from '../event.js';
import type { Outcome } from '../outcome.js';
import { attempt, type Connection, loadAddon, openForReading } from './database.js';
import { JournalPages } from './journal-pages.js';
import { type FailedTry, LaneReader, type ParkedLane } from './lane-reader.js';
import { OutcomePages, type OutcomesWanted } from './outcome-pages.js';
import { checkedFilter, checkedIdentity, checkedLimit, checkText } from './reader-options.js';
import {
  schemaVersion,
  schemaVersionOfJournal,
  schemaVersionOfLanes,
  schemaVersionOfStates,
  versionOf,
} from './schema.js';
import { StatePages, type StatesFilter, type StoredState } from './state-pages.js';
import { countsOf, keysOf, type StoreCounts, type StoreTimes, timesOf } from './store-figures.js';
import { expectStore, locateStore } from './store-file.js';
import {
  type JournaledEvent,
  type KeptEvent,
  type PendingEvent,
  type StoredEvent,
  type StoredWaitingEvent,
  toJournaledEvent,
  toKeptEvent,
  toPendingEvent,
} from './stored-event.js';
import { toOutcome } from './stored-outcome.js';

/** What is wanted of dead letters; what is left out may be anything. */
export interface DeadLetterFilter {
  readonly handler?: string;
  readonly type?: string;
  readonly key?: string;
  /** Name of the error, such as `TypeError`. */
  readonly error?: string;
}

/** What stores have since some schema; null in an older one. */
interface NewerParts {
  readonly version: number;
  readonly journal: JournalPages | null;
  readonly lanes: LaneReader | null;
  readonly states: StatePages | null;
}

/**
 * A store that is only read. Everything it gives is durable. Its iterables read page by page: between two rows nothing
 * is held, and while a processor writes, each page is of its own moment. Every method reads in the calling thread,
 * which waits, and throws a KeylaneError: `store-closed` after `close()`, `store-failed`, `bad-option`.
 */
export class StoreReader {
  readonly #db: Connection;
  /** The path as messages show it, and what is tried, in words; made once, as rows ask for it one by one. */
  readonly #name: string;
  readonly #step: string;
  readonly #outcomes: OutcomePages;
  /** Those that the store's schema has; looked for by each call, as a processor may bring it up. */
  #newer: NewerParts = { version: 0, journal: null, lanes: null, states: null };

  private constructor(db: Connection) {
    this.#db = db;
    this.#name = printable(db.name);
    this.#step = `read ${this.#name}`;
    this.#outcomes = new OutcomePages(db);
  }

  /** See `openStore`. */
  static open(path: string): StoreReader {
    const located = locateStore(path);
    loadAddon();
    expectStore(located);
    return attempt(`open ${printable(located)}`, () => {
      const db = openForReading(located);
      try {
        return new StoreReader(db);
      } catch (error) {
        db.close();
        throw error;
      }
    });
  }

  /**
   * The published event with this identity, or null. Only published events are in the store, and only those that were
   * journaled; those of a source are in its input, and some of them are kept: see `keptEvent`.
   */
  event(identity: Identity): JournaledEvent | null {
    const { partition, position } = checkedIdentity(identity);
    return this.#read(() => {
      return toJournaledEvent(partition === journalPartition ? (this.#findJournal()?.at(position) ?? []) : []);
    });
  }

  /** The event with this identity that the store keeps beside its journal, or null: see `KeptEvent`. */
  keptEvent(identity: Identity): KeptEvent | null {
    const checked = checkedIdentity(identity);
    return this.#read(() => toKeptEvent(this.#findLanes()?.keptEvent(checked) ?? [], checked));
  }

  /** The published event with this id, or null; found by an index. What `event` says of source events holds here. */
  eventById(id: string): JournaledEvent | null {
    checkText('id', id);
    return this.#read(() => toJournaledEvent(this.#findJournal()?.withId(id) ?? []));
  }

  /** The journaled events, by position, or those of a key or type. Looks at every one of them. */
  *events(filter: { readonly key?: string; readonly type?: string } = {}): Generator<JournaledEvent, void, undefined> {
    const { key, type } = checkedFilter(filter, ['key', 'type']);
    const rows = this.#read(() => this.#findJournal()?.all() ?? [].values());
    for (const event of this.#decoded(rows, { decode: toJournaledEvent, limit: Number.POSITIVE_INFINITY })) {
      if ((key ?? event!.key) === event!.key && (type ?? event!.type) === event!.type) yield event!;
    }
  }

  /** The outcome of the event with this identity, of whichever origin, or the first of several; null without any. */
  outcome(identity: Identity): Outcome | null {
    return this.outcomes(identity)[0] ?? null;
  }

  /** The outcomes of the event with this identity, one for each handler that has decided it. */
  outcomes(identity: Identity): Outcome[] {
    const checked = checkedIdentity(identity);
    return this.#read(() => this.#outcomes.at(checked).map(toOutcome));
  }

  /**
   * The outcomes of the journaled event with this id, one for each handler that has decided it. Ids of source events
   * have no index and are not looked for: read `byKey` or query the view `outcomes`: either looks at every outcome.
   */
  outcomesById(id: string): Outcome[] {
    checkText('id', id);
    return this.#read(() => {
      const [event] = this.#findJournal()?.withId(id) ?? [];
      if (event === undefined) return [];
      return this.#outcomes.at({ partition: journalPartition, position: event.position }).map(toOutcome);
    });
  }

  /** The outcomes of one key: partition by partition, by position. Looks at every outcome in the store. */
  byKey(key: string, filter: { readonly handler?: string; readonly type?: string } = {}): IterableIterator<Outcome> {
    checkText('key', key);
    return this.#outcomesOf({ ...checkedFilter(filter, ['handler', 'type']), key });
  }

  /** The outcomes of events that failed: partition by partition, by position. Looks at every outcome in the store. */
  deadLetters(filter: DeadLetterFilter = {}): IterableIterator<Outcome> {
    return this.#outcomesOf(deadLettersWanted(filter));
  }

  /** How many `deadLetters` gives. Looks at every outcome, and is cheaper as it decodes none. */
  deadLetterCount(filter: DeadLetterFilter = {}): number {
    const wanted = deadLettersWanted(filter);
    return this.#read(() => this.#outcomes.count(wanted));
  }

  /**
   * Events that have no outcome yet, as in the view `pending_events`: those of the journal by position, then those that
   * wait in lanes, lane by lane; `limit` at most.
   */
  pending(options: { readonly limit?: number } = {}): IterableIterator<PendingEvent> {
    const limit = checkedLimit(options);
    const rows = this.#read(() => pendingOf(this.#parts(), limit));
    return this.#decoded(rows, { decode: toPendingEvent, limit });
  }

  /** Every try of one event that failed, the oldest first; that which made it a dead letter is its handler's last. */
  history(identity: Identity): FailedTry[] {
    const checked = checkedIdentity(identity);
    return this.#read(() => this.#findLanes()?.failuresOf(checked) ?? []);
  }

  /** The lanes that are stopped by a dead letter, in the order in which they were. */
  parkedLanes(): ParkedLane[] {
    return this.#read(() => this.#findLanes()?.parkedLanes() ?? []);
  }

  /** Why the dead letter with this identity, of this handler or of any, was given up; null for any other event. */
  discardReason(identity: Identity, handler: string | null = null): string | null {
    const checked = checkedIdentity(identity);
    return this.#read(() => this.#findLanes()?.discardReasonOf(checked, handler) ?? null);
  }

  /** The state that a handler keeps for a key, or null: it keeps none, or gave it up. */
  state(handler: string, key: string): StoredState | null {
    checkText('handler', handler);
    checkText('key', key);
    return this.#read(() => this.#findStates()?.at(handler, key) ?? null);
  }

  /** The states that a handler keeps, by key as UTF-8 sorts them; of keys with a prefix, `limit` at most. */
  states(handler: string, { prefix = '', ...options }: StatesFilter = {}): IterableIterator<StoredState> {
    checkText('handler', handler);
    checkText('prefix', prefix);
    const limit = checkedLimit(options);
    const rows = this.#read(() => this.#findStates()?.of(handler, prefix) ?? [].values());
    return this.#decoded(rows, { decode: (state: StoredState) => state, limit });
  }

  /** How many outcomes there are, per type and status, and how many pending events. Looks at every outcome. */
  counts(): StoreCounts {
    return this.#read(() => countsOf(this.#db, this.#parts()));
  }

  /** From when until when the store reaches. Looks at every outcome and every journaled event. */
  times(): StoreTimes {
    return this.#read(() => timesOf(this.#db, this.#parts()));
  }

  /** How many keys the outcomes and journaled events have. Looks at each, and gathers keys in a temporary file. */
  keys(): number {
    return this.#read(() => keysOf(this.#db, this.#parts()));
  }

  /** Gives the file back. A second call does nothing; every other method, and every iterable, throws from now on. */
  close(): void {
    this.#db.close();
  }

  /** Closes. */
  [Symbol.dispose](): void {
    this.close();
  }

  #outcomesOf(wanted: OutcomesWanted): IterableIterator<Outcome> {
    const rows = this.#read(() => this.#outcomes.rows(wanted));
    return this.#decoded(rows, { decode: toOutcome, limit: Number.POSITIVE_INFINITY });
  }

  *#decoded<Row, Item>(
    rows: Iterator<Row, void>,
    { decode, limit }: { decode: (row: Row) => Item; limit: number },
  ): Generator<Item, void, undefined> {
    for (let count = 0; count < limit; count += 1) {
      // The reader may have been closed since the last one.
      const next = this.#read(() => {
        const { done, value } = rows.next();
        return done === true ? null : { item: decode(value) };
      });
      if (next === null) return;
      yield next.item;
    }
  }

  #parts(): { outcomes: OutcomePages; events: JournalPages | null; lanes: LaneReader | null } {
    return { outcomes: this.#outcomes, events: this.#findJournal(), lanes: this.#findLanes() };
  }

  #findJournal(): JournalPages | null {
    this.#lookForNewer();
    return this.#newer.journal;
  }

  #findLanes(): LaneReader | null {
    this.#lookForNewer();
    return this.#newer.lanes;
  }

  #findStates(): StatePages | null {
    this.#lookForNewer();
    return this.#newer.states;
  }

  #lookForNewer(): void {
    if (this.#newer.version === schemaVersion) return;
    const version = versionOf(this.#db);
    if (version === this.#newer.version) return;
    this.#newer = {
      version,
      journal: version < schemaVersionOfJournal ? null : new JournalPages(this.#db, { version }),
      lanes: version < schemaVersionOfLanes ? null : new LaneReader(this.#db),
      states: version < schemaVersionOfStates ? null : new StatePages(this.#db),
    };
  }

  #read<T>(run: () => T): T {
    if (this.#db.open) return attempt(this.#step, run);
    const message = `the store ${this.#name} must be open to be read, it was closed: open it once more`;
    throw new KeylaneError('store-closed', message);
  }
}

function* pendingOf(
  { events, lanes }: { events: JournalPages | null; lanes: LaneReader | null },
  limit: number,
): Generator<StoredEvent | StoredWaitingEvent, void, undefined> {
  if (events !== null) yield* events.pending(limit);
  if (lanes !== null) yield* lanes.waiting();
}

function deadLettersWanted(filter: DeadLetterFilter): OutcomesWanted {
  return { ...checkedFilter(filter, ['handler', 'type', 'key', 'error']), status: 'dead-lettered' };
}
