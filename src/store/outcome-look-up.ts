// Reads what has become of single events, for those who ask by identity. It looks at nothing but the events it is asked
// for, and changes nothing.

import type { Identity } from '../event.js';
import type { Connection, Statement } from './database.js';
import type { EventOutcomes, OutcomesRequest } from './event-messages.js';
import { noRoute } from './route-table.js';
import type { StoreTables } from './store-tables.js';
import { type StoredOutcome, storedOutcomeSql, toOutcome } from './stored-outcome.js';
import { storedText, textFrom } from './stored-text.js';

interface HandlerRow {
  readonly id: number;
  readonly name: string | Buffer;
}

type Owed = Pick<EventOutcomes, 'owed' | 'isUnmatched'>;

const owesNothing: Owed = { owed: [], isUnmatched: false };

export class OutcomeLookUp {
  readonly #journal: number;
  readonly #partitionId: Statement;
  readonly #outcomes: Statement;
  readonly #routeOf: Statement;
  readonly #handlersOf: Statement;
  readonly #waiting: Statement;

  constructor(db: Connection, { partitions }: Pick<StoreTables, 'partitions'>) {
    this.#journal = partitions.journal;
    this.#partitionId = db.prepare('SELECT id FROM partition WHERE name = ?').pluck();
    this.#outcomes = db.prepare(
      `${storedOutcomeSql} WHERE outcome.partition = ? AND position = ? ORDER BY outcome.handler`,
    );
    this.#routeOf = db.prepare('SELECT handler FROM event WHERE position = ?').pluck();
    const handler = 'SELECT handler.id AS id, name';
    this.#handlersOf = db.prepare(`
      ${handler} FROM route JOIN handler ON handler.id = route.handler WHERE route.id = ? ORDER BY route.handler`);
    this.#waiting = db.prepare(`
      ${handler} FROM waiting JOIN handler ON handler.id = event_handler WHERE partition = ? AND position = ?`);
  }

  /** See `Store.readOutcomes`. */
  read({ events, sizeMax }: OutcomesRequest): EventOutcomes[] {
    const found: EventOutcomes[] = [];
    let size = 0;
    for (const event of events) {
      // At least one, so that whoever asks for the rest comes to an end.
      if (found.length > 0 && size >= sizeMax) break;
      const { resultSize, ...outcomes } = this.#of(event);
      found.push(outcomes);
      size += resultSize;
    }
    return found;
  }

  #of({ partition, position }: Identity): EventOutcomes & { readonly resultSize: number } {
    const id = this.#partitionId.get(storedText(partition)) as number | undefined;
    if (id === undefined) return { outcomes: [], ...owesNothing, resultSize: 0 };
    const rows = this.#outcomes.all(id, position) as StoredOutcome[];
    const resultSize = rows.reduce((sum, row) => sum + (row.result?.length ?? 0) + (row.error?.length ?? 0), 0);
    return { outcomes: rows.map(toOutcome), ...this.#owedAt({ partition: id, position }, rows), resultSize };
  }

  /** What is owed besides these outcomes, as far as the store has the event for it to be run. */
  #owedAt(at: { partition: number; position: number }, rows: readonly StoredOutcome[]): Owed {
    const { partition, position } = at;
    const isDone = (handler: number): boolean => rows.some(({ handler_id }) => handler_id === handler);
    const route = partition === this.#journal ? (this.#routeOf.get(position) as number | undefined) : undefined;
    if (route === noRoute) return { owed: [], isUnmatched: true };
    // A route of one handler has the id of that.
    if (route !== undefined && isDone(route)) return owesNothing;
    const handlers = (
      route === undefined ? this.#waiting.all(partition, position) : this.#handlersOf.all(route)
    ) as HandlerRow[];
    const owed = handlers.filter(({ id }) => !isDone(id)).map(({ name }) => textFrom(name));
    return { owed, isUnmatched: false };
  }
}
