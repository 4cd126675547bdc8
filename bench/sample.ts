// The median of some runs, and how far they lie apart.

import type { Sample } from './report.js';

export function sampleOf(runs: readonly number[]): Sample {
  const middle = median(runs);
  const spread = middle === 0 ? 0 : (Math.max(...runs) - Math.min(...runs)) / middle;
  return { median: middle, spread, runs };
}

/** Of an even number of values the upper one of the two in the middle. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('a median needs at least one value');
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;
}
