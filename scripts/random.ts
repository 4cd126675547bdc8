// Seeded random numbers: the same seed gives the same draws on every thread and in every run. Not for secrets.

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

/** The 32-bit FNV-1a hash of a text of ASCII characters (Fowler, Noll and Vo, 1991): a seed from a name. */
export function seedOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}

/** A draw from the exponential distribution with this mean. */
export function exponential(random: Random, mean: number): number {
  return -mean * Math.log(1 - random());
}

/** A draw from the standard normal distribution (Box and Muller, 1958). */
export function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
