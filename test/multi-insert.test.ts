// Inserting many rows a statement, with values that rows share bound once: whatever they share, what is stored is what
// was given.

import { expect, it } from 'vitest';
import { openInMemory } from '../src/store/database.js';
import { MultiInsert } from '../src/store/multi-insert.js';

const columns = ['position', 'a', 'b', 'c', 'd', 'e'];

function inserted(rows: readonly unknown[][]): { stored: number; found: unknown[][] } {
  const db = openInMemory();
  try {
    db.exec(`CREATE TABLE t (${columns.join(', ')}, PRIMARY KEY (position))`);
    const insert = new MultiInsert(db, { table: 't', columns, onConflict: { skip: ['position'] } });
    let next = 0;
    const stored = insert.insert(rows.length, (values, at) => {
      for (const [column, value] of rows[next]!.entries()) values[at + column] = value;
      next += 1;
    });
    const found = db
      .prepare(`SELECT ${columns.join(', ')} FROM t ORDER BY position`)
      .raw()
      .all() as unknown[][];
    return { stored, found };
  } finally {
    db.close();
  }
}

it('stores each row as it is, whichever columns the rows of a statement share', () => {
  // Fifty rows a statement: with each fifty other columns are shared, more sets of them than statements are kept.
  const rows = Array.from({ length: 32 * 50 + 7 }, (_, index) => {
    const shared = Math.floor(index / 50);
    const own = [0, 1, 2, 3, 4].map((bit) => ((shared >> bit) & 1 ? `all ${shared}` : `${index} ${bit}`));
    return [index, ...own];
  });
  expect(inserted(rows)).toEqual({ stored: rows.length, found: rows });
});

it('takes one row that differs, the last one too, for no shared value', () => {
  for (const odd of [0, 1, 48, 49]) {
    const rows = Array.from({ length: 50 }, (_, index) => [index, null, 'x', 7, index === odd ? 'odd' : 'even', 1.5]);
    expect(inserted(rows).found).toEqual(rows);
  }
});

it('keeps bytes that are equal but not the same apart from text, and rows that are there already as they are', () => {
  const rows = Array.from({ length: 100 }, (_, index) => [index % 50, null, Buffer.from('x'), 'x', index, null]);
  const { stored, found } = inserted(rows);
  expect(stored).toBe(50);
  expect(found).toEqual(rows.slice(0, 50));
});
