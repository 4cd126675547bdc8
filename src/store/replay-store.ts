// What a replay does to stores: it copies the events that a handler has succeeded with into a store of the replay, to
// be run there, and puts the states that come of it in the place of those there were, in one transaction. Until then
// the store it is about is only read.

import { setImmediate } from 'node:timers/promises';
import { journalPartition } from '../event.js';
import {
  attempt,
  type Connection,
  checkpoint,
  checkpointPages,
  openForReading,
  openForWriting,
  walPagesOf,
} from './database.js';
import { schemaVersionOfErased, statusNumber, versionOf } from './schema.js';
import { handlerId } from './store-epoch.js';
import { createStore } from './store-file.js';
import { storedText } from './stored-text.js';

/** Which events of a handler are run again: of the journal, from a position or a time on. */
export interface ReplayRange {
  readonly handler: string;
  readonly positionMin: number;
  readonly acceptedAtUsMin: number;
}

/** What there is to run again. */
export interface ReplayCounts {
  /** Events that the handler has succeeded with and that the store has. */
  readonly events: number;
  /**
   * Those that it does not have: they came from sources, were not journaled, or retention has deleted them; of a
   * partition of which it has deleted any that may be in the range, all that it has deleted.
   */
  readonly missing: number;
}

/** What came of the events of a replay. */
export interface ReplayedOutcomes {
  readonly notSucceeded: number;
  /** The first event that failed, with its error; of those that did not run, if none failed. */
  readonly first: { readonly position: number; readonly error: string | null } | null;
  /** Keys that have a state. */
  readonly keys: number;
}

/** Events copied between two looks at whatever else the process has to do. */
const copiedAtOnce = 1000;

const numberOf = (db: Connection, sql: string, ...values: unknown[]): number => {
  return db
    .prepare(sql)
    .pluck()
    .get(...values) as number;
};

const idOf = (db: Connection, table: 'handler' | 'partition', name: string): number | undefined => {
  return db.prepare(`SELECT id FROM ${table} WHERE name = ?`).pluck().get(storedText(name)) as number | undefined;
};

/** Makes a store of the events that are to be run again, each owed to the handler alone, at the positions they have. */
export async function copyEvents(from: Connection, path: string, range: ReplayRange): Promise<ReplayCounts> {
  createStore(path);
  const into = openForWriting(path, 'process');
  try {
    return await copyInto(into, from, range);
  } finally {
    into.close();
  }
}

async function copyInto(into: Connection, from: Connection, range: ReplayRange): Promise<ReplayCounts> {
  const handler = idOf(from, 'handler', range.handler);
  const journal = idOf(from, 'partition', journalPartition);
  if (handler === undefined || journal === undefined) return { events: 0, missing: 0 };
  const own = handlerId(into, range.handler);
  const of = { handler, journal, positionMin: range.positionMin, acceptedAtUsMin: range.acceptedAtUsMin };
  const insert = into.prepare(`
    INSERT INTO event (position, handler, accepted_at, id, type, key, extras, data)
    VALUES (@position, ${own}, @accepted_at, @id, @type, @key, @extras, @data)`);
  const page = from.prepare(`
    SELECT event.* FROM event CROSS JOIN outcome ON outcome.partition = @journal
      AND outcome.position = event.position AND outcome.handler = @handler AND status = ${statusNumber.succeeded}
    WHERE event.position >= @next AND accepted_at >= @acceptedAtUsMin ORDER BY event.position LIMIT ${copiedAtOnce}`);
  let events = 0;
  for (let next = of.positionMin; ; ) {
    const rows = page.all({ ...of, next }) as { readonly position: number }[];
    const copy = into.transaction(() => {
      for (const row of rows) insert.run(row);
    });
    attempt('copy events', () => copy.immediate());
    if (walPagesOf(into) >= checkpointPages) attempt('checkpoint', () => checkpoint(into));
    events += rows.length;
    if (rows.length < copiedAtOnce) break;
    next = rows.at(-1)!.position + 1;
    await setImmediate();
  }
  const isInRange = (position: string, startedAt: string): string =>
    `(partition <> @journal OR ${position} >= @positionMin) AND ${startedAt} >= @acceptedAtUsMin`;
  const missing = numberOf(
    from,
    `SELECT count(*) FROM outcome LEFT JOIN event ON outcome.partition = @journal AND event.position = outcome.position
     WHERE outcome.handler = @handler AND status = ${statusNumber.succeeded} AND event.position IS NULL
       AND ${isInRange('outcome.position', 'started_at')}`,
    of,
  );
  if (versionOf(from) < schemaVersionOfErased) return { events, missing };
  const erased = numberOf(
    from,
    `SELECT ifnull(sum(succeeded), 0) FROM erased
     WHERE handler = @handler AND ${isInRange('position_last', 'started_at_last')}`,
    of,
  );
  return { events, missing: missing + erased };
}

/** What came of a replay, once the processor that ran it has closed its store. */
export function replayedOutcomes(path: string, { handler }: { handler: string }): ReplayedOutcomes {
  const db = openForReading(path);
  try {
    const id = idOf(db, 'handler', handler);
    const ofStatus = `SELECT count(*) FROM outcome WHERE handler = ? AND status = ${statusNumber.succeeded}`;
    const succeeded = numberOf(db, ofStatus, id);
    const first = db
      .prepare(
        `SELECT event.position AS position, error FROM event LEFT JOIN outcome ON outcome.position = event.position
           AND outcome.handler = event.handler
         WHERE event.handler = ? AND status IS NOT ${statusNumber.succeeded}
         ORDER BY status IS NULL, event.position LIMIT 1`,
      )
      .get(id) as { position: number; error: string | null } | undefined;
    const events = numberOf(db, 'SELECT count(*) FROM event WHERE handler = ?', id);
    const keys = numberOf(db, 'SELECT count(*) FROM state WHERE handler = ?', id);
    return { notSucceeded: events - succeeded, first: first ?? null, keys };
  } finally {
    db.close();
  }
}

/** Puts the states that a replay has made in the place of those of a handler: all of them, or none. */
export function switchStates(db: Connection, path: string, { handler }: { handler: string }): void {
  const made = openForReading(path);
  try {
    const rows = made.prepare('SELECT key, version, value, position FROM state WHERE handler = ?');
    const [id, journal] = [handlerId(db, handler), idOf(db, 'partition', journalPartition)];
    const insert = db.prepare(`
      INSERT INTO state (handler, key, version, value, partition, position)
      VALUES (${id}, @key, @version, @value, ${journal}, @position)`);
    const change = db.transaction(() => {
      db.prepare('DELETE FROM state WHERE handler = ?').run(id);
      for (const row of rows.iterate(idOf(made, 'handler', handler))) insert.run(row);
    });
    attempt('switch states', () => change.immediate());
  } finally {
    made.close();
  }
}
