// How many tries may start: of all handlers, of one, or of each key of one. Counted by the generic cell rate algorithm
// (ITU-T I.371): one number says until when what has started is paid for, so that nothing is refilled by a timer.

import type { RateLimit } from '../rate-options.js';

/** A lane by its handler and its key, null for what has none. */
interface OfKey {
  readonly handler: number;
  readonly key: string | null;
}

/** Fractions of a try that come of dividing times are none. */
const rounding = 1e-6;

/** Keys whose rates are remembered, of each handler. Beyond, the one that has rested longest is forgotten. */
const keysMax = 100_000;

function everyMs({ tries, perMs }: RateLimit): number {
  return perMs / tries;
}

/** How many tries may start, where what has started is paid for until `paidMs`. */
function leftOf(limit: RateLimit, { paidMs, nowMs }: { paidMs: number; nowMs: number }): number {
  return Math.floor((nowMs + limit.perMs - Math.max(paidMs, nowMs)) / everyMs(limit) + rounding);
}

/** When one more may start. */
function nextOf(limit: RateLimit, paidMs: number): number {
  return paidMs + everyMs(limit) - limit.perMs;
}

/** Counts the tries of one limit. */
export class RateMeter {
  readonly #limit: RateLimit;
  #paidMs = Number.NEGATIVE_INFINITY;

  constructor(limit: RateLimit) {
    this.#limit = limit;
  }

  /** What one try takes of the time. */
  get everyMs(): number {
    return everyMs(this.#limit);
  }

  /** How many tries may start now. */
  left(nowMs: number): number {
    return leftOf(this.#limit, { paidMs: this.#paidMs, nowMs });
  }

  /** When one more may start. */
  get nextMs(): number {
    return nextOf(this.#limit, this.#paidMs);
  }

  take(tries: number, nowMs: number): void {
    this.#paidMs = Math.max(this.#paidMs, nowMs) + tries * everyMs(this.#limit);
  }

  /** One that was taken never started. */
  giveBack(): void {
    this.#paidMs -= everyMs(this.#limit);
  }
}

/** Counts the tries of each key of the handlers that have such a limit. */
export class KeyRates {
  /** By handler; null where nothing limits a key. */
  readonly #limits: (RateLimit | null)[] = [];
  /** By handler and key, until when what has started is paid for; those that have rested longest come first. */
  readonly #paidMs: Map<string, number>[] = [];

  constructor(limits: readonly (RateLimit | null)[]) {
    for (const limit of limits) this.addHandler(limit);
  }

  addHandler(limit: RateLimit | null): void {
    this.#limits.push(limit);
    this.#paidMs.push(new Map());
  }

  /** How many tries of a lane may start now. */
  left(lane: OfKey, nowMs: number): number {
    const limit = this.#limits[lane.handler];
    if (!limit) return Number.POSITIVE_INFINITY;
    return leftOf(limit, { paidMs: this.#paidOf(lane), nowMs });
  }

  /** What one try of a key takes of the time; 0 where nothing limits the keys of a handler. */
  everyMs(handler: number): number {
    const limit = this.#limits[handler];
    return limit ? everyMs(limit) : 0;
  }

  /** When one more may start; in the past where one may already. */
  nextMs(lane: OfKey): number {
    const limit = this.#limits[lane.handler];
    return limit ? nextOf(limit, this.#paidOf(lane)) : Number.NEGATIVE_INFINITY;
  }

  take(lane: OfKey, { tries, nowMs }: { tries: number; nowMs: number }): void {
    const limit = this.#limits[lane.handler];
    if (!limit || lane.key === null) return;
    const paid = this.#paidMs[lane.handler]!;
    const paidMs = Math.max(this.#paidOf(lane), nowMs) + tries * everyMs(limit);
    paid.delete(lane.key);
    for (const [key, untilMs] of paid) {
      if (untilMs > nowMs && paid.size < keysMax) break;
      paid.delete(key);
    }
    paid.set(lane.key, paidMs);
  }

  /** One that was taken never started. */
  giveBack({ handler, key }: OfKey): void {
    const limit = this.#limits[handler];
    const paidMs = key === null ? undefined : this.#paidMs[handler]?.get(key);
    if (limit && paidMs !== undefined) this.#paidMs[handler]!.set(key!, paidMs - everyMs(limit));
  }

  #paidOf({ handler, key }: OfKey): number {
    return (key === null ? undefined : this.#paidMs[handler]!.get(key)) ?? Number.NEGATIVE_INFINITY;
  }
}
