// Seeded random numbers: the same seed gives the same draws on every thread and in every run. Not for secrets.

import { mulberry32, type Random } from '../src/testing/mulberry32.js';

export { mulberry32, type Random };

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
