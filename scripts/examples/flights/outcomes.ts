// Reads what a run left behind, the way anyone may: SQL on the public views `outcomes` and `states` of a store opened
// read-only. It knows no keylane code, only the views.

import Database from 'better-sqlite3';

/** The figures of one airport. */
export interface AirportFigures {
  readonly airport: string;
  readonly flights: number;
  readonly knockOnMin: number;
  readonly p90KnockOnMin: number;
}

/** How late the flights of an airport are of late. */
export interface LatestDelay {
  readonly airport: string;
  readonly flights: number;
  readonly delayMin: number;
  readonly changes: number;
  /** The flight at which it changed last, by its date. */
  readonly lastChange: string | null;
}

/** How many outcomes there are, and how many of the kinds that should equal that number or be none. */
export interface Tally {
  readonly outcomes: number;
  readonly succeeded: number;
  readonly positions: number;
  readonly partitions: number;
  readonly airports: number;
  /** Null when there is no outcome. */
  readonly positionMin: number | null;
  readonly positionMax: number | null;
  /** Sum of expectedKnockOnMin. */
  readonly knockOnMin: number | null;
}

/** One outcome, by position. */
export interface FlightOutcome {
  readonly position: number;
  readonly type: string;
  readonly key: string | null;
  readonly status: string;
  readonly result: string | null;
  readonly error: string | null;
}

/** An outcome that started before its predecessor of the same airport had ended. */
export interface OrderBreach {
  readonly airport: string;
  readonly position: number;
  readonly positionBefore: number;
  /** By how many microseconds it was early. */
  readonly earlyUs: number;
}

/** Start and end are each rounded to a microsecond, so two that touch may seem to overlap by one. */
const roundingUs = 1;

const worstAirportsSql = `
  SELECT key AS airport, count(*) AS flights,
         avg(json_extract(result, '$.expectedKnockOnMin')) AS knockOnMin,
         avg(json_extract(result, '$.p90KnockOnMin')) AS p90KnockOnMin
  FROM outcomes WHERE json_valid(result)
  GROUP BY key HAVING count(*) >= :flightsMin
  ORDER BY knockOnMin DESC, airport LIMIT :airportsMax`;

const tallySql = `
  SELECT count(*) AS outcomes, count(*) FILTER (WHERE status = 'succeeded') AS succeeded,
         count(DISTINCT position) AS positions, count(DISTINCT partition) AS partitions,
         count(DISTINCT key) AS airports, min(position) AS positionMin, max(position) AS positionMax,
         sum(json_extract(result, '$.expectedKnockOnMin')) FILTER (WHERE json_valid(result)) AS knockOnMin
  FROM outcomes`;

const airportStatesSql = 'SELECT key AS airport, value AS state FROM states ORDER BY key';

const latestDelaysSql = `
  SELECT key AS airport, json_extract(value, '$.flights') AS flights, json_extract(value, '$.delayMin') AS delayMin,
         json_extract(value, '$.changes') AS changes, json_extract(value, '$.lastChange') AS lastChange
  FROM states WHERE json_extract(value, '$.flights') >= :flightsMin
  ORDER BY delayMin DESC, key LIMIT :airportsMax`;

const byPositionSql = 'SELECT position, type, key, status, result, error FROM outcomes ORDER BY position';

const orderBreachesSql = `
  SELECT airport, position, positionBefore, endedBefore - started_at AS earlyUs
  FROM (
    SELECT key AS airport, position, started_at,
           lag(position) OVER lane AS positionBefore,
           lag(started_at) OVER lane AS startedBefore,
           lag(started_at + duration_us) OVER lane AS endedBefore
    FROM outcomes WINDOW lane AS (PARTITION BY key ORDER BY position)
  )
  WHERE started_at < startedBefore OR started_at + :roundingUs < endedBefore
  ORDER BY position`;

/** The outcomes of one store. Call `close` when done. */
export class Outcomes {
  readonly #database: Database.Database;

  /** Throws when there is no such file. */
  constructor(path: string) {
    this.#database = new Database(path, { readonly: true, fileMustExist: true });
  }

  worstAirports(limits: { flightsMin: number; airportsMax: number }): AirportFigures[] {
    return this.#database.prepare<[typeof limits], AirportFigures>(worstAirportsSql).all(limits);
  }

  tally(): Tally {
    return this.#database.prepare<[], Tally>(tallySql).get()!;
  }

  /** What was kept for each airport, as JSON text. */
  airportStates(): { airport: string; state: string }[] {
    return this.#database.prepare<[], { airport: string; state: string }>(airportStatesSql).all();
  }

  latestDelays(limits: { flightsMin: number; airportsMax: number }): LatestDelay[] {
    return this.#database.prepare<[typeof limits], LatestDelay>(latestDelaysSql).all(limits);
  }

  byPosition(): IterableIterator<FlightOutcome> {
    return this.#database.prepare<[], FlightOutcome>(byPositionSql).iterate();
  }

  orderBreaches(): OrderBreach[] {
    return this.#database.prepare<[{ roundingUs: number }], OrderBreach>(orderBreachesSql).all({ roundingUs });
  }

  close(): void {
    this.#database.close();
  }
}
