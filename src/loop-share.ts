// How busy the main thread was of late: since it was asked for at least five seconds ago, so that those who ask do not
// take the time from one another.

import { type EventLoopUtilization, performance } from 'node:perf_hooks';

const windowMs = 5000;

export class LoopShare {
  /** The counters of the event loop at two times; before the older one they are forgotten. */
  #older = performance.eventLoopUtilization();
  #newer: EventLoopUtilization = this.#older;
  #newerMs: number;

  constructor(nowMs: number) {
    this.#newerMs = nowMs;
  }

  /** From 0 to 1. */
  read(nowMs: number): number {
    const loop = performance.eventLoopUtilization();
    if (nowMs - this.#newerMs >= windowMs) {
      [this.#older, this.#newer, this.#newerMs] = [this.#newer, loop, nowMs];
    }
    return performance.eventLoopUtilization(loop, this.#older).utilization;
  }
}
