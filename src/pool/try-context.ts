// What a handler is told about its try. One is made for every event, so it is a few fields and no more until its signal
// is asked for; one that a handler keeps speaks of its own event for ever, never of a later one.

import type { HandlerContext } from '../handler.js';
import { abortFlag, type Place } from './progress.js';

export class TryContext implements HandlerContext {
  readonly handler: string;
  readonly attempt: number;
  readonly threadId: number;
  readonly #index: number;
  readonly #news: AbortNews;
  /** Where its flag is; null once the try has ended, as by then the flag may be another event's. */
  #place: Place | null;
  #wasAborted = false;
  #controller: AbortController | null = null;

  constructor(
    of: { handler: string; attempt: number; threadId: number },
    at: { place: Place; index: number; news: AbortNews },
  ) {
    this.handler = of.handler;
    this.attempt = of.attempt;
    this.threadId = of.threadId;
    this.#index = at.index;
    this.#news = at.news;
    this.#place = at.place;
  }

  get aborted(): boolean {
    return this.#place === null ? this.#wasAborted : this.#place.flagOf(this.#index) !== abortFlag.none;
  }

  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      // It listens before it looks: an abort between the two is heard, one before them is seen.
      if (this.#place !== null) this.#news.tell(this, this.#place);
      this.notice();
    }
    return this.#controller.signal;
  }

  /** The runner: the try has ended, with this flag. */
  end(flag: number): void {
    this.#place = null;
    this.#wasAborted = flag !== abortFlag.none;
  }

  /** Passes an abort on to the signal; false when there is nothing more to come. */
  notice(): boolean {
    if (this.aborted) this.#controller?.abort();
    return this.#place !== null && !this.aborted;
  }
}

/**
 * One for each thread: hears of aborts for the try that runs, with one waiter a place however many signals are asked.
 */
export class AbortNews {
  #told: TryContext | null = null;
  readonly #heard = new Set<Place>();

  /** From now on it tells this try, which runs in this place, and no longer the one before. */
  tell(context: TryContext, place: Place): void {
    this.#told = context;
    void this.#listen(place);
  }

  async #listen(place: Place): Promise<void> {
    if (this.#heard.has(place)) return;
    this.#heard.add(place);
    await place.nextAbort();
    this.#heard.delete(place);
    // Meanwhile another try may run, perhaps in the other place, which has its own waiter then.
    if (this.#told?.notice()) void this.#listen(place);
  }
}
