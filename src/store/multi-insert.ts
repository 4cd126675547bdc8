// Inserts rows of one table, many a statement, with parameters in arrays that are used again and again: the hot path of
// the writer. A value that all rows of a statement share, such as their handler, is bound once for all of them, as to
// bind a value costs about as much as to store it. Runs inside the caller's transaction.

import type { Connection, Statement } from './database.js';

// Measured: 32, 50, 64 and 100 rows a statement cost the same, one row a statement nearly twice as much.
const rowsPerStatement = 50;

/** Statements kept, each for other columns that are shared. Rows of one store have two or three such sets. */
const shapesMax = 16;

export interface InsertInto {
  readonly table: string;
  readonly columns: readonly string[];
  /** What becomes of a row whose key is there already: it is left out, or takes the other's place. */
  readonly onConflict: { readonly skip: readonly string[] } | 'replace';
}

/** A statement for rows that have the same values in some columns. */
interface Shape {
  readonly statement: Statement;
  /** Indexes of the columns in which they have not. */
  readonly own: readonly number[];
  readonly ownValues: unknown[];
  /** Values of the other columns, by their names. */
  readonly shared: Record<string, unknown>;
}

export class MultiInsert {
  readonly #db: Connection;
  readonly #into: InsertInto;
  readonly #one: Statement;
  /** By the columns that are shared: a bit for each. */
  readonly #shapes = new Map<number, Shape>();
  readonly #manyValues: unknown[];
  readonly #oneValues: unknown[];

  constructor(db: Connection, into: InsertInto) {
    this.#db = db;
    this.#into = into;
    this.#one = db.prepare(insertOf(into, { rows: 1, isShared: () => false }));
    this.#manyValues = new Array(rowsPerStatement * into.columns.length).fill(null);
    this.#oneValues = new Array(into.columns.length).fill(null);
    this.#shapes.set(0, this.#shapeOf(0));
  }

  /** Inserts `count` rows; `bind` puts the values of the next one into an array. Gives the number of rows stored. */
  insert(count: number, bind: (values: unknown[], at: number) => void): number {
    const columns = this.#into.columns.length;
    let stored = 0;
    let done = 0;
    for (; done + rowsPerStatement <= count; done += rowsPerStatement) {
      for (let row = 0; row < rowsPerStatement; row += 1) bind(this.#manyValues, row * columns);
      stored += this.#insertMany();
    }
    for (; done < count; done += 1) {
      bind(this.#oneValues, 0);
      stored += this.#one.run(this.#oneValues).changes;
    }
    this.#forget();
    return stored;
  }

  /** Lets go of the values: they may be large, or parts of what is. */
  #forget(): void {
    this.#oneValues.fill(null);
    this.#manyValues.fill(null);
    for (const { ownValues, shared } of this.#shapes.values()) {
      ownValues.fill(null);
      for (const name of Object.keys(shared)) shared[name] = null;
    }
  }

  #insertMany(): number {
    const values = this.#manyValues;
    const { columns } = this.#into;
    const { statement, own, ownValues, shared } = this.#fitting();
    let next = 0;
    for (let from = 0; from < values.length; from += columns.length) {
      for (const column of own) {
        ownValues[next] = values[from + column];
        next += 1;
      }
    }
    for (let column = 0; column < columns.length; column += 1) shared[columns[column]!] = values[column];
    return statement.run(ownValues, shared).changes;
  }

  /** The shape for the values that are there. */
  #fitting(): Shape {
    const mask = sharedIn(this.#manyValues, this.#into.columns.length);
    const known = this.#shapes.get(mask);
    if (known !== undefined) return known;
    if (this.#shapes.size >= shapesMax) return this.#shapes.get(0)!;
    const shape = this.#shapeOf(mask);
    this.#shapes.set(mask, shape);
    return shape;
  }

  #shapeOf(mask: number): Shape {
    const isShared = (column: number): boolean => (mask & (1 << column)) !== 0;
    const own = [...this.#into.columns.keys()].filter((column) => !isShared(column));
    return {
      statement: this.#db.prepare(insertOf(this.#into, { rows: rowsPerStatement, isShared })),
      ...{ own, ownValues: new Array(own.length * rowsPerStatement).fill(null), shared: {} },
    };
  }
}

/** Columns in which all rows have the same value: a bit for each. */
function sharedIn(values: readonly unknown[], columns: number): number {
  let mask = 0;
  for (let column = 0; column < columns; column += 1) {
    const value = values[column];
    let at = column + columns;
    while (at < values.length && values[at] === value) at += columns;
    if (at >= values.length) mask |= 1 << column;
  }
  return mask;
}

function insertOf(
  { table, columns, onConflict }: InsertInto,
  { rows, isShared }: { rows: number; isShared(column: number): boolean },
): string {
  const row = `(${columns.map((name, column) => (isShared(column) ? `@${name}` : '?')).join(', ')})`;
  const [verb, end] =
    onConflict === 'replace'
      ? ['INSERT OR REPLACE', '']
      : ['INSERT', `ON CONFLICT (${onConflict.skip.join(', ')}) DO NOTHING`];
  return `${verb} INTO ${table} (${columns.join(', ')}) VALUES ${new Array(rows).fill(row).join(', ')} ${end}`;
}
