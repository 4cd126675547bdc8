// How many events a measurement takes of handlers that are as fast as a plain loop has shown.

/** Events of one measurement at most: what became of each is kept. */
const eventsMax = 1_000_000;
/** Of one thread at most: far more cannot pass through a processor in a second, however little they cost. */
const perThreadMax = 300_000;
const perThreadMin = 10;

/** For so many seconds of one thread, in steps of 1, 2 and 5, so that two runs of the bench mostly have the same cells. */
export function eventsPerThread({ rate, seconds }: { rate: number; seconds: number }): number {
  const wanted = Math.min(perThreadMax, Math.max(perThreadMin, rate * seconds));
  const power = 10 ** Math.floor(Math.log10(wanted));
  const step = [5, 2, 1].find((one) => one * power <= wanted) ?? 1;
  return step * power;
}

/** What is measured with so many at once, of which each takes an equal share. */
export function eventsFor({ perThread, atOnce }: { perThread: number; atOnce: number }): number {
  return Math.floor(Math.min(eventsMax, perThread * atOnce) / atOnce) * atOnce;
}

/** A tenth of them, outside the clock. */
export function warmingFor(events: number): number {
  return Math.ceil(events / 10);
}
