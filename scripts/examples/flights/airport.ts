// What the demo keeps for each airport: how late its flights are of late, and when that changed. Each flight changes it a
// little, in the order of the flights: a fold, which a plain loop must come to as well.

import type { Flight } from './model.js';

export interface Airport {
  readonly flights: number;
  /** Delay in minutes, the latest flights weighing most, and its variance. */
  readonly delayMin: number;
  readonly delayMin2: number;
  /** How much of late speaks for a rise or a fall of the delay (CUSUM; Page, 1954), in standard deviations. */
  readonly rise: number;
  readonly fall: number;
  /** Changes that were found, and at which flight the last one was. */
  readonly changes: number;
  readonly lastChange: string | null;
}

export const newAirport: Airport = {
  ...{ flights: 0, delayMin: 0, delayMin2: 0, rise: 0, fall: 0, changes: 0, lastChange: null },
};

/** Weight of the newest flight. */
const weight = 0.05;
/** Flights after which a delay is known well enough to tell a change. */
const knownFrom = 30;
/** Delays have long tails: one flight says no more than so many standard deviations, of at least so many minutes. */
const deviationsMax = 3;
const deviationMinutesMin = 5;
/** Drift that is no change, and the sum at which there is one. */
const drift = 0.5;
const changeAt = 8;

/** An airport after one more flight. */
export function withFlight(before: Airport, { delay, date }: Flight): Airport {
  const flights = before.flights + 1;
  const share = Math.max(weight, 1 / flights);
  const off = delay - before.delayMin;
  const delayMin = before.delayMin + share * off;
  const delayMin2 = (1 - share) * (before.delayMin2 + share * off * off);
  if (flights <= knownFrom) return { ...before, flights, delayMin, delayMin2 };
  const deviation = Math.max(deviationMinutesMin, Math.sqrt(before.delayMin2));
  const said = Math.max(-deviationsMax, Math.min(deviationsMax, off / deviation));
  const rise = Math.max(0, before.rise + said - drift);
  const fall = Math.max(0, before.fall - said - drift);
  if (Math.max(rise, fall) < changeAt) return { ...before, flights, delayMin, delayMin2, rise, fall };
  return { flights, delayMin, delayMin2, rise: 0, fall: 0, changes: before.changes + 1, lastChange: date };
}
