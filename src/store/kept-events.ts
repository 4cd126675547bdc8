// Events that the journal does not have, kept since somebody may want to look at them or run them once more: those that
// were dead-lettered or cancelled, and those that wait. Runs inside the transactions of the store.

import type { OutcomeRow } from '../outcome.js';
import type { Connection, Statement } from './database.js';
import { schemaVersionOfJournal, schemaVersionOfLanes, statusNumber } from './schema.js';
import { storedText } from './stored-text.js';

const isJournaledSql = `(
  outcome.partition = @journal AND EXISTS (SELECT 1 FROM event WHERE event.position = outcome.position))`;
const isKeptSql = `EXISTS (
  SELECT 1 FROM kept_event
  WHERE kept_event.partition = outcome.partition AND kept_event.position = outcome.position)`;

/** Whether a store of this version has the event of an outcome, in SQL; `@journal` is the journal's partition. */
export function hasEventSql(version: number): string {
  if (version < schemaVersionOfJournal) return '@journal IS NULL AND FALSE';
  return version < schemaVersionOfLanes ? isJournaledSql : `(${isJournaledSql} OR ${isKeptSql})`;
}

export class KeptEvents {
  readonly #journal: number;
  readonly #isJournaled: Statement;
  readonly #keep: Statement;
  readonly #drop: Statement;

  constructor(db: Connection, { journal }: { journal: number }) {
    this.#journal = journal;
    this.#isJournaled = db.prepare('SELECT 1 FROM event WHERE position = ?').pluck();
    // A row without data is kept too: that there is none is known of its event then.
    this.#keep = db.prepare(`
      INSERT INTO kept_event (partition, position, id, type, key, extras, data) VALUES (?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (partition, position) DO NOTHING`);
    this.#drop = db.prepare(`
      DELETE FROM kept_event WHERE partition = @partition AND position = @position
        AND NOT EXISTS (SELECT 1 FROM waiting WHERE partition = @partition AND position = @position)
        AND NOT EXISTS (SELECT 1 FROM outcome WHERE partition = @partition AND position = @position
          AND status NOT IN (${statusNumber.succeeded}, ${statusNumber.superseded}))`);
  }

  /** Keeps the event of a row, unless the journal has it: with intake `memory` it has none. */
  keep({ partition, position, id, type, key, extras, data }: OutcomeRow): void {
    if (partition === this.#journal && this.#isJournaled.get(position) !== undefined) return;
    const [storedId, storedKey] = [id, key].map((text) => (text === null ? null : storedText(text)));
    // Extras and data are JSON as JSON.stringify makes it, which is well-formed.
    this.#keep.run(partition, position, storedId, storedText(type), storedKey, extras, data);
  }

  /** Nobody will want to run the event again for one of its handlers; it goes, unless another has a use for it. */
  drop(partition: number, position: number): void {
    this.#drop.run({ partition, position });
  }
}
