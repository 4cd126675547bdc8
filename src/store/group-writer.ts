// Takes a group apart and stores each of its parts in the table where it belongs, inside the transaction of the store.
// Nearly all rows are outcomes that succeeded: those cost no look at any other table.

import { splitStates } from '../joined-states.js';
import { isOutcome, type OutcomeRow, RowsReader, verdict } from '../outcome.js';
import type { Connection, Statement } from './database.js';
import type { Emitters, GroupRequest, GroupResult, JournalEvents } from './messages.js';
import { OutcomeInserter } from './outcome-inserter.js';
import type { StateOfRow } from './state-table.js';
import type { StoreTables } from './store-tables.js';

/** The rows of a group, read, by what they are. */
export interface GroupRows {
  readonly outcomes: OutcomeRow[];
  /** Those of the outcomes whose events are to be kept. */
  readonly lost: OutcomeRow[];
  readonly failures: OutcomeRow[];
  readonly waiting: OutcomeRow[];
  /** States as its events have left them, in their order. */
  readonly states: StateOfRow[];
}

export type GroupStored = Pick<GroupResult, 'stored' | 'ignored' | 'duplicates' | 'withheld'>;

export class GroupWriter {
  readonly #tables: StoreTables;
  readonly #inserter: OutcomeInserter;
  readonly #savepoint: Statement;
  readonly #rollBack: Statement;
  readonly #release: Statement;

  constructor(db: Connection, tables: StoreTables) {
    this.#tables = tables;
    this.#inserter = new OutcomeInserter(db, tables.names);
    [this.#savepoint, this.#rollBack, this.#release] = [
      db.prepare('SAVEPOINT outcomes'),
      db.prepare('ROLLBACK TO outcomes'),
      db.prepare('RELEASE outcomes'),
    ];
  }

  /** Stores a group in the transaction that is under way. */
  append({ events, watermarks, parked }: GroupRequest, rows: GroupRows): GroupStored {
    const { journal, failures, waiting, kept, lanes, suspects, partitions } = this.#tables;
    // Before the outcomes, by which it is known whether the group was stored already.
    const withheld = events?.emitters === undefined ? [] : this.#withheld(events, events.emitters);
    const duplicates = events === null ? [] : journal.append(events, withheld);
    const outcomes = this.#withoutRedriven(rows);
    const stored = rows.states.length === 0 ? this.#inserter.insert(outcomes) : this.#insertWith(rows.states, outcomes);
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
   * Stores outcomes with the states that their events have left. Where some have an outcome already, they are of a
   * group that was stored, and what is there may be of later events: it is looked which, before all is stored anew.
   */
  #insertWith(states: readonly StateOfRow[], outcomes: OutcomeRow[]): number {
    const { states: table, decided } = this.#tables;
    this.#savepoint.run();
    let stored = this.#inserter.insert(outcomes);
    let fresh = states;
    if (stored < outcomes.length) {
      this.#rollBack.run();
      fresh = states.filter(({ row }) => !decided.has(row));
      stored = this.#inserter.insert(outcomes);
    }
    this.#release.run();
    table.change(fresh);
    return stored;
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
  const rows: GroupRows = { outcomes: [], lost: [], failures: [], waiting: [], states: [] };
  for (const [part, joined] of group.rows.entries()) {
    const reader = new RowsReader(joined);
    const states = group.states?.[part] ?? null;
    const left = states === null ? [] : splitStates(states, { areKept: false });
    let next = 0;
    for (let index = 0; index < reader.count; index += 1) {
      const row = reader.next();
      if (states !== null && states.rows[next] === index) {
        rows.states.push({ row, state: left[next]!.state });
        next += 1;
      }
      if (!isOutcome(row)) (row.verdict === verdict.waiting ? rows.waiting : rows.failures).push(row);
      else {
        rows.outcomes.push(row);
        if (row.verdict !== verdict.succeeded && row.verdict !== verdict.superseded) rows.lost.push(row);
      }
    }
  }
  return rows;
}
