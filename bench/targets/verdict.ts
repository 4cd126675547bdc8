// Makes verdicts of figures and bounds.

import type { TargetVerdict } from '../report.js';
import { median } from '../sample.js';
import { whyMissed } from './why-missed.js';

interface Judged {
  readonly target: string;
  readonly what: string;
  readonly note?: string | null;
}

/** Of runs whose median is to be at least, or at most, a bound; `unit` stands behind the figures. */
export function verdictOf(
  { target, what, note = null }: Judged,
  of: { runs: readonly number[]; unit?: string } & ({ atLeast: number } | { atMost: number } | { below: number }),
): TargetVerdict {
  const figure = median(of.runs);
  const unit = of.unit === undefined ? '' : ` ${of.unit}`;
  const [bound, isMet] =
    'atLeast' in of
      ? [`>= ${of.atLeast}`, figure >= of.atLeast]
      : 'atMost' in of
        ? [`<= ${of.atMost}`, figure <= of.atMost]
        : [`< ${of.below}`, figure < of.below];
  const range = of.runs.length === 1 ? 'one run' : `${shown(Math.min(...of.runs))} to ${shown(Math.max(...of.runs))}`;
  const told = [note, isMet ? null : whyMissed(target, what)].filter((text) => text !== null);
  return {
    ...{ target, what, figure: `${shown(figure)}${unit} (${range})`, wanted: `${bound}${unit}`, isMet },
    note: told.length === 0 ? null : told.join('. '),
  };
}

/** Of one that could not be judged. */
export function unjudged({ target, what, note = null }: Judged, wanted: string): TargetVerdict {
  return { target, what, figure: 'not measured', wanted, isMet: false, note };
}

/** Ratios of runs that belong together. */
export function ratios(over: readonly number[], under: readonly number[]): number[] {
  return over.map((value, index) => value / under[index]!);
}

export function shown(value: number): string {
  return Math.abs(value) >= 1000 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(3)));
}

export function verdictText({ target, what, figure, wanted, isMet, note }: TargetVerdict): string {
  const line = `${target.padEnd(8)} ${isMet ? 'met   ' : 'MISSED'} ${what}: ${figure}; wanted ${wanted}`;
  return note === null ? line : `${line}\n${' '.repeat(16)}${note}`;
}
