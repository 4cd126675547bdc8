// What tries gave and how long they took, for each handler, since the start. It looks at each event of a report once,
// and allocates nothing but what it gives back for the whole.

import type { Slot } from './dispatch/ring-buffer.js';
import type { Decided } from './group.js';
import { handlerResult } from './handler.js';
import { Histogram } from './histogram.js';
import type { BatchReport } from './pool/messages.js';
import { Rate } from './rate.js';

/**
 * How long tries took in their threads: all of them, and what is known of one, null before the first. Quantiles are at
 * most an eighth too high.
 */
export interface HandlerTimes {
  readonly busyMs: number;
  readonly averageMs: number | null;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
  readonly maxMs: number | null;
}

/** What tries of a handler gave, and how long they took. */
export interface HandlerFigures extends HandlerTimes {
  readonly succeeded: number;
  /** Tries after which the event was dead-lettered. */
  readonly failed: number;
  /** Tries that ended so; an event that is cancelled while it waits has none. */
  readonly cancelled: number;
  readonly retried: number;
  readonly postponed: number;
  /** Tries that decided their events, a second, over the last ten seconds. */
  readonly eventsPerSecond: number;
}

/** What a report adds to the counts of all. */
export interface Tally extends Omit<Decided, 'superseded'> {
  retried: number;
  postponed: number;
}

const resultCount = Object.keys(handlerResult).length;

export class HandlerTallies {
  /** By handler and result. */
  #counts = new Float64Array(0);
  readonly #times: Histogram[] = [];
  /** Of all handlers together. */
  readonly times = new Histogram();
  readonly #ofReport = new Float64Array(resultCount);
  #decided = new Int32Array(0);
  readonly #rates: Rate[] = [];

  constructor(handlerCount: number, nowMs: number) {
    for (let handler = 0; handler < handlerCount; handler += 1) this.addHandler(nowMs);
  }

  addHandler(nowMs: number): void {
    const counts = new Float64Array(this.#counts.length + resultCount);
    counts.set(this.#counts);
    this.#counts = counts;
    this.#times.push(new Histogram());
    this.#rates.push(new Rate(nowMs));
    this.#decided = new Int32Array(this.#times.length);
  }

  add(slots: readonly Slot[], of: Pick<BatchReport, 'results' | 'durationsUs'> & { readonly nowMs: number }): Tally {
    const { results, durationsUs, nowMs } = of;
    const decided = this.#decided.fill(0);
    const sums = this.#ofReport.fill(0);
    for (let index = 0; index < slots.length; index += 1) {
      const { handler } = slots[index]!;
      const result = results[index]!;
      this.#counts[handler * resultCount + result]! += 1;
      sums[result]! += 1;
      if (result === handlerResult.skipped || result === handlerResult.doubted) continue;
      if (result !== handlerResult.retrying && result !== handlerResult.postponed) decided[handler]! += 1;
      const us = durationsUs[index]!;
      this.#times[handler]!.add(us);
      this.times.add(us);
    }
    for (let handler = 0; handler < decided.length; handler += 1) {
      if (decided[handler]! > 0) this.#rates[handler]!.add(decided[handler]!, nowMs);
    }
    return {
      succeeded: sums[handlerResult.succeeded]!,
      deadLettered: sums[handlerResult.failed]!,
      cancelled: sums[handlerResult.cancelled]!,
      retried: sums[handlerResult.retrying]!,
      postponed: sums[handlerResult.postponed]!,
    };
  }

  of(handler: number, nowMs: number): HandlerFigures {
    const countOf = (result: number): number => this.#counts[handler * resultCount + result]!;
    return {
      succeeded: countOf(handlerResult.succeeded),
      failed: countOf(handlerResult.failed),
      cancelled: countOf(handlerResult.cancelled),
      retried: countOf(handlerResult.retrying),
      postponed: countOf(handlerResult.postponed),
      eventsPerSecond: this.#rates[handler]!.perSecond(nowMs),
      ...timesOf(this.#times[handler]!),
    };
  }
}

/** The figures of times, in milliseconds. */
export function timesOf(times: Histogram): HandlerTimes {
  const { count, sumUs, maxUs } = times;
  const quantileMs = (share: number): number | null => msOf(times.quantileUs(share));
  return {
    busyMs: sumUs / 1000,
    averageMs: count === 0 ? null : sumUs / 1000 / count,
    p50Ms: quantileMs(0.5),
    p95Ms: quantileMs(0.95),
    p99Ms: quantileMs(0.99),
    maxMs: count === 0 ? null : maxUs / 1000,
  };
}

function msOf(us: number | null): number | null {
  return us === null ? null : us / 1000;
}
