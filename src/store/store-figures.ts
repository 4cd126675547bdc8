// Figures of a whole store: what there is of each type, from when until when, how many keys. Each is a scan in pages,
// added up here; no statement is under way for longer than a page takes.

import { type Connection, openScratch } from './database.js';
import { inEventStretch, type JournalPages } from './journal-pages.js';
import type { LaneReader } from './lane-reader.js';
import { inOutcomeStretch, type OutcomePages, outcomeStretchValues } from './outcome-pages.js';
import { stretchesOf } from './pages.js';
import { statusNumber } from './schema.js';
import { textFrom } from './stored-text.js';

/** Outcomes of one event type. */
export interface TypeCounts {
  readonly type: string;
  readonly succeeded: number;
  readonly deadLettered: number;
  readonly cancelled: number;
  /** Dead letters that were given up. */
  readonly discarded: number;
  /** Those in whose place a newer event of their key ran. */
  readonly superseded: number;
}

/** What a store holds, counted. */
export interface StoreCounts {
  readonly succeeded: number;
  readonly deadLettered: number;
  readonly cancelled: number;
  readonly discarded: number;
  readonly superseded: number;
  /** The outcomes by event type, by name. */
  readonly types: readonly TypeCounts[];
  /** Events without an outcome, of the journal and of those that wait in lanes, parked ones included. */
  readonly pending: number;
  /** Those of them whose handler the processor that used the store last did not have, or whose lane is stopped. */
  readonly parked: number;
}

/** From when until when a store reaches, in microseconds since the Unix epoch; null where there is nothing. */
export interface StoreTimes {
  /** Start of the last try of outcomes: the earliest of them all. */
  readonly startedAtUsMin: number | null;
  readonly startedAtUsMax: number | null;
  /** Acceptance of journaled events: the earliest of them all. */
  readonly acceptedAtUsMin: number | null;
  readonly acceptedAtUsMax: number | null;
}

/** The parts of a store that are counted; `events` is null for one that has no journal. */
interface Counted {
  readonly outcomes: OutcomePages;
  readonly events: JournalPages | null;
  /** Null for a store that has no lanes. */
  readonly lanes: LaneReader | null;
}

const none = { succeeded: 0, deadLettered: 0, cancelled: 0, discarded: 0, superseded: 0 };

/** Looks at all outcomes, at the events above the watermark, and at what waits in lanes. */
export function countsOf(db: Connection, { outcomes, events, lanes }: Counted): StoreCounts {
  const types = new Map<string, { -readonly [Name in keyof TypeCounts]: TypeCounts[Name] }>();
  const byPage = `SELECT type, status, count(*) FROM outcome WHERE ${inOutcomeStretch} GROUP BY type, status`;
  for (const [stored, status, count] of outcomeScan<TypeRow>(db, outcomes, byPage)) {
    const type = textFrom(stored);
    const counts = types.get(type) ?? { type, ...none };
    types.set(type, counts);
    counts[countNames[status]!] += count;
  }
  const byType = [...types.values()].sort((a, b) => (a.type < b.type ? -1 : 1));
  const sumOf = (name: CountName): number => byType.reduce((sum, counts) => sum + counts[name], 0);
  const pending = [events?.pendingCounts(), lanes?.pendingCounts()].filter((counts) => counts !== undefined);
  return {
    succeeded: sumOf('succeeded'),
    deadLettered: sumOf('deadLettered'),
    cancelled: sumOf('cancelled'),
    discarded: sumOf('discarded'),
    superseded: sumOf('superseded'),
    types: byType,
    pending: pending.reduce((sum, counts) => sum + counts.pending, 0),
    parked: pending.reduce((sum, counts) => sum + counts.parked, 0),
  };
}

/** Looks at all outcomes and all events. */
export function timesOf(db: Connection, { outcomes, events }: Counted): StoreTimes {
  const startedByPage = `SELECT min(started_at), max(started_at) FROM outcome WHERE ${inOutcomeStretch}`;
  const acceptedByPage = `SELECT min(accepted_at), max(accepted_at) FROM event WHERE ${inEventStretch}`;
  const started = spanOf(outcomeScan<SpanRow>(db, outcomes, startedByPage));
  const accepted = spanOf(eventScan<SpanRow>(db, events, acceptedByPage));
  return {
    startedAtUsMin: started.min,
    startedAtUsMax: started.max,
    acceptedAtUsMin: accepted.min,
    acceptedAtUsMax: accepted.max,
  };
}

/** Looks at all outcomes and all events; an event without a key counts for none. */
export function keysOf(db: Connection, { outcomes, events }: Counted): number {
  // There may be more keys than memory holds, and one statement for all of them would read for as long as it takes.
  const scratch = openScratch();
  try {
    scratch.exec('CREATE TABLE key (name ANY PRIMARY KEY) STRICT, WITHOUT ROWID');
    const insert = scratch.prepare('INSERT INTO key VALUES (?) ON CONFLICT DO NOTHING');
    const insertAll = scratch.transaction((names: Iterable<readonly unknown[]>) => {
      for (const [name] of names) if (name !== null) insert.run(name);
    });
    insertAll(outcomeScan(db, outcomes, `SELECT DISTINCT key FROM outcome WHERE ${inOutcomeStretch}`));
    insertAll(eventScan(db, events, `SELECT DISTINCT key FROM event WHERE ${inEventStretch}`));
    return scratch.prepare('SELECT count(*) FROM key').pluck().get() as number;
  } finally {
    scratch.close();
  }
}

type CountName = keyof typeof statusNumber;

/** By the number of the status. */
const countNames = Object.keys(statusNumber) as CountName[];

type TypeRow = readonly [type: string | Buffer, status: number, count: number];
type SpanRow = readonly [min: number | null, max: number | null];

/** The rows that a query gives for each page of the outcomes; it asks for what is `inOutcomeStretch`. */
function* outcomeScan<Row extends readonly unknown[]>(
  db: Connection,
  outcomes: OutcomePages,
  query: string,
): Generator<Row, void, undefined> {
  const statement = db.prepare(query).raw();
  for (const stretch of stretchesOf(outcomes.walk)) yield* statement.all(outcomeStretchValues(stretch)) as Row[];
}

/** The same of the journal's events, for what is `inEventStretch`. */
function* eventScan<Row extends readonly unknown[]>(
  db: Connection,
  events: JournalPages | null,
  query: string,
): Generator<Row, void, undefined> {
  if (events === null) return;
  const statement = db.prepare(query).raw();
  for (const stretch of stretchesOf(events.walk)) yield* statement.all(stretch) as Row[];
}

function spanOf(rows: Iterable<SpanRow>): { min: number | null; max: number | null } {
  let [min, max]: SpanRow = [null, null];
  for (const [low, high] of rows) {
    // The page of an empty table.
    if (low === null || high === null) continue;
    min = Math.min(min ?? low, low);
    max = Math.max(max ?? high, high);
  }
  return { min, max };
}
