// One listener with a queue of its own: it is told one outcome of a key after another, and where it gives promises, so
// many keys at once as it was asked to. What it throws becomes a warning, and it goes on.

import type { Taker, TakerLinks } from './audience.js';
import { KeylaneError, messageOf, shown } from './errors.js';
import { Fifo } from './fifo.js';
import { checkOption, signalOf, unknownOption } from './option-spec.js';
import type { Outcome } from './outcome.js';
import { Matcher, type OutcomeFilter } from './outcome-filter.js';
import type { LaneOrder } from './policy.js';
import { isPromiseLike } from './promise-like.js';

/** Is told of outcomes; where it gives a promise, the next outcome of that key waits for it. */
export type OutcomeListener = (outcome: Outcome) => unknown;

export interface QueueOptions {
  /** Outcomes that may wait for it, from 1 to 1,000,000; 1,024 without it. While so many do, no batch starts. */
  readonly queueMax?: number;
  /** Ends it. */
  readonly signal?: AbortSignal;
}

export interface SubscribeOptions extends QueueOptions {
  /** Calls that may be under way at once, each of another key, from 1 to 1,024; one without it. */
  readonly concurrency?: number;
}

/** What `subscribe` gives. */
export interface Subscription {
  /** Tells it nothing more; what waits for it is dropped, and what is under way goes on. */
  unsubscribe(): void;
  /**
   * Resolves when nothing more comes and every call is over: after `unsubscribe`, or when the processor was drained or
   * stopped and what had come until then was told. Rejects when abort or trouble has ended the processor.
   */
  readonly done: Promise<void>;
  [Symbol.dispose](): void;
}

interface Parts extends TakerLinks {
  readonly matcher: Matcher;
  readonly name: string;
  readonly listener: OutcomeListener;
  readonly queueMax: number;
  readonly concurrency: number;
  /** The order of a handler's events, by its name. */
  orderOf(handler: string): LaneOrder;
  onWarning(error: KeylaneError): void;
}

/** `open`: outcomes come. `ending`: none come, and those here are told. `ended`: none are told. */
type State = 'open' | 'ending' | 'ended';

export class ListenerQueue implements Taker, Subscription {
  readonly matcher: Matcher;
  readonly name: string;
  readonly done: Promise<void>;
  readonly #parts: Parts;
  readonly #queue = new Fifo<Outcome>();
  /** Keys of which a call is under way, each with those that came to the front meanwhile. */
  readonly #busy = new Map<string, Fifo<Outcome>>();
  #running = 0;
  /** Told when a call is over. */
  readonly #whenOver = new Set<() => void>();
  #waiting = 0;
  #state: State = 'open';
  #resolve: () => void = () => {};
  #reject: (error: KeylaneError) => void = () => {};

  constructor(parts: Parts) {
    this.#parts = parts;
    this.matcher = parts.matcher;
    this.name = parts.name;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Not everybody waits for the end.
    this.done.catch(() => {});
  }

  take(outcome: Outcome): void {
    this.#queue.push(outcome);
    this.#waiting += 1;
    this.#run();
    if (this.#waiting >= this.#parts.queueMax) this.#parts.fellBehind(this);
  }

  end(error: KeylaneError | null): void {
    if (this.#state !== 'open') return;
    if (error === null) {
      this.#state = 'ending';
    } else {
      this.#drop();
      this.#reject(error);
    }
    this.#endIfDone();
  }

  get isCalling(): boolean {
    return this.#running > 0 || this.#waiting > 0;
  }

  nextOver(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenOver.add(resolve);
    });
  }

  unsubscribe(): void {
    this.#drop();
    this.#parts.delete(this);
    this.#endIfDone();
  }

  [Symbol.dispose](): void {
    this.unsubscribe();
  }

  #drop(): void {
    this.#state = 'ended';
    this.#queue.clear();
    this.#waiting = 0;
  }

  /** Makes the calls that may be made now. */
  #run(): void {
    while (this.#running < this.#parts.concurrency) {
      const outcome = this.#queue.shift();
      if (outcome === undefined) return;
      const lane = this.#laneOf(outcome);
      const behind = lane === null ? undefined : this.#busy.get(lane);
      if (behind === undefined) this.#call(outcome, lane);
      else behind.push(outcome);
    }
  }

  #call(outcome: Outcome, lane: string | null): void {
    this.#waiting -= 1;
    // It may end the subscription before it waits for anything.
    this.#running += 1;
    let came: PromiseLike<unknown> | null = null;
    try {
      const given = this.#parts.listener(outcome);
      if (isPromiseLike(given)) came = given;
    } catch (error) {
      this.#warn(error);
    }
    if (came === null) {
      this.#running -= 1;
      this.#endIfDone();
      return;
    }
    if (lane !== null) this.#busy.set(lane, this.#busy.get(lane) ?? new Fifo());
    Promise.resolve(came).then(
      () => this.#over(lane),
      (error) => {
        this.#warn(error);
        this.#over(lane);
      },
    );
  }

  /** Takes in that a call is over; the next one of its key follows at once. */
  #over(lane: string | null): void {
    this.#running -= 1;
    const behind = lane === null ? undefined : this.#busy.get(lane);
    // Its listener may have been told of all of them by the time one gives a promise again.
    const before = this.#running;
    for (let next = behind?.shift(); next !== undefined && this.#state !== 'ended'; next = behind?.shift()) {
      this.#call(next, lane);
      if (this.#running > before) break;
    }
    if (this.#running === before && lane !== null) this.#busy.delete(lane);
    this.#run();
    if (this.#waiting <= this.#parts.queueMax / 2) this.#parts.caughtUp(this);
    for (const tell of this.#whenOver) tell();
    this.#whenOver.clear();
    this.#endIfDone();
  }

  #endIfDone(): void {
    if (this.#state !== 'open' && this.#running === 0 && this.#waiting === 0) this.#resolve();
  }

  /**
   * Outcomes of one lane are told one after another; null for one that has no order among others. Those of one key are,
   * whichever handlers they are of.
   */
  #laneOf({ key, handler }: Outcome): string | null {
    const order = this.#parts.orderOf(handler);
    if (order === 'global') return '';
    return order === 'none' ? null : key;
  }

  #warn(error: unknown): void {
    const what = `${this.name} threw: ${messageOf(error)}`;
    this.#parts.onWarning(new KeylaneError('listener-failed', what, { cause: error }));
  }
}

/** What `subscribe` and `outcomes` were given, checked. */
export interface Wanted {
  readonly matcher: Matcher;
  /** How messages call what was asked for. */
  readonly name: string;
  readonly signal: AbortSignal | undefined;
  readonly queueMax: number;
  readonly concurrency: number;
}

const optionSpecs = {
  queueMax: { kind: 'integer', default: 1024, min: 1, max: 1_000_000, unit: 'outcomes', sentence: '' },
  concurrency: { kind: 'integer', default: 1, min: 1, max: 1024, unit: 'calls', sentence: '' },
} as const;

/** Checks what was given. Throws a KeylaneError `bad-option`. */
export function wantedFrom(
  which: string | OutcomeFilter,
  given: SubscribeOptions,
  { verb, names }: { verb: string; names: readonly (keyof SubscribeOptions)[] },
): Wanted {
  const unknown = Object.keys(given).find((name) => !names.some((known) => known === name));
  if (unknown !== undefined) throw unknownOption(unknown, { names });
  const { queueMax = optionSpecs.queueMax.default, concurrency = optionSpecs.concurrency.default } = given;
  const signal = signalOf(given);
  checkOption('queueMax', optionSpecs.queueMax, queueMax);
  checkOption('concurrency', optionSpecs.concurrency, concurrency);
  const filter = typeof which === 'string' ? { type: which } : which;
  const matcher = new Matcher(filter, 'outcomes');
  return { matcher, name: `${verb}(${JSON.stringify(which)})`, signal, queueMax, concurrency };
}

/** Throws a KeylaneError `bad-option` for what is no function. */
export function checkListener(listener: unknown): void {
  if (typeof listener === 'function') return;
  throw new KeylaneError('bad-option', `a listener of outcomes must be a function, got ${shown(listener)}`);
}
