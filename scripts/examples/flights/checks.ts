// The demo's proof: what the store holds, against what one plain thread computes from the same file. Each check gives
// a sentence that says what was compared; nothing is printed here.

import { setImmediate as turnOfEventLoop } from 'node:timers/promises';
import { type Airport, newAirport, withFlight } from './airport.js';
import { estimateKnockOn, type Flight, type KnockOn } from './model.js';
import type { Outcomes } from './outcomes.js';
import { count, type Finding } from './report.js';

/** Every flight has exactly one outcome, and it succeeded. */
export function checkOnePerFlight(outcomes: Outcomes, flights: readonly Flight[]): Finding {
  const tally = outcomes.tally();
  const wanted = flights.length;
  const passed =
    tally.outcomes === wanted &&
    tally.succeeded === wanted &&
    tally.positions === wanted &&
    tally.partitions === 1 &&
    tally.positionMin === 1 &&
    tally.positionMax === wanted;
  const found =
    `${count(tally.outcomes)} outcomes, ${count(tally.succeeded)} of them succeeded, ` +
    `at ${count(tally.positions)} distinct positions, lines ${tally.positionMin} to ${tally.positionMax}`;
  return {
    passed,
    title: 'exactly one succeeded outcome per flight',
    detail: passed ? found : `expected ${count(wanted)} flights at lines 1 to ${wanted} of one file, found ${found}`,
  };
}

/** Every stored result is, as JSON text and so digit for digit, what a sequential run gave. */
export function checkSameFigures(
  outcomes: Outcomes,
  run: { flights: readonly Flight[]; results: readonly KnockOn[] },
): Finding {
  let equal = 0;
  let wrong: string | null = null;
  for (const { position, type, key, status, result, error } of outcomes.byPosition()) {
    const flight = run.flights[position - 1];
    const expected = JSON.stringify(run.results[position - 1]);
    const same = type === 'flight.departed' && key === flight?.origin && result === expected;
    if (same) equal += 1;
    else {
      const wanted = `flight.departed, key ${flight?.origin}, succeeded, ${expected}`;
      wrong ??= `line ${position}: expected ${wanted}, found ${type}, key ${key}, ${status}, ${result ?? error}`;
    }
  }
  const passed = wrong === null && equal === run.flights.length;
  const found = `${count(equal)} of ${count(run.flights.length)} results equal in every digit`;
  return {
    passed,
    title: 'the same figures as a sequential run',
    detail: wrong === null ? found : `${found}; first difference at ${wrong}`,
  };
}

/** The state of every airport is, digit for digit, what a sequential run has come to. */
export function checkSameStates(outcomes: Outcomes, airports: ReadonlyMap<string, Airport>): Finding {
  const found = outcomes.airportStates();
  const other = found.filter(({ airport, state }) => state !== JSON.stringify(airports.get(airport)));
  const passed = other.length === 0 && found.length === airports.size;
  const changes = [...airports.values()].reduce((sum, airport) => sum + airport.changes, 0);
  const [first] = other;
  const wrong =
    first === undefined
      ? `expected ${airports.size} airports with state, found ${found.length}`
      : `${first.airport}: expected ${JSON.stringify(airports.get(first.airport))}, found ${first.state}`;
  return {
    passed,
    title: 'the same state per airport as a sequential run',
    detail: passed ? `${count(found.length)} airports, ${count(changes)} changes of their delay found` : wrong,
  };
}

/** Of the flights of one airport, each started only after the one before it in the file had ended. */
export function checkOrder(outcomes: Outcomes): Finding {
  const breaches = outcomes.orderBreaches();
  const { airports } = outcomes.tally();
  const first = breaches[0];
  return {
    passed: first === undefined,
    title: 'order of execution per airport is input order',
    detail:
      first === undefined
        ? `${airports} airports, each flight started after the one before it had ended`
        : `started too early: ${count(breaches.length)}; first: line ${first.position} (${first.airport}), ` +
          `${count(first.earlyUs)} us before line ${first.positionBefore} had ended`,
  };
}

/** The plain run to compare with: one thread, one flight after another, nothing stored. Null when interrupted. */
export async function runSequentially(
  flights: readonly Flight[],
  interrupt: AbortSignal,
): Promise<{ results: KnockOn[]; airports: Map<string, Airport>; tookMs: number } | null> {
  const from = performance.now();
  const results: KnockOn[] = [];
  const airports = new Map<string, Airport>();
  for (const flight of flights) {
    // Now and then a turn of the event loop, or a Ctrl-C would go unheard until the end.
    if (results.length % 256 === 0) await turnOfEventLoop();
    if (interrupt.aborted) return null;
    results.push(estimateKnockOn(flight));
    airports.set(flight.origin, withFlight(airports.get(flight.origin) ?? newAirport, flight));
  }
  return { results, airports, tookMs: performance.now() - from };
}
