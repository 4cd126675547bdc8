// How busy each handler thread was of late. Threads come and go: one is kept for as long as it has time in the span of
// a rate, or lives.

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

  /** Takes in that a batch has come back, and how long it took in its thread. */
  add(threadId: number, busyUs: number, nowMs: number): void {
    const rate = this.#rates.get(threadId) ?? this.#begin(threadId, { fromMs: nowMs - busyUs / 1000, nowMs });
    rate.addTime(busyUs, nowMs);
  }

  /** The share of each thread that lives, or has a batch, over the last ten seconds or since its first batch. */
  of(live: readonly number[], { running, nowMs }: { running: readonly Running[]; nowMs: number }): ThreadShare[] {
    const ids = new Set([...live, ...running.map(({ threadId }) => threadId)]);
    return [...ids]
      .sort((a, b) => a - b)
      .map((threadId) => {
        const goingOnMs = running.filter((batch) => batch.threadId === threadId).map(({ forMs }) => forMs);
        const rate = this.#rates.get(threadId);
        const share = rate === undefined ? Number(goingOnMs.length > 0) : rate.perSecond(nowMs, goingOnMs) / 1e6;
        return { threadId, busyShare: Math.min(1, share) };
      });
  }

  /** Each that comes lets go of those that went. */
  #begin(threadId: number, { fromMs, nowMs }: { fromMs: number; nowMs: number }): Rate {
    for (const [id, rate] of this.#rates) if (rate.perSecond(nowMs) === 0) this.#rates.delete(id);
    const rate = new Rate(fromMs);
    this.#rates.set(threadId, rate);
    return rate;
  }
}
