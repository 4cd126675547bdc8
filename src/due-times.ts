// When a try is due that the store knows of, by the clock of this process. The store's times are wall-clock times, and
// that clock may have been set back since: no wait is longer than it could be when it began.

import type { Clock } from './clock.js';
import { retryLaterMsMax } from './handler.js';
import { type DueSpan, longestWaitMs } from './store-lanes.js';

export class DueTimes {
  readonly #clock: Clock;
  #backoffMsMax = 0;

  /** @param policies of the handlers. */
  constructor(clock: Clock, policies: readonly { readonly backoffMsMax: number }[]) {
    this.#clock = clock;
    for (const policy of policies) this.addHandler(policy);
  }

  addHandler({ backoffMsMax }: { readonly backoffMsMax: number }): void {
    this.#backoffMsMax = Math.max(this.#backoffMsMax, backoffMsMax);
  }

  /** Null when it is due at once. Only an event that was ever postponed may wait for longer than its handler has it. */
  dueMs({ dueAtUs, postponed }: { readonly dueAtUs: number; readonly postponed: number }): number | null {
    const waitMs = dueAtUs / 1000 - this.#clock.wallMs();
    if (waitMs <= 0) return null;
    const longestMs = postponed > 0 ? Math.max(this.#backoffMsMax, retryLaterMsMax) : this.#backoffMsMax;
    return this.#clock.nowMs() + Math.min(waitMs, longestMs);
  }

  /** When the first event of a span can be due, and when all of them are. */
  spanMs(span: DueSpan): { readonly dueMs: number; readonly endMs: number } {
    const waitMs = Math.min(span.fromMs - this.#clock.wallMs(), longestWaitMs(span));
    const dueMs = this.#clock.nowMs() + waitMs;
    return { dueMs, endMs: dueMs + span.widthMs };
  }
}
