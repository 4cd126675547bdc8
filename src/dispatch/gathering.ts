// Whether events wait a moment for more of their keys, where all handlers keep state. A run costs its state once each
// way, so while events come in bulk, faster than is looked what can run, fewer and longer runs take much less. It ends
// with the first look that finds no more: where all comes one by one, nothing waits.

import type { Lane } from './lane.js';

/** So many new events between two looks are bulk. */
const bulk = 256;

/** Nothing is waited for once each thread has this much to do, by the time that events were measured to take. */
const enoughUs = 5000;

/** Nor for longer than this. */
const waitMsMax = 10;

/** What could depart now. */
interface Runnable {
  readonly events: number;
  /** The lane of the oldest of them. */
  readonly lane: Lane | null;
  /** Of one event, in microseconds; null before anything was measured. */
  readonly eventUs: number | null;
  readonly threads: number;
}

export class Gathering {
  /** Runnable events after the last look. */
  #left = 0;
  /** Since when it waits; it counts only while looks follow each other. */
  #sinceMs = 0;
  #wasWaiting = false;
  #isWaiting = false;

  /** Whether it waits, so that somebody has to look again soon. */
  get isWaiting(): boolean {
    return this.#isWaiting;
  }

  /** Before what can run is looked at: it waits no more, unless that look says so. */
  begin(): void {
    this.#wasWaiting = this.#isWaiting;
    this.#isWaiting = false;
  }

  /** One look: whether nothing is to depart before the next one. */
  waits({ events, lane, eventUs, threads }: Runnable, nowMs: number): boolean {
    const isBulk = events - this.#left >= bulk;
    this.#left = events;
    const hasState = lane !== null && lane.keyState !== undefined;
    if (!isBulk || !hasState || eventUs === null || events * eventUs >= enoughUs * threads) return false;
    if (!this.#wasWaiting) this.#sinceMs = nowMs;
    this.#isWaiting = nowMs - this.#sinceMs < waitMsMax;
    return this.#isWaiting;
  }

  /** So many are left once a batch has gone. */
  departed(left: number): void {
    this.#left = left;
  }
}
