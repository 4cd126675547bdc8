// Fixed work: so many rounds of integer arithmetic, whatever the clock says, so that contention shows as time.

/** Rounds that take about the time they are named after on one core at 3 GHz; a machine's own ideal is measured. */
export const rounds = { 'no-op': 0, '60us': 31_000, '600us': 310_000, '5ms': 2_600_000 } as const;

export type Workload = keyof typeof rounds;

/** Gives the same number for the same rounds; who calls it uses the number, lest the loop be optimised away. */
export function work(count: number): number {
  let mixed = 0x9e3779b9;
  for (let round = 0; round < count; round += 1) {
    mixed = (Math.imul(mixed ^ (mixed >>> 15), 0x85ebca6b) + round) | 0;
  }
  return mixed >>> 0;
}
