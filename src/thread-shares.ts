// How busy each handler thread was of late. Threads come and go: of one that did nothing of late nothing is kept.

import { Rate } from './rate.js';

/** A handler thread, and the share of its time that it was busy. */
export interface ThreadShare {
  /** As in `context.threadId`. */
  readonly threadId: number;
  readonly busyShare: number;
}

/** A batch under way. */
interface Running {
  readonly threadId: number;
  /** For how long. */
  readonly forMs: number;
}

export class ThreadShares {
  readonly #rates = new Map<number, Rate>();
  readonly #startMs: number;

  constructor(nowMs: number) {
    this.#startMs = nowMs;
  }

  /** Takes in that a batch has come back, and how long it took in its thread. */
  add(threadId: number, busyUs: number, nowMs: number): void {
    const rate = this.#rates.get(threadId) ?? this.#begin(threadId, nowMs);
    rate.addTime(busyUs, nowMs);
  }

  /** The share of each thread that lives, or has a batch, over the last ten seconds or since the start. */
  of(live: readonly number[], { running, nowMs }: { running: readonly Running[]; nowMs: number }): ThreadShare[] {
    const goingOnMs = new Map<number, number[]>(live.map((threadId) => [threadId, []]));
    for (const { threadId, forMs } of running) {
      goingOnMs.set(threadId, [...(goingOnMs.get(threadId) ?? []), forMs]);
    }
    return [...goingOnMs]
      .sort(([one], [other]) => one - other)
      .map(([threadId, ms]) => {
        const rate = this.#rates.get(threadId) ?? new Rate(this.#startMs);
        return { threadId, busyShare: Math.min(1, rate.perSecond(nowMs, ms) / 1e6) };
      });
  }

  /** Each that comes lets go of those that did nothing of late. */
  #begin(threadId: number, nowMs: number): Rate {
    for (const [id, rate] of this.#rates) if (rate.perSecond(nowMs) === 0) this.#rates.delete(id);
    const rate = new Rate(this.#startMs);
    this.#rates.set(threadId, rate);
    return rate;
  }
}
