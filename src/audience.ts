// Those who take in durable outcomes one after another, and at their own pace: subscriptions and iterators. While the
// queue of one is full no batch starts, so that what comes waits where it waits for slow handlers. It says who wants
// what, and decodes nothing.

import type { Clock } from './clock.js';
import type { Slot } from './dispatch/ring-buffer.js';
import { KeylaneError } from './errors.js';
import type { Outcome } from './outcome.js';
import type { EventTraits, Matcher } from './outcome-filter.js';

/** One of those who take outcomes in. */
export interface Taker {
  readonly matcher: Matcher;
  /** How messages call it. */
  readonly name: string;
  take(outcome: Outcome): void;
  /** No more come, as the processor has ended: in order, or by an error, which ends it at once. */
  end(error: KeylaneError | null): void;
  /** Whether calls of it are under way, or still to come; who pulls makes none. */
  readonly isCalling?: boolean;
  /** Resolves when one of its calls is over. */
  nextOver?(): Promise<void>;
}

/** What one of them says of itself. */
export interface TakerLinks {
  /** It wants nothing more. */
  delete(taker: Taker): void;
  /** Its queue is full. */
  fellBehind(taker: Taker): void;
  /** Its queue is empty enough, whether it was full or not. */
  caughtUp(taker: Taker): void;
}

interface Parts {
  readonly clock: Clock;
  /** Says that batches may start again. */
  wake(): void;
  onWarning(error: KeylaneError): void;
}

/** For how long a queue may be full before that is told. */
const behindMsMax = 5000;

export class Audience {
  readonly #parts: Parts;
  readonly #all = new Set<Taker>();
  /** Those that went and whose calls are not over. */
  readonly #leaving = new Set<Taker>();
  /** Those whose queue is full, with how to call off the warning that is to come. */
  readonly #behind = new Map<Taker, () => void>();
  /** What each of them needs of this. */
  readonly links: TakerLinks = {
    delete: (taker) => this.delete(taker),
    fellBehind: (taker) => this.#fellBehind(taker),
    caughtUp: (taker) => this.#caughtUp(taker),
  };
  #endedBy: { readonly error: KeylaneError } | null = null;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Whether no batch should start. */
  get isBehind(): boolean {
    return this.#behind.size > 0;
  }

  /** Names of those whose queue is full. */
  get behind(): string[] {
    return Array.from(this.#behind.keys(), ({ name }) => name);
  }

  /** Of those of which calls are under way, the name of one, and when the next call is over; null without any. */
  underWay(): { readonly name: string; readonly over: Promise<unknown> } | null {
    const calling = [...this.#all, ...this.#leaving].filter(({ isCalling = false }) => isCalling);
    const [first] = calling;
    return first === undefined
      ? null
      : { name: first.name, over: Promise.race(calling.map((one) => one.nextOver?.())) };
  }

  /** How many there are. */
  get size(): number {
    return this.#all.size;
  }

  get isEmpty(): boolean {
    return this.#all.size === 0;
  }

  /** Throws what ended the processor, once something did. */
  add(taker: Taker): void {
    if (this.#endedBy !== null) throw this.#endedBy.error;
    this.#all.add(taker);
  }

  delete(taker: Taker): void {
    this.#all.delete(taker);
    this.#leave(taker);
    this.#caughtUp(taker);
  }

  /** Whether somebody may want an outcome of one of these events. */
  wantAny(slots: readonly Slot[], nameOf: (handler: number) => string): boolean {
    for (const { matcher } of this.#all) if (matcher.fitsAny(slots, nameOf)) return true;
    return false;
  }

  /** Whether somebody may want an outcome of this event. */
  wants(event: EventTraits): boolean {
    for (const { matcher } of this.#all) if (matcher.fitsEvent(event)) return true;
    return false;
  }

  /** Tells an outcome that is durable. */
  tell(outcome: Outcome): void {
    for (const taker of [...this.#all]) {
      // One that was told before may have ended this one.
      if (this.#all.has(taker) && taker.matcher.fits(outcome)) taker.take(outcome);
    }
  }

  /** No more come. Null after an orderly end. */
  end(error: KeylaneError | null): void {
    const ended = 'the processor has ended: make another to listen to';
    this.#endedBy ??= { error: error ?? new KeylaneError('not-running', ended) };
    for (const callOff of this.#behind.values()) callOff();
    this.#behind.clear();
    const all = [...this.#all];
    this.#all.clear();
    for (const taker of all) {
      taker.end(error);
      this.#leave(taker);
    }
  }

  #leave(taker: Taker): void {
    for (const one of this.#leaving) if (!one.isCalling) this.#leaving.delete(one);
    if (taker.isCalling) this.#leaving.add(taker);
  }

  #fellBehind(taker: Taker): void {
    if (this.#behind.has(taker) || !this.#all.has(taker)) return;
    const callOff = this.#parts.clock.alarm(behindMsMax, () => {
      const what = `${taker.name} has left its queue full for ${behindMsMax / 1000} seconds`;
      const advice = 'no batch starts until it has taken half of that; let it go on, or end it';
      this.#parts.onWarning(new KeylaneError('listener-slow', `${what}: ${advice}`));
    });
    this.#behind.set(taker, callOff);
  }

  #caughtUp(taker: Taker): void {
    const callOff = this.#behind.get(taker);
    if (callOff === undefined) return;
    callOff();
    this.#behind.delete(taker);
    if (this.#behind.size === 0) this.#parts.wake();
  }
}
