// How often what took how long: counts in buckets that grow with their times, so that any time has one and none is off
// by more than an eighth of itself. Log-linear, as in HdrHistogram (hdrhistogram.org), with eight buckets for each
// doubling. Adding allocates nothing.

/** Buckets for each doubling, and below that one for each microsecond. */
const perDoubling = 8;

/** Up to 2^32 us, above an hour; what is longer counts as that. */
const doublings = 32;

const bucketCount = perDoubling * (doublings - 2);

const usMax = 2 ** doublings - 1;

export class Histogram {
  readonly #counts = new Float64Array(bucketCount);
  #count = 0;
  #sumUs = 0;
  #maxUs = 0;

  get count(): number {
    return this.#count;
  }

  get sumUs(): number {
    return this.#sumUs;
  }

  get maxUs(): number {
    return this.#maxUs;
  }

  add(us: number): void {
    const whole = us >= usMax ? usMax : us > 0 ? us >>> 0 : 0;
    this.#counts[bucketOf(whole)]! += 1;
    this.#count += 1;
    this.#sumUs += us;
    if (us > this.#maxUs) this.#maxUs = us;
  }

  /** The time that a share of all were within, at most; the upper end of its bucket. Null without any. */
  quantileUs(share: number): number | null {
    if (this.#count === 0) return null;
    let left = Math.max(1, Math.ceil(share * this.#count));
    for (let bucket = 0; bucket < bucketCount; bucket += 1) {
      left -= this.#counts[bucket]!;
      if (left <= 0) return Math.min(this.#maxUs, upperEndOf(bucket));
    }
    return this.#maxUs;
  }

  /** How many were within each bound, which rise; what is in the bucket of a bound counts for the next one. */
  within(boundsUs: readonly number[]): number[] {
    let bucket = 0;
    let sum = 0;
    return boundsUs.map((bound) => {
      for (; bucket < bucketCount && upperEndOf(bucket) <= bound; bucket += 1) sum += this.#counts[bucket]!;
      return sum;
    });
  }
}

/** Of a whole number of microseconds below 2^32. */
function bucketOf(us: number): number {
  if (us < perDoubling) return us;
  const exponent = 31 - Math.clz32(us);
  return perDoubling * (exponent - 2) + ((us >>> (exponent - 3)) & (perDoubling - 1));
}

/** The longest time that is in a bucket. */
function upperEndOf(bucket: number): number {
  if (bucket < perDoubling) return bucket + 1;
  const shift = Math.floor(bucket / perDoubling) - 1;
  return (perDoubling + (bucket % perDoubling) + 1) * 2 ** shift;
}
