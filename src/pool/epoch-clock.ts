// Time of day in whole microseconds from a clock that never goes back. All threads of the process read the same
// monotonic clock and add the same offset, taken once by the main thread: their times compare, and a jump of the wall
// clock moves none of them.

/** Wall clock minus monotonic clock, in microseconds. The main thread takes it once and hands it to the others. */
export function takeEpochOffsetUs(): number {
  return Date.now() * 1000 - monotonicUs();
}

/** A function that tells the microseconds since the Unix epoch, as whole numbers. */
export function epochClock(epochOffsetUs: number): () => number {
  // performance.now() is several times cheaper than process.hrtime, but each thread counts it from its own start.
  const threadOffsetUs = epochOffsetUs + monotonicUs() - performance.now() * 1000;
  return () => Math.floor(performance.now() * 1000 + threadOffsetUs);
}

function monotonicUs(): number {
  return Number(process.hrtime.bigint()) / 1000;
}
