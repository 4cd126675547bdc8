// The journal as the reader of a store sees it: one event by its position or its id, and those without an outcome in
// order, page by page. Prepared for one connection to a store that has a journal; decodes nothing.

import { journalPartition } from '../event.js';
import type { Connection, Statement } from './database.js';
import { pageRowsMax, rowsOf, stretchesOf, type Walk } from './pages.js';
import { type StoredEvent, storedEventSql } from './stored-event.js';
import { storedText } from './stored-text.js';

/** The events of a stretch. Its parameters are `after` and `to`. */
export const inEventStretch = 'event.position > @after AND event.position <= @to';

// The rule of the view pending_events, without its watermark: below that every event has its outcome or waits in its
// lane, and the walk begins there.
const hasNoOutcome = `NOT EXISTS (
  SELECT 1 FROM outcome
  WHERE outcome.partition = (SELECT id FROM partition WHERE name = @journal)
    AND outcome.position = event.position AND outcome.handler = event.handler
)`;
const isInNoLane = `NOT EXISTS (
  SELECT 1 FROM waiting
  WHERE waiting.partition = (SELECT id FROM partition WHERE name = @journal)
    AND waiting.position = event.position AND waiting.event_handler = event.handler
)`;

export class JournalPages {
  /** All events, by position. */
  readonly walk: Walk<number>;
  readonly #watermark: Statement;
  readonly #at: Statement;
  readonly #withId: Statement;
  readonly #pending: Statement;
  readonly #pendingCounts: Statement;

  /** @param hasLanes whether the store is of a schema that has them. */
  constructor(db: Connection, { hasLanes }: { hasLanes: boolean }) {
    const isPending = hasLanes ? `${hasNoOutcome} AND ${isInNoLane}` : hasNoOutcome;
    this.walk = journalWalk(db);
    this.#watermark = db.prepare('SELECT watermark FROM partition WHERE name = ?').pluck();
    this.#at = db.prepare(`${storedEventSql} WHERE position = ?`);
    this.#withId = db.prepare(`${storedEventSql} WHERE event.id = ?`);
    this.#pending = db.prepare(`${storedEventSql} WHERE ${inEventStretch} AND ${isPending}
      ORDER BY position LIMIT @countMax`);
    this.#pendingCounts = db.prepare(`
      SELECT count(*) AS pending, count(*) FILTER (WHERE is_present = 0) AS parked
      FROM event JOIN handler ON handler.id = event.handler WHERE ${inEventStretch} AND ${isPending}`);
  }

  at(position: number): StoredEvent | null {
    return (this.#at.get(position) as StoredEvent | undefined) ?? null;
  }

  withId(id: string): StoredEvent | null {
    return (this.#withId.get(storedText(id)) as StoredEvent | undefined) ?? null;
  }

  /** Events without an outcome that do not wait in a lane. Whoever takes more than `countMax` of them misses some. */
  pending(countMax: number): Generator<StoredEvent, void, undefined> {
    const values = { journal: journalPartition, countMax: Math.min(countMax, pageRowsMax) };
    return rowsOf(this.#pendingWalk(), {
      read: (stretch) => this.#pending.iterate({ ...stretch, ...values }) as Iterable<StoredEvent>,
      placeOf: ({ position }) => position,
      sizeOf: ({ data }) => data?.length ?? 0,
    });
  }

  /** How many events `pending` gives; those of handlers that are not there are pending too. */
  pendingCounts(): PendingCounts {
    let [pending, parked] = [0, 0];
    for (const stretch of stretchesOf(this.#pendingWalk())) {
      const counts = this.#pendingCounts.get({ ...stretch, journal: journalPartition }) as PendingCounts;
      pending += counts.pending;
      parked += counts.parked;
    }
    return { pending, parked };
  }

  /** The events that may have no outcome. */
  #pendingWalk(): Walk<number> {
    const watermark = this.#watermark.get(journalPartition) as number;
    return { ...this.walk, first: Math.max(1, watermark) - 1 };
  }
}

/** How many events have no outcome, and how many of them are parked. */
export interface PendingCounts {
  readonly pending: number;
  readonly parked: number;
}

function journalWalk(db: Connection): Walk<number> {
  const further = db
    .prepare(`SELECT position FROM event WHERE position > ? ORDER BY position LIMIT 1 OFFSET ${pageRowsMax - 1}`)
    .pluck();
  return {
    // Positions of the journal begin at 1.
    first: 0,
    last: Number.MAX_SAFE_INTEGER,
    further: (after) => further.get(after) as number | undefined,
  };
}
