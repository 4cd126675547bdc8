// Cancels an event that is not in memory, for each of its handlers or one: it is in the journal only, or waits in a
// lane. Runs inside the transactions of the store.

import { cancelledError } from '../errors.js';
import type { Identity } from '../event.js';
import type { Connection, Statement } from './database.js';
import type { CancelledFor, CancelRequest, CancelResult } from './event-messages.js';
import { statusNumber } from './schema.js';
import type { StoreTables } from './store-tables.js';
import { storedText, textFrom } from './stored-text.js';

interface OwedRow {
  readonly handler: number;
  readonly id: string | Buffer | null;
  readonly type: string | Buffer;
  readonly key: string | Buffer | null;
}

interface DecidedRow {
  readonly handler: number;
  readonly status: number;
  readonly started_at: number;
}

type Tables = Pick<StoreTables, 'names' | 'failures' | 'waiting' | 'suspects' | 'partitions'>;

/** An event in the terms of the tables. */
interface Place {
  readonly partition: number;
  readonly position: number;
}

export class Cancellation {
  readonly #tables: Tables;
  readonly #partitionId: Statement;
  readonly #partitionName: Statement;
  readonly #positionOfId: Statement;
  readonly #handlerId: Statement;
  readonly #handlerName: Statement;
  readonly #decided: Statement;
  readonly #waitingEvent: Statement;
  readonly #journaledEvent: Statement;
  readonly #insert: Statement;

  constructor(db: Connection, tables: Tables) {
    this.#tables = tables;
    this.#partitionId = db.prepare('SELECT id FROM partition WHERE name = ?').pluck();
    this.#partitionName = db.prepare('SELECT name FROM partition WHERE id = ?').pluck();
    this.#positionOfId = db.prepare('SELECT position FROM event WHERE id = ?').pluck();
    this.#handlerId = db.prepare('SELECT id FROM handler WHERE name = ?').pluck();
    this.#handlerName = db.prepare('SELECT name FROM handler WHERE id = ?').pluck();
    this.#decided = db.prepare('SELECT handler, status, started_at FROM outcome WHERE partition = ? AND position = ?');
    this.#waitingEvent = db.prepare(`
      SELECT event_handler AS handler, id, type, kept_event.key AS key
      FROM waiting JOIN kept_event USING (partition, position) WHERE partition = ? AND position = ?`);
    this.#journaledEvent = db.prepare(`
      SELECT route.handler AS handler, event.id AS id, type, key
      FROM event CROSS JOIN route ON route.id = event.handler WHERE position = ?`);
    this.#insert = db.prepare(`
      INSERT INTO outcome
        (partition, position, handler, status, attempts, started_at, duration_us, id, type, key, result, error)
      VALUES (?, ?, ?, ${statusNumber.cancelled}, ?, ?, 0, ?, ?, ?, NULL, ?)`);
  }

  /** See `Store.cancel`. */
  cancel({ event, handler, atUs }: CancelRequest): CancelResult {
    const place = this.#placeOf(event);
    if (place === null) return { found: 'unknown', identity: null, cancelled: [] };
    const { partition, position } = place;
    const only = handler === null ? null : (this.#handlerId.get(storedText(handler)) as number | undefined);
    const isMeant = (row: { readonly handler: number }): boolean => only === null || row.handler === only;
    const decided = (this.#decided.all(partition, position) as DecidedRow[]).filter(isMeant);
    const isOwed = (row: OwedRow): boolean => isMeant(row) && decided.every((done) => done.handler !== row.handler);
    const owed = this.#owedAt(place).filter(isOwed);
    if (decided.length + owed.length === 0) return { found: 'unknown', identity: null, cancelled: [] };
    // This very call may have done it, and be sent again.
    const repeated = decided.filter((row) => row.status === statusNumber.cancelled && row.started_at === atUs);
    const cancelled = [
      ...repeated.map((row) => ({ ...this.#namesOf(row.handler), hasWaited: false, waitedIn: null })),
      ...owed.map((row) => this.#cancelFor(row, { place, atUs })),
    ];
    const identity: Identity = { partition: textFrom(this.#partitionName.get(partition) as string | Buffer), position };
    return { found: cancelled.length > 0 ? 'cancelled' : 'decided', identity, cancelled };
  }

  #cancelFor({ handler, id, type, key }: OwedRow, { place, atUs }: { place: Place; atUs: number }): CancelledFor {
    const { failures, waiting, suspects } = this.#tables;
    const event = { ...place, handler };
    const attempts = failures.countedTriesOf(event);
    const error = JSON.stringify(cancelledError);
    this.#insert.run(place.partition, place.position, handler, attempts, atUs, id, type, key, error);
    const waitedIn = waiting.laneOf(event);
    const hasWaited = waiting.remove(event);
    suspects.acquitOne(event);
    return { ...this.#namesOf(handler), hasWaited, waitedIn };
  }

  #namesOf(handler: number): Pick<CancelledFor, 'handler' | 'handlerName'> {
    const handlerName = textFrom(this.#handlerName.get(handler) as string | Buffer);
    return { handler: this.#tables.names.indexOf(handler) ?? null, handlerName };
  }

  #placeOf(event: Identity | string): Place | null {
    if (typeof event === 'string') {
      const position = this.#positionOfId.get(storedText(event)) as number | undefined;
      return position === undefined ? null : { partition: this.#tables.partitions.journal, position };
    }
    const partition = this.#partitionId.get(storedText(event.partition)) as number | undefined;
    return partition === undefined ? null : { partition, position: event.position };
  }

  /** What the event owes, as far as the store knows the event. */
  #owedAt({ partition, position }: Place): readonly OwedRow[] {
    const isJournal = partition === this.#tables.partitions.journal;
    const journaled = isJournal ? (this.#journaledEvent.all(position) as OwedRow[]) : [];
    return journaled.length > 0 ? journaled : (this.#waitingEvent.all(partition, position) as OwedRow[]);
  }
}
