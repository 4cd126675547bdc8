// Whether the long form of the suites is asked for: `KEYLANE_LONG=1 npm test`. Without it each has a part of itself, so
// that all tests together take less than three minutes on two cores.

export const isLong = process.env['KEYLANE_LONG'] === '1';

/** One of two sizes. */
export function sized<Size>(of: { short: Size; long: Size }): Size {
  return isLong ? of.long : of.short;
}
