// Makes verdicts of figures and bounds.

import type { TargetVerdict } from '../report.js';
import { median } from '../sample.js';
import { whyMissed } from './why-missed.js';

interface Judged {
  readonly target: string;
  readonly what: string;
  readonly note?: string | null;
}

/** A target counts as met when this share of the runs meets it: of a median at its bound the next run may tell otherwise. */
const steadyShare = 0.75;

type Bound = { atLeast: number } | { atMost: number } | { below: number };

/** Of runs that are to be at least, or at most, a bound; `unit` stands behind the figures. */
export function verdictOf(
  { target, what, note = null }: Judged,
  of: { runs: readonly number[]; unit?: string } & Bound,
): TargetVerdict {
  const figure = median(of.runs);
  const unit = of.unit === undefined ? '' : ` ${of.unit}`;
  const within = of.runs.filter((run) => isWithin(run, of)).length;
  const isMet = within >= of.runs.length * steadyShare;
  const range = of.runs.length === 1 ? 'one run' : `${shown(Math.min(...of.runs))} to ${shown(Math.max(...of.runs))}`;
  const isUnsteady = !isMet && isWithin(figure, of);
  const unsteady = isUnsteady ? `the median meets it, but only ${within} of ${of.runs.length} runs do` : null;
  const told = [note, unsteady, isMet ? null : whyMissed(target, what)].filter((text) => text !== null);
  return {
    ...{ target, what, figure: `${shown(figure)}${unit} (${range})`, wanted: `${boundText(of)}${unit}`, isMet },
    note: told.length === 0 ? null : told.join('. '),
  };
}

function isWithin(value: number, bound: Bound): boolean {
  if ('atLeast' in bound) return value >= bound.atLeast;
  return 'atMost' in bound ? value <= bound.atMost : value < bound.below;
}

function boundText(bound: Bound): string {
  if ('atLeast' in bound) return `>= ${bound.atLeast}`;
  return 'atMost' in bound ? `<= ${bound.atMost}` : `< ${bound.below}`;
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
