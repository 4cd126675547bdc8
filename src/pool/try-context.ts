// What a handler is told about its try. One is made for every event, so it is a few fields and no more until its signal
// is asked for; one that a handler keeps speaks of its own event for ever, never of a later one.

import { correlate } from '../correlation.js';
import { shown } from '../errors.js';
import type { EncodedEvent, SourceEvent } from '../event.js';
import type { HandlerContext, HandlerEvent } from '../handler.js';
import { invariant } from '../invariant.js';
import type { Emitter } from './emitter.js';
import { abortFlag, type Place } from './progress.js';

/** Where a try runs. */
export interface TryPlace {
  readonly reader: { readonly attempt: number };
  readonly place: Place;
  readonly index: number;
}

/** What the tries of one thread have in common. */
export interface TryThread {
  readonly news: AbortNews;
  readonly emitter: Emitter;
}

export class TryContext implements HandlerContext {
  readonly handler: string;
  readonly attempt: number;
  readonly threadId: number;
  readonly #index: number;
  readonly #thread: TryThread;
  /** Where its flag is; null once the try has ended, as by then the flag may be another event's. */
  #place: Place | null;
  #wasAborted = false;
  /** Null until it is decoded, which is part of the try. */
  #event: HandlerEvent | null = null;
  #controller: AbortController | null = null;
  #emitted: EncodedEvent[] | null = null;
  #emittedSize = 0;

  constructor(handler: string, { reader, place, index }: TryPlace, thread: TryThread) {
    this.handler = handler;
    this.attempt = reader.attempt;
    this.threadId = thread.news.threadId;
    this.#index = index;
    this.#thread = thread;
    this.#place = place;
  }

  /** The runner: the event that the handler is given. */
  static give(context: TryContext, event: HandlerEvent): HandlerEvent {
    context.#event = event;
    return event;
  }

  /** The runner: the try has ended, with this flag. No method, as it is no business of the handler's. */
  static end(context: TryContext, flag: number): void {
    context.#place = null;
    context.#wasAborted = flag !== abortFlag.none;
  }

  /** The runner: what the try has emitted, if it is to exist. */
  static emitted(context: TryContext): readonly EncodedEvent[] | null {
    return context.#emitted;
  }

  /** Whether the try has ended. */
  protected static isOver(context: TryContext): boolean {
    return context.#place === null;
  }

  get state(): unknown {
    throw this.#keepsNone();
  }

  // A handler may take what it calls out of its context: `(event, { setState, emit }) => …`.
  get setState(): HandlerContext['setState'] {
    return (next) => this.keep(next);
  }

  get emit(): HandlerContext['emit'] {
    return (events) => this.#emit(events);
  }

  get correlate(): HandlerContext['correlate'] {
    return (event) => correlate(this.#cause, event);
  }

  protected keep(_next: unknown): void {
    throw this.#keepsNone();
  }

  #keepsNone(): TypeError {
    const expected = `handler ${shown(this.handler)} must declare the state it keeps, and its event must have a key`;
    const advice = 'give its policy a member state: { initial: (key) => state }, and publish the event with a key';
    return new TypeError(`${expected}, found one of the two missing: ${advice}`);
  }

  get aborted(): boolean {
    return this.#place === null ? this.#wasAborted : this.#place.flagOfCall(this.#index) !== abortFlag.none;
  }

  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      if (this.#place !== null) this.#thread.news.tell(this, this.#place);
      this.notice();
    }
    return this.#controller.signal;
  }

  #emit(events: SourceEvent | readonly SourceEvent[]): void {
    if (TryContext.isOver(this)) {
      throw new Error(`a try of ${shown(this.handler)} must emit before it ends, got an event after: await it`);
    }
    const { emitter } = this.#thread;
    // All of them or none, where the handler catches what this throws.
    let size = this.#emittedSize;
    const all = (Array.isArray(events) ? events : [events]) as readonly SourceEvent[];
    const encoded = all.map((event) => {
      const one = emitter.encode(this.#cause, event);
      size = emitter.sizeWith(size, one);
      return one;
    });
    this.#emittedSize = size;
    this.#emitted = this.#emitted === null ? encoded : this.#emitted.concat(encoded);
  }

  get #cause(): HandlerEvent {
    invariant(this.#event !== null, 'a handler has its event when it has its context');
    return this.#event;
  }

  /** Passes an abort on to the signal; false when there is nothing more to come. */
  notice(): boolean {
    // One look: an abort between two would be told by neither.
    const { aborted } = this;
    if (aborted) this.#controller?.abort();
    return this.#place !== null && !aborted;
  }
}

/**
 * One for each thread: hears of aborts for the try that runs, with one waiter a place however many signals are asked.
 */
export class AbortNews {
  readonly threadId: number;
  #told: TryContext | null = null;
  readonly #heard = new Set<Place>();

  constructor(threadId: number) {
    this.threadId = threadId;
  }

  /** From now on it tells this try, which runs in this place, and no longer the one before. */
  tell(context: TryContext, place: Place): void {
    this.#told = context;
    void this.#listen(place);
  }

  async #listen(place: Place): Promise<void> {
    if (this.#heard.has(place)) return;
    this.#heard.add(place);
    // It counts before it looks: an abort that comes after the look is one more. By the second round another try may
    // run, perhaps in the other place, which has its own waiter then.
    for (let seen = place.aborts; this.#told?.notice(); seen = place.aborts) await place.abortSince(seen);
    this.#heard.delete(place);
  }
}
