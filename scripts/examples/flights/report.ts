// What the demo prints: the answer, the speed and what was checked.

import type { Outcomes } from './outcomes.js';

const flightsMin = 50;
const airportsMax = 5;

/** What one check found. */
export interface Finding {
  readonly passed: boolean;
  readonly title: string;
  /** What was counted, or the first thing that was wrong. */
  readonly detail: string;
}

/** The worst airports and the totals, as the store has them. */
export function printAnswer(outcomes: Outcomes, run: { tookMs: number; processed: number }): void {
  print(`\nThe five worst airports of those with at least ${flightsMin} flights, read from the store by SQL:\n`);
  print('  airport   flights   mean knock-on delay   mean 90th percentile');
  for (const { airport, flights, knockOnMin, p90KnockOnMin } of outcomes.worstAirports({ flightsMin, airportsMax })) {
    const start = `  ${airport.padEnd(7)}${count(flights).padStart(10)}`;
    print(`${start}${minutes(knockOnMin).padStart(22)}${minutes(p90KnockOnMin).padStart(23)}`);
  }
  print(
    '\nThe running delay of each airport is its state, with the changes of it that were found; the highest at the end:\n',
  );
  print('  airport   flights   running delay   changes   last change');
  for (const { airport, flights, delayMin, changes, lastChange } of outcomes.latestDelays({
    flightsMin,
    airportsMax,
  })) {
    const start = `  ${airport.padEnd(7)}${count(flights).padStart(10)}${minutes(delayMin).padStart(16)}`;
    print(`${start}${String(changes).padStart(10)}   ${lastChange ?? '-'}`);
  }
  const { outcomes: total, airports, knockOnMin } = outcomes.tally();
  const hours = count(Math.round((knockOnMin ?? 0) / 60));
  const rate = count(Math.round((run.processed / run.tookMs) * 1000));
  print(`\n  total   ${count(total)} flights from ${airports} airports, ${hours} hours of knock-on delay expected`);
  print(`  speed   ${count(run.processed)} events in ${seconds(run.tookMs)} from start to exit, ${rate} events/s`);
}

/** The time of the sequential run beside the command's; null for the latter when it took up an earlier run. */
export function printSpeed(run: { sequentialMs: number; commandMs: number | null }): void {
  const sequential = `sequential, nothing stored: ${seconds(run.sequentialMs)}`;
  const comparison =
    run.commandMs === null
      ? 'not compared: the command took up an earlier run'
      : `keylane: ${seconds(run.commandMs)}, ${(run.sequentialMs / run.commandMs).toFixed(2)} times as fast`;
  print(`  speed   ${sequential}; ${comparison}`);
}

/** Says of each check what it found, and whether all of them passed. */
export function printFindings(findings: readonly Finding[]): boolean {
  for (const { passed, title, detail } of findings) {
    print(`  ${passed ? 'ok    ' : 'FAILED'}  ${title}\n          ${detail}`);
  }
  const failed = findings.filter(({ passed }) => !passed).length;
  print(failed === 0 ? `\nAll ${findings.length} checks passed.` : `\nFAILED: ${failed} of ${findings.length} checks.`);
  return failed === 0;
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** A whole number as people write it: 20,000. */
export function count(value: number): string {
  return value.toLocaleString('en-US');
}

function minutes(value: number): string {
  return `${value.toFixed(1)} min`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
