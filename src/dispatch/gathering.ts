// Whether keys with state wait a moment for more of their events. A run costs its state once each way, so while events
// come in bulk, faster than is looked what can run, fewer and longer runs take much less. It ends with the first look
// that finds no more; what comes one by one waits for nothing.

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
  /** Since when it waits; null when it does not. */
  #sinceMs: number | null = null;

  /** Whether it waits, so that somebody has to look again soon. */
  get isWaiting(): boolean {
    return this.#sinceMs !== null;
  }

  /** One look: whether nothing is to depart before the next one. */
  waits({ events, lane, eventUs, threads }: Runnable, nowMs: number): boolean {
    const isBulk = events - this.#left >= bulk;
    this.#left = events;
    const hasState = lane !== null && lane.keyState !== undefined;
    const isWorthIt = isBulk && hasState && eventUs !== null && events * eventUs < enoughUs * threads;
    this.#sinceMs = isWorthIt ? (this.#sinceMs ?? nowMs) : null;
    if (this.#sinceMs !== null && nowMs - this.#sinceMs >= waitMsMax) this.#sinceMs = null;
    return this.isWaiting;
  }

  /** So many are left once a batch has gone. */
  departed(left: number): void {
    this.#left = left;
  }
}
