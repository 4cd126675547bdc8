// Where what is ready to run stands, of handlers that are treated alike: those of one priority, or a single one of
// which only so many batches may be under way, or so many tries may start. Within it, what has waited longest comes
// first.

import type { RateLimit } from '../rate-options.js';
import { Lane } from './lane.js';
import { LaneHeap } from './lane-heap.js';
import { RateMeter } from './rate-limits.js';
import type { Slot } from './ring-buffer.js';

/** What a handler may claim of the threads. */
export interface Claim {
  /** What is ready of a higher one goes first. */
  readonly priority: number;
  /** How many of its events may run at once; null where nothing limits that. */
  readonly concurrency: number | null;
  /** How many of its tries may start; left out or null where nothing limits that. */
  readonly rateLimit?: RateLimit | null;
  /** The same of each of its keys. */
  readonly rateLimitPerKey?: RateLimit | null;
}

/** That of a handler which is treated like any other. */
export const noClaim: Claim = { priority: 0, concurrency: null };

export function noClaims(count: number): Claim[] {
  return Array.from({ length: count }, () => noClaim);
}

export class Stand {
  readonly priority: number;
  /** Its events that need no order; in no heap, never busy. */
  readonly free = new Lane({ handler: -1, key: null, state: 'free' });
  /** Its ready lanes, by the sequence of their heads. */
  readonly lanes = new LaneHeap();
  /** Events that wait in these lanes. Written by Lanes. */
  waiting = 0;
  /** Batches that may have events of it besides those that have. */
  #batchesLeft: number;
  /** Whether the batch that is being put together has events of it. */
  #isDeparting = false;
  readonly #meter: RateMeter | null;
  /** Tries that may start, as far as its rate goes. */
  #triesLeft = Number.POSITIVE_INFINITY;

  constructor({ priority, concurrency, rateLimit }: Claim) {
    this.priority = priority;
    this.#meter = rateLimit ? new RateMeter(rateLimit) : null;
    this.#batchesLeft = concurrency ?? Number.POSITIVE_INFINITY;
  }

  /** Whether events of it may join the batch that is being put together. */
  get isOpen(): boolean {
    return this.#triesLeft > 0 && this.hasPlace;
  }

  /** The same whatever its rate: for what cannot wait for it, and takes from what may start later. */
  get hasPlace(): boolean {
    return this.#isDeparting || this.#batchesLeft > 0;
  }

  /** Whether its rate limits it. */
  get isLimited(): boolean {
    return this.#meter !== null;
  }

  /** Whether its rate lets nothing start now. */
  get isOut(): boolean {
    return this.#triesLeft === 0;
  }

  /** Whether only its rate keeps what is ready of it from running. */
  get isSpent(): boolean {
    return this.isOut && this.#ready > 0;
  }

  /** Tries that may start besides those of what is ready; below 0 by what is ready beyond. */
  get triesSpare(): number {
    return this.#triesLeft - this.#ready;
  }

  /** When half of what is ready will have started, where its rate limits it. */
  get halfStartedMs(): number {
    return this.nextTryMs + (this.#ready / 2) * this.everyMs;
  }

  /** When its rate lets one more try start, and each that follows. */
  get nextTryMs(): number {
    return this.#meter?.nextMs ?? Number.NEGATIVE_INFINITY;
  }

  get everyMs(): number {
    return this.#meter?.everyMs ?? 0;
  }

  /** Takes in what time it is. */
  refill(nowMs: number): void {
    if (this.#meter !== null) this.#triesLeft = Math.max(0, this.#meter.left(nowMs));
  }

  /** A try of it starts. */
  spend(nowMs: number): void {
    if (this.#meter === null) return;
    this.#meter.take(1, nowMs);
    this.#triesLeft = Math.max(0, this.#triesLeft - 1);
  }

  /** A try of it that was to start never did. */
  unspend(): void {
    this.#meter?.giveBack();
  }

  /** Events that wait in its lanes, and those that need no order. */
  get #ready(): number {
    return this.waiting + this.free.waiting;
  }

  /** Sequence of the event that waits longest. */
  get oldestSequence(): number {
    const free = this.free.head;
    return free === null ? this.lanes.leastRank : Math.min(free.sequence, this.lanes.leastRank);
  }

  /** The event that waits longest; null when none does. */
  get oldest(): Slot | null {
    const free = this.free.head;
    return free !== null && free.sequence < this.lanes.leastRank ? free : (this.lanes.least?.head ?? null);
  }

  /** An event of it joins the batch that is being put together; gives whether it is the first. */
  join(): boolean {
    if (this.#isDeparting) return false;
    this.#isDeparting = true;
    this.#batchesLeft -= 1;
    return true;
  }

  /** That batch leaves. */
  depart(): void {
    this.#isDeparting = false;
  }

  /** A batch with events of it has come back. */
  arrive(): void {
    this.#batchesLeft += 1;
  }
}
