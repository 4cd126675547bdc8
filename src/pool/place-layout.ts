// What stands where in the memory that threads share: of one place, its marks, then numbers, lengths and flags of its
// events, then the room for what came of them.

/** Room for results and errors in one place; a batch whose results exceed it ends early. */
export const ledgerBytesMax = 256 * 1024;

/** The marks of one place, each by its index. A cache line a place, as places are written by different threads. */
export const markOf = { begun: 0, finished: 1, aborts: 2, ranBefore: 3, awaited: 4, callEnd: 5 } as const;
export const marksPerPlace = 16;

/** Numbers of an event, in this order. */
export const timeOf = { startedAtUs: 0, durationUs: 1, delayMs: 2 } as const;
export const timesPerEvent = 3;

/** Numbers of the state that an event has left, in this order; written in batches that have states. */
export const stateOf = { from: 0, length: 1, version: 2, isText: 3 } as const;
export const numbersPerState = 4;
/** Lengths that stand for no bytes: the state is as it was, or the key has none any more. */
export const stateLength = { unchanged: -1, none: -2 } as const;

/** Where its result is, its length, and that of what it emitted, which stands before it where its code says so. */
export const intsPerEvent = 3 + numbersPerState;
export const bytesPerEvent =
  timesPerEvent * Float64Array.BYTES_PER_ELEMENT + intsPerEvent * Int32Array.BYTES_PER_ELEMENT + 2;

/** A multiple of a cache line, so that every view of it is aligned. */
export function bytesPerPlace(batchSizeMax: number): number {
  const marks = marksPerPlace * Int32Array.BYTES_PER_ELEMENT;
  return Math.ceil((marks + batchSizeMax * bytesPerEvent) / 64) * 64 + ledgerBytesMax;
}
