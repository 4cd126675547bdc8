// The journal: published events by position, written once and read back in order by whoever is owed their outcomes.
// An id is accepted once. Runs inside the transactions of the store; knows nothing of who waits.

import { invariant } from '../invariant.js';
import { type JoinedEvents, JoinedEventsReader, lengthOf, lengthsPerEvent } from '../joined-events.js';
import type { Outcome } from '../outcome.js';
import type { Connection, Statement } from './database.js';
import type { LaneNames } from './lane-name.js';
import type { DuplicateEvent, JournalEvents, JournalPage, PageRequest } from './messages.js';
import { MultiInsert } from './multi-insert.js';
import { type EventRow, PageBuilder } from './page-builder.js';
import type { RouteTable } from './route-table.js';
import { type StoredOutcome, storedOutcomeSql, toOutcome } from './stored-outcome.js';
import { storedText, textFrom } from './stored-text.js';

/** Rows that one page looks at at most: the writer has others to serve, and most may have their outcome already. */
const rowsPerPageMax = 16_384;

export class EventJournal {
  readonly #partition: number;
  readonly #names: LaneNames;
  readonly #routes: RouteTable;
  readonly #insert: MultiInsert;
  readonly #findId: Statement;
  readonly #hasPosition: Statement;
  readonly #outcomeOf: Statement;
  readonly #page: Statement;
  readonly #handlerName: Statement;

  constructor(db: Connection, of: { partition: number; names: LaneNames; routes: RouteTable }) {
    this.#routes = of.routes;
    this.#partition = of.partition;
    this.#names = of.names;
    this.#insert = new MultiInsert(db, {
      table: 'event',
      columns: ['position', 'handler', 'accepted_at', 'id', 'type', 'key', 'extras', 'data'],
      // A group that comes again.
      onConflict: { skip: ['position'] },
    });
    this.#findId = db.prepare('SELECT position FROM event WHERE id = ?').pluck();
    this.#hasPosition = db.prepare('SELECT 1 FROM event WHERE position = ?').pluck();
    this.#outcomeOf = db.prepare(
      `${storedOutcomeSql} WHERE outcome.partition = ? AND position = ? ORDER BY outcome.handler LIMIT 1`,
    );
    this.#page = db.prepare(`
      SELECT event.position AS position, route.handler AS handler, event.id AS id, event.type AS type,
        event.key AS key, extras,
        CASE WHEN outcome.position IS NULL AND waiting.position IS NULL THEN data END AS data,
        outcome.position IS NOT NULL OR waiting.position IS NOT NULL AS done
      FROM event CROSS JOIN route ON route.id = event.handler
        LEFT JOIN outcome ON outcome.partition = @partition
          AND outcome.position = event.position AND outcome.handler = route.handler
        LEFT JOIN waiting ON waiting.partition = @partition
          AND waiting.position = event.position AND waiting.event_handler = route.handler
      WHERE event.position >= @from ORDER BY event.position, route.handler LIMIT ${rowsPerPageMax}`);
    this.#handlerName = db.prepare('SELECT name FROM handler WHERE id = ?').pluck();
  }

  /** Stores events but those at withheld indexes, and those whose id was known: these it gives. */
  append(events: JournalEvents, withheld: readonly number[] = []): DuplicateEvent[] {
    const { positionFirst, handlers, acceptedAtUs, count } = events;
    const duplicates: DuplicateEvent[] = [];
    const left = new Set(withheld);
    for (const index of this.#knownIds(events, { duplicates, withheld: left })) left.add(index);
    const routes = this.#routes.idsOf(events.routes);
    const reader = new JoinedEventsReader(events);
    let index = -1;
    this.#insert.insert(count - left.size, (values, at) => {
      do {
        reader.advance();
        index += 1;
      } while (left.size > 0 && left.has(index));
      const handler = handlers[index]!;
      const route = handler >= 0 ? this.#names.idOf(handler) : routes[-1 - handler];
      invariant(route !== undefined, 'an event is owed to handlers of its store');
      values[at] = positionFirst + index;
      values[at + 1] = route;
      values[at + 2] = acceptedAtUs;
      values[at + 3] = reader.id === null ? null : storedText(reader.id);
      values[at + 4] = storedText(reader.type);
      values[at + 5] = reader.key === null ? null : storedText(reader.key);
      // Extras and data are JSON as JSON.stringify makes it, which is well-formed.
      values[at + 6] = reader.extras;
      values[at + 7] = reader.dataText ?? reader.dataBytes;
    });
    return duplicates;
  }

  /** Whether an event is stored at a position. */
  has(position: number): boolean {
    return this.#hasPosition.get(position) !== undefined;
  }

  /** Gives journaled events that are owed outcomes from a position on, but as they wait in lanes. */
  page(request: PageRequest): JournalPage {
    const page = new PageBuilder(request, (id) => this.#names.indexOf(id));
    let looked = 0;
    let isLast = true;
    for (const row of this.#page.iterate({ partition: this.#partition, from: request.from }) as Iterable<EventRow>) {
      looked += 1;
      isLast = page.look(row);
      if (!isLast) break;
    }
    // With as many rows as there may be, there may be more of the last event.
    isLast = isLast && looked < rowsPerPageMax && page.end();
    return page.finish(isLast, (handler) => textFrom(this.#handlerName.get(handler) as string | Buffer));
  }

  /** Indexes of the events whose id is known. */
  #knownIds(events: JournalEvents, of: { duplicates: DuplicateEvent[]; withheld: ReadonlySet<number> }): number[] {
    const { count, positionFirst } = events;
    if (!hasIds(events)) return [];
    const reader = new JoinedEventsReader(events);
    const inGroup = new Map<string, number>();
    const known: number[] = [];
    for (let index = 0; index < count; index += 1) {
      reader.advance();
      const { id } = reader;
      if (id === null || of.withheld.has(index)) continue;
      const position = inGroup.get(id) ?? (this.#findId.get(storedText(id)) as number | undefined);
      // One that was stored by this very group, which comes again, is no duplicate.
      if (position === undefined || position === positionFirst + index) {
        inGroup.set(id, positionFirst + index);
        continue;
      }
      known.push(index);
      of.duplicates.push({ index, position, outcome: this.#outcomeAt(position) });
    }
    return known;
  }

  #outcomeAt(position: number): Outcome | null {
    const stored = this.#outcomeOf.get(this.#partition, position) as StoredOutcome | undefined;
    return stored === undefined ? null : toOutcome(stored);
  }
}

/** Whether any event has an id; those without cost no look at their texts. */
function hasIds({ count, lengths }: JoinedEvents): boolean {
  for (let index = 0; index < count; index += 1) {
    if (lengths[index * lengthsPerEvent + lengthOf.id]! >= 0) return true;
  }
  return false;
}
