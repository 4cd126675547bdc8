// Seeded random numbers: the same seed gives the same draws in every run. Not for secrets.

/** Gives a number from 0 up to, not including, 1. */
export type Random = () => number;

/**
 * Mulberry32 by Tommy Ettinger (2017, public domain), in the JavaScript form listed in github.com/bryc/code,
 * jshash/PRNGs.md: 32 bits of state, one multiply-and-xor step a draw.
 */
export function mulberry32(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
