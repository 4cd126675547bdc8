// Inserts rows of one table, many a statement, with parameters in one array that is used again and again: the hot path
// of the writer. Runs inside the caller's transaction.

import type { Connection, Statement } from './database.js';

// Measured: 32, 50, 64 and 100 rows a statement cost the same, one row a statement nearly twice as much.
const rowsPerStatement = 50;

export interface InsertInto {
  readonly table: string;
  readonly columns: readonly string[];
  /** What to do with a row that is there already, as SQL. */
  readonly onConflict: string;
}

export class MultiInsert {
  readonly #columns: number;
  readonly #many: Statement;
  readonly #one: Statement;
  readonly #manyValues: unknown[];
  readonly #oneValues: unknown[];

  constructor(db: Connection, into: InsertInto) {
    this.#columns = into.columns.length;
    this.#many = db.prepare(insertOf(into, rowsPerStatement));
    this.#one = db.prepare(insertOf(into, 1));
    this.#manyValues = new Array(rowsPerStatement * this.#columns).fill(null);
    this.#oneValues = new Array(this.#columns).fill(null);
  }

  /** Inserts `count` rows; `bind` puts the values of the next one into an array. Gives the number of rows stored. */
  insert(count: number, bind: (values: unknown[], at: number) => void): number {
    let stored = 0;
    let done = 0;
    for (; done + rowsPerStatement <= count; done += rowsPerStatement) {
      for (let row = 0; row < rowsPerStatement; row += 1) bind(this.#manyValues, row * this.#columns);
      stored += this.#many.run(this.#manyValues).changes;
    }
    for (; done < count; done += 1) {
      bind(this.#oneValues, 0);
      stored += this.#one.run(this.#oneValues).changes;
    }
    return stored;
  }
}

function insertOf({ table, columns, onConflict }: InsertInto, rows: number): string {
  const row = `(${new Array(columns.length).fill('?').join(', ')})`;
  return `INSERT INTO ${table} (${columns.join(', ')}) VALUES ${new Array(rows).fill(row).join(', ')} ${onConflict}`;
}
