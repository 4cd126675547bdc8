// Time of day in whole microseconds from a clock that never goes back. All threads of the process read the same
// monotonic clock and add the same offset, taken once by the main thread: their times compare, and a jump of the wall
// clock moves none of them.

/** Wall clock minus monotonic clock, in microseconds. The main thread takes it once and hands it to the others. */
export function takeEpochOffsetUs(): number {
  return Date.now() * 1000 - monotonicUs();
}

/** A function that tells the microseconds since the Unix epoch, as whole numbers. */
export function epochClock(epochOffsetUs: number): () => number {
  const threadOffsetUs = epochOffsetUs + threadStartUs();
  return () => Math.floor(performance.now() * 1000 + threadOffsetUs);
}

/**
 * The monotonic clock at which performance.now() was 0 in this thread: it is several times cheaper than
 * process.hrtime, but each thread counts it from its own start. The two are read in turn; the tightest of several
 * readings counts, since the thread may be put aside between two of them.
 */
function threadStartUs(): number {
  let tightestUs = Number.POSITIVE_INFINITY;
  let startUs = 0;
  for (let reading = 0; reading < 50 && tightestUs > 0.5; reading += 1) {
    const beforeUs = monotonicUs();
    const nowUs = performance.now() * 1000;
    const widthUs = monotonicUs() - beforeUs;
    if (widthUs >= tightestUs) continue;
    tightestUs = widthUs;
    startUs = beforeUs + widthUs / 2 - nowUs;
  }
  return startUs;
}

function monotonicUs(): number {
  return Number(process.hrtime.bigint()) / 1000;
}
