// Reads what has become of single events, for those who ask by identity. It looks at nothing but the events it is asked
// for, and changes nothing.

import type { Identity } from '../event.js';
import type { Outcome } from '../outcome.js';
import type { Connection, Statement } from './database.js';
import type { EventOutcomes, OutcomesRequest } from './messages.js';
import type { StoreTables } from './store-tables.js';
import { type StoredOutcome, storedOutcomeSql, toOutcome } from './stored-outcome.js';
import { storedText } from './stored-text.js';

export class OutcomeLookUp {
  readonly #journal: number;
  readonly #partitionId: Statement;
  readonly #outcomes: Statement;
  readonly #journaled: Statement;
  readonly #waiting: Statement;

  constructor(db: Connection, { partitions }: Pick<StoreTables, 'partitions'>) {
    this.#journal = partitions.journal;
    this.#partitionId = db.prepare('SELECT id FROM partition WHERE name = ?').pluck();
    this.#outcomes = db.prepare(`${storedOutcomeSql} WHERE outcome.partition = ? AND position = ?`);
    this.#journaled = db.prepare('SELECT 1 FROM event WHERE position = ?').pluck();
    this.#waiting = db.prepare('SELECT 1 FROM waiting WHERE partition = ? AND position = ?').pluck();
  }

  /** See `Store.readOutcomes`. */
  read({ events, sizeMax }: OutcomesRequest): EventOutcomes[] {
    const found: EventOutcomes[] = [];
    let size = 0;
    for (const event of events) {
      // At least one, so that whoever asks for the rest comes to an end.
      if (found.length > 0 && size >= sizeMax) break;
      const { outcomes, isOwed, resultSize } = this.#of(event);
      found.push({ outcomes, isOwed });
      size += resultSize;
    }
    return found;
  }

  #of({ partition, position }: Identity): EventOutcomes & { readonly resultSize: number } {
    const id = this.#partitionId.get(storedText(partition)) as number | undefined;
    if (id === undefined) return { outcomes: [], isOwed: false, resultSize: 0 };
    const rows = this.#outcomes.all(id, position) as StoredOutcome[];
    const outcomes: Outcome[] = rows.map(toOutcome);
    const resultSize = rows.reduce((sum, row) => sum + (row.result?.length ?? 0) + (row.error?.length ?? 0), 0);
    return { outcomes, isOwed: rows.length === 0 && this.#isKnown(id, position), resultSize };
  }

  /** Whether the store has the event, for it to be run. */
  #isKnown(partition: number, position: number): boolean {
    const isJournaled = partition === this.#journal && this.#journaled.get(position) !== undefined;
    return isJournaled || this.#waiting.get(partition, position) !== undefined;
  }
}
