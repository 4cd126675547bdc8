// How much of something there was of late: amounts of the last seconds, one sum for each. Adding costs one comparison.
// Of time that was spent, each second has what fell into it.

const seconds = 10;

export class Rate {
  /** By second, of which the newest is `#second`. */
  readonly #sums = new Float64Array(seconds + 1);
  readonly #startMs: number;
  #second: number;

  constructor(nowMs: number) {
    this.#startMs = nowMs;
    this.#second = Math.floor(nowMs / 1000);
  }

  add(amount: number, nowMs: number): void {
    this.#moveTo(nowMs);
    this.#sums[this.#second % this.#sums.length]! += amount;
  }

  /** Adds time, in microseconds, that was spent until now without a break. */
  addTime(us: number, nowMs: number): void {
    this.#moveTo(nowMs);
    const fromMs = Math.max(nowMs - us / 1000, this.#sinceMs);
    // Most is of one second.
    for (let [second, endMs] = [this.#second, nowMs]; endMs > fromMs; second -= 1) {
      const beginMs = Math.max(fromMs, second * 1000);
      this.#sums[second % this.#sums.length]! += (endMs - beginMs) * 1000;
      endMs = beginMs;
    }
  }

  /**
   * Amount a second, over the last ten seconds or since the beginning. `goingOnMs`: time that is being spent, and not
   * added yet: for how long.
   */
  perSecond(nowMs: number, goingOnMs: readonly number[] = []): number {
    this.#moveTo(nowMs);
    const spanMs = nowMs - this.#sinceMs;
    if (spanMs <= 0) return 0;
    let sum = 0;
    for (const amount of this.#sums) sum += amount;
    for (const ms of goingOnMs) sum += Math.min(ms, spanMs) * 1000;
    return (sum * 1000) / spanMs;
  }

  /** When what is remembered begins. */
  get #sinceMs(): number {
    return Math.max(this.#startMs, (this.#second - seconds) * 1000);
  }

  #moveTo(nowMs: number): void {
    const second = Math.floor(nowMs / 1000);
    if (second === this.#second) return;
    const passed = Math.min(second - this.#second, this.#sums.length);
    for (let step = 1; step <= passed; step += 1) this.#sums[(this.#second + step) % this.#sums.length] = 0;
    this.#second = second;
  }
}
