// Outcomes one after another, for whoever asks for the next one. It listens from the moment it is made, and ends with
// the processor, or when it is left.

import type { Taker, TakerLinks } from './audience.js';
import type { KeylaneError } from './errors.js';
import { Fifo } from './fifo.js';
import type { Outcome } from './outcome.js';
import type { Matcher } from './outcome-filter.js';

/** What `outcomes` gives: leave it by `break`, `return()` or `await using`. */
export type OutcomeIterator = AsyncIterableIterator<Outcome, undefined, undefined> & AsyncDisposable;

interface Parts extends TakerLinks {
  readonly matcher: Matcher;
  readonly name: string;
  readonly queueMax: number;
}

type Result = IteratorResult<Outcome, undefined>;

/** `open`: outcomes come. `ended`: none come; those here are given, and then what ended it, if that is an error. */
type State = 'open' | 'ended';

const over: Result = { done: true, value: undefined };

export class PulledOutcomes implements Taker, OutcomeIterator {
  readonly matcher: Matcher;
  readonly name: string;
  /** Resolves when nothing more comes. */
  readonly left: Promise<void>;
  readonly #parts: Parts;
  readonly #queue = new Fifo<Outcome>();
  /** Calls of `next` that wait; then the queue is empty. */
  readonly #asked = new Fifo<{ resolve(result: Result): void; reject(error: unknown): void }>();
  #state: State = 'open';
  /** What is thrown once, at the end. */
  #error: { readonly reason: unknown } | null = null;
  #resolveLeft: () => void = () => {};

  constructor(parts: Parts) {
    this.#parts = parts;
    this.matcher = parts.matcher;
    this.name = parts.name;
    this.left = new Promise((resolve) => {
      this.#resolveLeft = resolve;
    });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Result> {
    const outcome = this.#queue.shift();
    if (outcome !== undefined) {
      if (this.#queue.size <= this.#parts.queueMax / 2) this.#parts.caughtUp(this);
      return Promise.resolve({ done: false, value: outcome });
    }
    if (this.#state === 'ended') {
      const error = this.#error;
      this.#error = null;
      return error === null ? Promise.resolve(over) : Promise.reject(error.reason);
    }
    return new Promise((resolve, reject) => {
      this.#asked.push({ resolve, reject });
    });
  }

  /** Ends it; what waits is dropped. */
  return(): Promise<Result> {
    this.#leave();
    return Promise.resolve(over);
  }

  /** Ends it, and rejects with what it is given. */
  throw(error: unknown): Promise<Result> {
    this.#leave();
    return Promise.reject(error);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#leave();
  }

  take(outcome: Outcome): void {
    const asked = this.#asked.shift();
    if (asked !== undefined) {
      asked.resolve({ done: false, value: outcome });
      return;
    }
    this.#queue.push(outcome);
    if (this.#queue.size >= this.#parts.queueMax) this.#parts.fellBehind(this);
  }

  end(error: KeylaneError | null): void {
    if (error === null) this.#close();
    else this.cutShort(error);
  }

  /** Ends it at once, and has the next call reject. */
  cutShort(reason: unknown): void {
    if (this.#state === 'ended') return;
    this.#queue.clear();
    this.#parts.delete(this);
    const asked = this.#asked.shift();
    if (asked === undefined) this.#error = { reason };
    else asked.reject(reason);
    this.#close();
  }

  #leave(): void {
    this.#queue.clear();
    this.#error = null;
    this.#parts.delete(this);
    this.#close();
  }

  #close(): void {
    this.#state = 'ended';
    this.#resolveLeft();
    for (let asked = this.#asked.shift(); asked !== undefined; asked = this.#asked.shift()) asked.resolve(over);
  }
}
