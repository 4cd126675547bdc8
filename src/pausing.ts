// What somebody pauses and resumes by hand: checked here, kept by the dispatcher. A pause holds events back from
// starting; they are accepted, stored and kept in order all the same.

import type { Dispatcher } from './dispatch/dispatcher.js';
import { keyPausesMax, type Pause } from './dispatch/pauses.js';
import { KeylaneError, shown } from './errors.js';
import { type HandlerSet, noSuchHandler } from './handler-set.js';

/** What to pause or resume: everything (`{}`), a handler, a key of all handlers, or a key of one. */
export interface PauseFilter {
  readonly handler?: string;
  readonly key?: string;
}

interface Parts {
  readonly dispatcher: Pick<Dispatcher, 'pause' | 'resume' | 'pauses'>;
  readonly handlers: Pick<HandlerSet, 'names' | 'indexOf' | 'table'>;
  wake(): void;
}

export class Pausing {
  readonly #parts: Parts;
  #endedBy: KeylaneError | null = null;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** See `ProcessorCalls.pause`. */
  pause(which: PauseFilter): void {
    if (this.#endedBy !== null) throw this.#endedBy;
    const pause = this.#pauseFrom('pause', which);
    const { dispatcher } = this.#parts;
    if (pause.key !== null && dispatcher.pauses.isFull) {
      const most = `at most ${keyPausesMax} keys can be paused`;
      throw new KeylaneError('overloaded', `${most}, got one more: resume some, or pause their handlers`);
    }
    dispatcher.pause(pause);
    // What it holds may have to give way to others.
    this.#parts.wake();
  }

  /** See `ProcessorCalls.resume`. */
  resume(which: PauseFilter | undefined): void {
    this.#parts.dispatcher.resume(which === undefined ? null : this.#pauseFrom('resume', which));
    this.#parts.wake();
  }

  /** What is paused, as it was asked for. */
  list(): PauseFilter[] {
    return this.#parts.dispatcher.pauses.list().map(({ handler, key }) => ({
      ...(handler === null ? {} : { handler: this.#parts.handlers.names[handler]! }),
      ...(key === null ? {} : { key }),
    }));
  }

  /** Takes all pauses back, so that everything accepted can be finished, and takes none any more. */
  end(error: KeylaneError): void {
    this.#endedBy ??= error;
    this.#parts.dispatcher.resume(null);
  }

  #pauseFrom(verb: 'pause' | 'resume', which: PauseFilter): Pause {
    const stray = Object.keys(which ?? {}).find((name) => name !== 'handler' && name !== 'key');
    if (typeof which !== 'object' || which === null || stray !== undefined) {
      const found = stray === undefined ? shown(which) : `the member ${shown(stray)}`;
      throw new KeylaneError('bad-option', `${verb} takes { handler?, key? }, got ${found}`);
    }
    const { handler, key = null } = which;
    if (key !== null && typeof key !== 'string') {
      throw new KeylaneError('bad-option', `key must be a string, got ${shown(key)}`);
    }
    if (handler === undefined) return { handler: null, key };
    const { handlers } = this.#parts;
    // One that is being removed may wait for it.
    const index = verb === 'resume' ? handlers.names.indexOf(handler) : handlers.indexOf(handler);
    if (index === -1) throw noSuchHandler(handler, handlers.table);
    return { handler: index, key };
  }
}
