// Takes a group apart and stores each of its parts in the table where it belongs, inside the transaction of the store.
// Nearly all rows are outcomes that succeeded: those cost no look at any other table.

import { isOutcome, type OutcomeRow, RowsReader, verdict } from '../outcome.js';
import type { Connection } from './database.js';
import type { Emitters, GroupRequest, GroupResult, JournalEvents } from './messages.js';
import { OutcomeInserter } from './outcome-inserter.js';
import type { StoreTables } from './store-tables.js';

/** The rows of a group, read, by what they are. */
export interface GroupRows {
  readonly outcomes: OutcomeRow[];
  /** Those of the outcomes whose events are to be kept. */
  readonly lost: OutcomeRow[];
  readonly failures: OutcomeRow[];
  readonly waiting: OutcomeRow[];
}

export type GroupStored = Pick<GroupResult, 'stored' | 'ignored' | 'duplicates' | 'withheld'>;

export class GroupWriter {
  readonly #tables: StoreTables;
  readonly #inserter: OutcomeInserter;

  constructor(db: Connection, tables: StoreTables) {
    this.#tables = tables;
    this.#inserter = new OutcomeInserter(db, tables.names);
  }

  /** Stores a group in the transaction that is under way. */
  append({ events, watermarks, parked, states }: GroupRequest, rows: GroupRows): GroupStored {
    const { journal, failures, waiting, kept, lanes, suspects, partitions } = this.#tables;
    // Before the outcomes, by which it is known whether the group was stored already.
    if (states !== undefined) this.#tables.states.change(states);
    const withheld = events?.emitters === undefined ? [] : this.#withheld(events, events.emitters);
    const duplicates = events === null ? [] : journal.append(events, withheld);
    const outcomes = this.#withoutRedriven(rows);
    const stored = this.#inserter.insert(outcomes);
    suspects.acquit(outcomes);
    waiting.settle(outcomes);
    for (const row of rows.lost) kept.keep(row);
    failures.add(rows.failures);
    waiting.add(rows.waiting);
    lanes.park(parked);
    partitions.raise(watermarks);
    const result = { stored, ignored: rows.outcomes.length - stored, duplicates };
    return withheld.length === 0 ? result : { ...result, withheld };
  }

  /**
   * Emitted events that are not to exist: what emitted them has its outcome already, and not of this group, as that
   * would have stored them as well.
   */
  #withheld({ positionFirst }: JournalEvents, { indexes, partitions, positions, handlers }: Emitters): number[] {
    const { decided, journal } = this.#tables;
    return Array.from(indexes).filter((index, at) => {
      const emitter = { partition: partitions[at]!, position: positions[at]!, handler: handlers[at]! };
      return decided.has(emitter) && !journal.has(positionFirst + index);
    });
  }

  /**
   * All outcomes but those of dead letters that were run again since: a group that comes again must not decide their
   * next run.
   */
  #withoutRedriven({ outcomes, lost }: GroupRows): OutcomeRow[] {
    const late = new Set(lost.filter((row) => this.#tables.failures.isOfBefore(row)));
    return late.size === 0 ? outcomes : outcomes.filter((row) => !late.has(row));
  }
}

/** Reads the rows of a group. */
export function groupRowsOf(group: GroupRequest): GroupRows {
  const rows: GroupRows = { outcomes: [], lost: [], failures: [], waiting: [] };
  for (const joined of group.rows) {
    const reader = new RowsReader(joined);
    for (let index = 0; index < reader.count; index += 1) {
      const row = reader.next();
      if (!isOutcome(row)) (row.verdict === verdict.waiting ? rows.waiting : rows.failures).push(row);
      else {
        rows.outcomes.push(row);
        if (row.verdict !== verdict.succeeded && row.verdict !== verdict.superseded) rows.lost.push(row);
      }
    }
  }
  return rows;
}
