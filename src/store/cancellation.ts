// Cancels an event that is not in memory: one that is in the journal only, or waits in its lane. Runs inside the
// transactions of the store.

import { cancelledError } from '../errors.js';
import type { Identity } from '../event.js';
import type { Connection, Statement } from './database.js';
import type { CancelRequest, CancelResult } from './messages.js';
import { statusNumber } from './schema.js';
import type { StoreTables } from './store-tables.js';
import { storedText, textFrom } from './stored-text.js';

interface OwedRow {
  readonly handler: number;
  readonly id: string | Buffer | null;
  readonly type: string | Buffer;
  readonly key: string | Buffer | null;
}

type Tables = Pick<StoreTables, 'failures' | 'waiting' | 'suspects' | 'partitions'>;

const didNotWait = { hasWaited: false, waitedIn: null };

export class Cancellation {
  readonly #tables: Tables;
  readonly #partitionId: Statement;
  readonly #partitionName: Statement;
  readonly #positionOfId: Statement;
  readonly #outcome: Statement;
  readonly #waitingEvent: Statement;
  readonly #journaledEvent: Statement;
  readonly #insert: Statement;

  constructor(db: Connection, tables: Tables) {
    this.#tables = tables;
    this.#partitionId = db.prepare('SELECT id FROM partition WHERE name = ?').pluck();
    this.#partitionName = db.prepare('SELECT name FROM partition WHERE id = ?').pluck();
    this.#positionOfId = db.prepare('SELECT position FROM event WHERE id = ?').pluck();
    this.#outcome = db.prepare('SELECT status, started_at FROM outcome WHERE partition = ? AND position = ?');
    this.#waitingEvent = db.prepare(`
      SELECT event_handler AS handler, id, type, kept_event.key AS key
      FROM waiting JOIN kept_event USING (partition, position) WHERE partition = ? AND position = ?`);
    this.#journaledEvent = db.prepare('SELECT handler, id, type, key FROM event WHERE position = ?');
    this.#insert = db.prepare(`
      INSERT INTO outcome
        (partition, position, handler, status, attempts, started_at, duration_us, id, type, key, result, error)
      VALUES (?, ?, ?, ${statusNumber.cancelled}, ?, ?, 0, ?, ?, ?, NULL, ?)`);
  }

  /** See `Store.cancel`. */
  cancel({ event, atUs }: CancelRequest): CancelResult {
    const place = this.#placeOf(event);
    if (place === null) return { found: 'unknown', identity: null, ...didNotWait };
    const { partition, position } = place;
    const identity: Identity = { partition: textFrom(this.#partitionName.get(partition) as string | Buffer), position };
    const decided = this.#outcome.get(partition, position) as { status: number; started_at: number } | undefined;
    if (decided !== undefined) {
      // This very call may have done it, and be sent again.
      const isDone = decided.status === statusNumber.cancelled && decided.started_at === atUs;
      return { found: isDone ? 'cancelled' : 'decided', identity, ...didNotWait };
    }
    const owed = this.#owedAt(partition, position);
    if (owed === undefined) return { found: 'unknown', identity: null, ...didNotWait };
    const { handler, id, type, key } = owed;
    const attempts = this.#tables.failures.countedTriesOf({ partition, position, handler });
    this.#insert.run(partition, position, handler, attempts, atUs, id, type, key, JSON.stringify(cancelledError));
    const waitedIn = this.#tables.waiting.laneOf({ partition, position, handler });
    const hasWaited = this.#tables.waiting.remove({ partition, position, handler });
    this.#tables.suspects.acquit([place]);
    return { found: 'cancelled', identity, hasWaited, waitedIn };
  }

  #placeOf(event: Identity | string): { partition: number; position: number } | null {
    if (typeof event === 'string') {
      const position = this.#positionOfId.get(storedText(event)) as number | undefined;
      return position === undefined ? null : { partition: this.#tables.partitions.journal, position };
    }
    const partition = this.#partitionId.get(storedText(event.partition)) as number | undefined;
    return partition === undefined ? null : { partition, position: event.position };
  }

  #owedAt(partition: number, position: number): OwedRow | undefined {
    const isJournal = partition === this.#tables.partitions.journal;
    const journaled = isJournal ? this.#journaledEvent.get(position) : undefined;
    return (journaled ?? this.#waitingEvent.get(partition, position)) as OwedRow | undefined;
  }
}
