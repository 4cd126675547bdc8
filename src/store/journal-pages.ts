// The journal as the reader of a store sees it: one event by its position or its id, and those without an outcome in
// order, page by page. Prepared for one connection to a store that has a journal; decodes nothing.

import { journalPartition } from '../event.js';
import type { Connection, Statement } from './database.js';
import { pageRowsMax, rowsOf, stretchesOf, type Walk } from './pages.js';
import { schemaVersionOfLanes } from './schema.js';
import { ownedEventSql, type StoredEvent, storedEventSql } from './stored-event.js';
import { storedText } from './stored-text.js';

/** The events of a stretch. Its parameters are `after` and `to`. */
export const inEventStretch = 'event.position > @after AND event.position <= @to';

// The rule of the view pending_events, without its watermark: below that every event has its outcomes or waits in its
// lanes, and the walk begins there.
const hasNoOutcome = `handler.id IS NOT NULL AND NOT EXISTS (
  SELECT 1 FROM outcome
  WHERE outcome.partition = (SELECT id FROM partition WHERE name = @journal)
    AND outcome.position = event.position AND outcome.handler = handler.id
)`;
const isInNoLane = `NOT EXISTS (
  SELECT 1 FROM waiting
  WHERE waiting.partition = (SELECT id FROM partition WHERE name = @journal)
    AND waiting.position = event.position AND waiting.event_handler = handler.id
)`;

/** Behind all handlers of an event. */
const lastHandler = Number.MAX_SAFE_INTEGER;

/** An event as one of its handlers has it. */
type OwedPlace = readonly [position: number, handler: number];

export class JournalPages {
  /** All events, by position. */
  readonly walk: Walk<number>;
  readonly #watermark: Statement;
  readonly #at: Statement;
  readonly #withId: Statement;
  readonly #all: Statement;
  readonly #pending: Statement;
  readonly #pendingCounts: Statement;

  /** @param version of the store's schema. */
  constructor(db: Connection, { version }: { version: number }) {
    const isPending = version < schemaVersionOfLanes ? hasNoOutcome : `${hasNoOutcome} AND ${isInNoLane}`;
    const select = storedEventSql(version);
    this.walk = journalWalk(db);
    this.#watermark = db.prepare('SELECT watermark FROM partition WHERE name = ?').pluck();
    this.#at = db.prepare(`${select} WHERE position = ? ORDER BY handler.id`);
    this.#withId = db.prepare(`${select} WHERE event.id = ? ORDER BY handler.id`);
    this.#all = db.prepare(`${select} WHERE ${inEventStretch} ORDER BY position, handler.id`);
    this.#pending = db.prepare(`${select} WHERE ${inEventStretch}
      AND (event.position, handler.id) > (@afterPosition, @afterHandler) AND ${isPending}
      ORDER BY position, handler.id LIMIT @countMax`);
    this.#pendingCounts = db.prepare(`
      SELECT count(*) AS pending, count(*) FILTER (WHERE is_present = 0) AS parked
      ${ownedEventSql(version)} WHERE ${inEventStretch} AND ${isPending}`);
  }

  /** An event, once for each of its handlers. */
  at(position: number): readonly StoredEvent[] {
    return this.#at.all(position) as StoredEvent[];
  }

  withId(id: string): readonly StoredEvent[] {
    return this.#withId.all(storedText(id)) as StoredEvent[];
  }

  /** All events, each with its rows together. */
  all(): Generator<StoredEvent[], void, undefined> {
    return rowsOf(this.walk, {
      read: ({ after, to }) => ofEvents(this.#all.iterate({ after, to }) as Iterable<StoredEvent>),
      placeOf: ([row]: StoredEvent[]) => row!.position,
      sizeOf: ([row]: StoredEvent[]) => row!.data?.length ?? 0,
    });
  }

  /**
   * Events as their handlers have them, where they have no outcome and do not wait in a lane. Whoever takes more than
   * `countMax` of them misses some.
   */
  pending(countMax: number): Generator<StoredEvent, void, undefined> {
    const values = { journal: journalPartition, countMax: Math.min(countMax, Number.MAX_SAFE_INTEGER) };
    const walk = this.#pendingWalk();
    const byHandler: Walk<OwedPlace> = {
      first: [walk.first, lastHandler],
      last: [walk.last, lastHandler],
      further: ([after]) => {
        const position = walk.further(after);
        return position === undefined ? undefined : [position, lastHandler];
      },
    };
    return rowsOf(byHandler, {
      read: ({ after: [afterPosition, afterHandler], to: [to] }) => {
        // Of the event it stands at, some handlers may be left.
        const stretch = { after: afterPosition - 1, to, afterPosition, afterHandler };
        return this.#pending.iterate({ ...stretch, ...values }) as Iterable<StoredEvent>;
      },
      placeOf: ({ position, handler_id }): OwedPlace => [position, handler_id ?? 0],
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

/** The rows of one event after another. */
function* ofEvents(rows: Iterable<StoredEvent>): Generator<StoredEvent[], void, undefined> {
  let event: StoredEvent[] = [];
  for (const row of rows) {
    if (event.length > 0 && event[0]!.position !== row.position) {
      yield event;
      event = [];
    }
    event.push(row);
  }
  if (event.length > 0) yield event;
}

/** How many outcomes are owed, and how many of them are parked. */
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
