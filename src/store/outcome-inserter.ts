// Puts outcome rows into their table, in the order of its primary key.

import type { OutcomeRow } from '../outcome.js';
import type { Connection } from './database.js';
import type { LaneNames } from './lane-name.js';
import { MultiInsert } from './multi-insert.js';
import { storedText } from './stored-text.js';

/** Inserts rows of one store; `names` turns the index of a handler in a row into the id in the table. */
export class OutcomeInserter {
  readonly #names: LaneNames;
  readonly #insert: MultiInsert;

  constructor(db: Connection, names: LaneNames) {
    this.#names = names;
    this.#insert = new MultiInsert(db, {
      table: 'outcome',
      columns: [
        ...['partition', 'position', 'handler', 'status', 'attempts', 'started_at', 'duration_us'],
        ...['id', 'type', 'key', 'result', 'error'],
      ],
      onConflict: { skip: ['partition', 'position', 'handler'] },
    });
  }

  /** Gives the number of rows stored; the others had their outcome already. */
  insert(rows: OutcomeRow[]): number {
    // The order of the primary key, which costs less than half of any other.
    rows.sort(byIdentity);
    let next = 0;
    return this.#insert.insert(rows.length, (values, at) => {
      this.#bind(values, at, rows[next]!);
      next += 1;
    });
  }

  #bind(values: unknown[], at: number, row: OutcomeRow): void {
    values[at] = row.partition;
    values[at + 1] = row.position;
    values[at + 2] = this.#names.idOf(row.handler);
    // The verdicts that are outcomes have the numbers of their status.
    values[at + 3] = row.verdict;
    values[at + 4] = row.attempts;
    values[at + 5] = row.startedAtUs;
    values[at + 6] = row.durationUs;
    values[at + 7] = row.id === null ? null : storedText(row.id);
    values[at + 8] = storedText(row.type);
    values[at + 9] = row.key === null ? null : storedText(row.key);
    // Results and errors are JSON as JSON.stringify makes it, which is well-formed.
    values[at + 10] = row.result;
    values[at + 11] = row.error;
  }
}

function byIdentity(a: OutcomeRow, b: OutcomeRow): number {
  return a.partition - b.partition || a.position - b.position || a.handler - b.handler;
}
