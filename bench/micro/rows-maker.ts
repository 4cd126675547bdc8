// Joined rows of outcomes, as a handler thread makes them.

import { RowsBuilder, verdict } from '../../src/outcome.js';

export class RowsMaker {
  readonly #builder = new RowsBuilder(1024);
  /** One object for all rows: making it would cost more than what is measured. */
  readonly #row = {
    ...{ partition: 1, position: 0, handler: 0, verdict: verdict.succeeded, attempts: 1 },
    ...{ startedAtUs: 1.7e15, durationUs: 1, dueAtUs: 0, extras: null, data: null },
    ...{ id: null, type: 'no-op', key: 'key-1', result: '1', error: null },
  };

  /** Rows at the positions from 1. */
  make(count: number): ArrayBuffer {
    for (let position = 1; position <= count; position += 1) {
      this.#row.position = position;
      this.#builder.add(this.#row);
    }
    return this.#builder.finish();
  }
}
