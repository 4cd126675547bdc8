// How much of something there was of late: amounts of the last seconds, one sum for each. Adding costs one comparison.

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

  /** Amount a second, over the last ten seconds or since the beginning. */
  perSecond(nowMs: number): number {
    this.#moveTo(nowMs);
    const sinceMs = Math.max(this.#startMs, (this.#second - seconds) * 1000);
    const sum = this.#sums.reduce((all, one) => all + one, 0);
    return nowMs <= sinceMs ? 0 : (sum * 1000) / (nowMs - sinceMs);
  }

  #moveTo(nowMs: number): void {
    const second = Math.floor(nowMs / 1000);
    if (second === this.#second) return;
    const passed = Math.min(second - this.#second, this.#sums.length);
    for (let step = 1; step <= passed; step += 1) this.#sums[(this.#second + step) % this.#sums.length] = 0;
    this.#second = second;
  }
}
