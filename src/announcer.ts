// Tells listeners what happened. A listener that throws harms nobody else: what it threw becomes a warning. Trouble
// that nobody listens for goes to the process's own warnings.

import { type BatchNews, isHeard, tellChannel } from './diagnostics.js';
import { KeylaneError, messageOf, shown } from './errors.js';
import type { Outcome, Retry } from './outcome.js';
import { isPromiseLike } from './promise-like.js';

/** What a processor tells its listeners. */
export interface ProcessorEvents {
  /** An outcome is durable. Listening costs the main thread the decoding of every outcome. */
  outcome: Outcome;
  /** A dead-lettered outcome is durable. */
  deadLetter: Outcome;
  /** A try failed, that is durable, and another follows. */
  retry: Retry;
  /** The circuit breaker of a handler has changed. */
  breaker: { readonly handler: string; readonly state: 'closed' | 'open' | 'probing' };
  /** Something to know that breaks no promise, such as the death of a handler thread. */
  warning: KeylaneError;
  /** The processor has failed: it takes nothing more, and what is not durable will not be. */
  fatal: KeylaneError;
}

export type Listener<Name extends keyof ProcessorEvents> = (news: ProcessorEvents[Name]) => void;

export class Announcer {
  /** Path of the processor's store, for those who hear of several. Written by the Processor. */
  store = '';
  readonly #listeners: { readonly [Name in keyof ProcessorEvents]: Set<Listener<Name>> } = {
    outcome: new Set(),
    deadLetter: new Set(),
    retry: new Set(),
    breaker: new Set(),
    warning: new Set(),
    fatal: new Set(),
  };

  /** Throws a KeylaneError `bad-option` for a name it does not know, or what is no function. */
  on<Name extends keyof ProcessorEvents>(name: Name, listener: Listener<Name>): void {
    if (!Object.hasOwn(this.#listeners, name)) {
      const names = Object.keys(this.#listeners).join(', ');
      throw new KeylaneError('bad-option', `the name of what to listen to must be one of ${names}, got ${shown(name)}`);
    }
    if (typeof listener !== 'function') {
      throw new KeylaneError('bad-option', `a listener of "${name}" must be a function, got ${shown(listener)}`);
    }
    this.#listeners[name].add(listener);
  }

  off<Name extends keyof ProcessorEvents>(name: Name, listener: Listener<Name>): void {
    if (Object.hasOwn(this.#listeners, name)) this.#listeners[name].delete(listener);
  }

  /** Whether anybody listens to it. */
  listens(name: keyof ProcessorEvents): boolean {
    return this.#listeners[name].size > 0 || isHeard(name);
  }

  tell<Name extends keyof ProcessorEvents>(name: Name, news: ProcessorEvents[Name]): void {
    const listeners = this.#listeners[name];
    tellChannel(name, { store: this.store, news });
    if (listeners.size === 0 && news instanceof KeylaneError) process.emitWarning(news);
    for (const listener of [...listeners]) {
      try {
        const came: unknown = listener(news);
        // Nobody waits for it.
        if (isPromiseLike(came)) came.then(undefined, (error) => this.#report(name, error));
      } catch (error) {
        this.#report(name, error);
      }
    }
  }

  /** Tells the channel of batches, which has no listeners here. */
  tellBatch(news: BatchNews): void {
    tellChannel('batch', { store: this.store, news });
  }

  #report(name: keyof ProcessorEvents, error: unknown): void {
    const failure = new KeylaneError('listener-failed', `a listener of "${name}" threw: ${messageOf(error)}`, {
      cause: error,
    });
    // A listener of warnings that throws is not told of its own throw.
    if (name === 'warning') process.emitWarning(failure);
    else this.tell('warning', failure);
  }
}
