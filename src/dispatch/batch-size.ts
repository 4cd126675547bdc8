// How many events the next batch takes. It aims at a duration, from the handler time that was measured, and takes a
// smaller share when little is waiting, so that the last batches leave no thread idle.

/**
 * A batch this long is not cut further for the sake of sharing: what its way to a thread and back costs all threads
 * together is a fifth of it.
 */
const worthwhileUs = 500;

/** One that runs and one that waits for it. */
const batchesPerThread = 2;

/** Before anything was measured. */
const firstSize = 16;

/** Weight of the newest batch in the running average. */
const weight = 0.25;

/**
 * What decided how large a batch is: nothing measured yet, the duration it aims at, its share of what waits, or the
 * most events that one may have.
 */
export type BatchSizeBy = 'nothing-measured' | 'target' | 'share' | 'limit';

export class BatchSize {
  readonly #sizeMax: number;
  readonly #targetUs: number;
  /** How many share what is waiting. */
  threads: number;
  #eventUs: number | null = null;
  #latest = 0;
  #latestBy: BatchSizeBy = 'nothing-measured';

  constructor(of: { sizeMax: number; targetMs: number; threads: number }) {
    this.#sizeMax = of.sizeMax;
    this.#targetUs = of.targetMs * 1000;
    this.threads = of.threads;
  }

  /** Time of one event in its thread, in microseconds, as a running average; null before the first report. */
  get eventUs(): number | null {
    return this.#eventUs;
  }

  /** The size chosen last. */
  get latest(): number {
    return this.#latest;
  }

  /** What decided it. */
  get latestBy(): BatchSizeBy {
    return this.#latestBy;
  }

  /** Takes a report into account: `count` events took `busyUs` in their thread. */
  measured(count: number, busyUs: number): void {
    if (count === 0) return;
    const eventUs = Math.max(busyUs / count, 0.05);
    this.#eventUs = this.#eventUs === null ? eventUs : this.#eventUs + weight * (eventUs - this.#eventUs);
  }

  /**
   * The most events the next batch may take, with `runnable` events waiting: what fits the target duration, but no
   * more than half a thread's share of what is waiting, unless that would make it shorter than is worth a wake-up.
   */
  choose(runnable: number): number {
    const share = Math.ceil(runnable / (batchesPerThread * this.threads));
    if (this.#eventUs === null) {
      this.#latest = Math.min(firstSize, share, this.#sizeMax);
    } else {
      const fitting = Math.floor(this.#targetUs / this.#eventUs);
      const worthwhile = Math.max(share, Math.floor(worthwhileUs / this.#eventUs));
      this.#latest = Math.min(fitting, worthwhile, this.#sizeMax);
      this.#latestBy = this.#latest === this.#sizeMax ? 'limit' : fitting <= worthwhile ? 'target' : 'share';
    }
    this.#latest = Math.max(1, this.#latest);
    return this.#latest;
  }

  /**
   * Of what waits in a hot lane, the part that goes into the batch chosen last. Of the batches that are under way
   * together a lane is in one only, and takes in that one its share of all of them; with less, what waits of a hot key
   * would fill the memory until little else is there to run.
   */
  partOf(runnable: number): number {
    return (this.#latest * batchesPerThread * this.threads) / runnable;
  }
}
