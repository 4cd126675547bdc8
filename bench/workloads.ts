// The work of the bench's handlers: a fixed number of steps of a xorshift generator, so that a busy machine makes it
// slower and never less. The numbers of steps were calibrated once, on a quiet core, to about what the names
// say; they stay as they are, since the ideal is measured with the same work in the same run.
//
// A run of the generator must be walked step by step, but its end can also be calculated: that is how the results of
// millions of events are checked without doing the work again.

/** Steps of the generator, by the name of the workload. */
export const roundsOf = {
  'no-op': 0,
  '60us': 32_000,
  '600us': 320_000,
  '1.73ms': 922_000,
  '5ms': 2_700_000,
} as const;

export type Workload = keyof typeof roundsOf;

export const workloadNames = Object.keys(roundsOf) as Workload[];

/** What one event takes, roughly, in microseconds; for planning only. */
export const nominalUs: Readonly<Record<Workload, number>> = {
  ...{ 'no-op': 3, '60us': 60, '600us': 600, '1.73ms': 1730, '5ms': 5000 },
};

/**
 * Walks the generator from `seed`, an unsigned 32-bit number like what it gives. Every step is of 32-bit operations that
 * each tier of V8 has: with Math.imul, Node 24 took six times as long where a middle tier had inlined the loop.
 */
export function work(seed: number, rounds: number): number {
  let x = seed | 0;
  for (let round = 0; round < rounds; round += 1) x = step(x);
  return x >>> 0;
}

/** George Marsaglia, Xorshift RNGs, Journal of Statistical Software 8 (14), 2003. */
function step(from: number): number {
  let x = from;
  x ^= x << 13;
  x ^= x >>> 17;
  return x ^ (x << 5);
}

/** A function that gives what `work` gives with so many rounds, at once: steps are linear in the bits of the seed. */
export function calculated(rounds: number): (seed: number) => number {
  let power = Int32Array.from({ length: 32 }, (_, bit) => 1 << bit);
  let square = power.map(step);
  for (let left = rounds; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) power = power.map((column) => applied(square, column));
    square = square.map((column) => applied(square, column));
  }
  const matrix = power;
  return (seed) => applied(matrix, seed) >>> 0;
}

/** What a linear map gives for a number, by what it gives for each of the 32 bits. */
function applied(columns: Int32Array, to: number): number {
  let sum = 0;
  for (let bit = 0; bit < 32; bit += 1) if ((to >>> bit) & 1) sum ^= columns[bit]!;
  return sum;
}
