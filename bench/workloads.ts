// The work of the bench's handlers: a fixed number of steps of a linear congruential generator, so that a busy machine
// makes it slower and never less. The numbers of steps were calibrated once, on a quiet core, to about what the names
// say; they stay as they are, since the ideal is measured with the same work in the same run.
//
// A run of the generator must be walked step by step, but its end can also be calculated: that is how the results of
// millions of events are checked without doing the work again.

/** Steps of the generator, by the name of the workload. */
export const roundsOf = {
  'no-op': 0,
  '60us': 48_000,
  '600us': 480_000,
  '5ms': 4_000_000,
} as const;

export type Workload = keyof typeof roundsOf;

export const workloadNames = Object.keys(roundsOf) as Workload[];

/** What one event takes, roughly, in microseconds; for planning only. */
export const nominalUs: Readonly<Record<Workload, number>> = { 'no-op': 3, '60us': 60, '600us': 600, '5ms': 5000 };

const multiplier = 1664525;
const increment = 1013904223;

/** Steps of one call of the walk. */
const stride = 1000;

/**
 * Walks the generator from `seed`, an unsigned 32-bit number like what it gives. In strides, as V8 13 compiles a long
 * loop while its first call runs, and would leave that code in every call at whatever it had not seen by then.
 */
export function work(seed: number, rounds: number): number {
  let x = seed | 0;
  for (let left = rounds; left > 0; left -= stride) x = walked(x, Math.min(left, stride));
  return x >>> 0;
}

function walked(from: number, rounds: number): number {
  let x = from;
  for (let round = 0; round < rounds; round += 1) x = (Math.imul(x, multiplier) + increment) | 0;
  return x;
}

/** A function that gives what `work` gives with so many rounds, at once: the steps folded into one by squaring. */
export function calculated(rounds: number): (seed: number) => number {
  let [a, c] = [1, 0];
  let [stepA, stepC] = [multiplier, increment];
  for (let left = rounds; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) {
      c = (Math.imul(stepA, c) + stepC) | 0;
      a = Math.imul(stepA, a);
    }
    stepC = (Math.imul(stepA, stepC) + stepC) | 0;
    stepA = Math.imul(stepA, stepA);
  }
  return (seed) => (Math.imul(a, seed) + c) >>> 0;
}
