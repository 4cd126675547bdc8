// What came of the try that has just ended: written anew for every event, as the path through a batch is hot. How a try
// that failed goes on is decided here.

import { types } from 'node:util';
import type { EncodedEvent } from '../event.js';
import { handlerResult, isPermanent, type Policy, retryLaterMs } from '../handler.js';
import type { EndedTry } from './ended-try.js';
import { errorRecordText } from './error-record.js';
import { afterFailure, timedOut, unjudged, wasCancelled } from './failed-try.js';
import type { HandlerModule } from './handler-module.js';
import { abortFlag } from './progress.js';

/** The event that was tried. */
interface Tried {
  readonly handler: number;
  readonly attempt: number;
  readonly postponed: number;
}

interface Parts {
  readonly module: HandlerModule;
  /** By index of the handler. */
  readonly policies: readonly Policy[];
  readonly limits: { readonly errorSizeMax: number; readonly postponementsMax: number };
  /** Draws how long a retry waits; Math.random without it. */
  readonly random?: () => number;
}

export class TryEnd implements EndedTry {
  result: EndedTry['result'] = handlerResult.skipped;
  isTried = false;
  startedAtUs = 0;
  durationUs = 0;
  delayMs = 0;
  value: EndedTry['value'] = null;
  error: string | null = null;
  emitted: readonly EncodedEvent[] | null = null;
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  succeed(value: EndedTry['value'], emitted: readonly EncodedEvent[] | null): void {
    this.#clear(true);
    this.result = handlerResult.succeeded;
    this.value = value;
    this.emitted = emitted;
  }

  /** `flag`: why the try was to end, if it was. */
  fail(of: Tried, flag: number, thrown: unknown): void {
    const { policies, module, limits, random } = this.#parts;
    this.#clear(true);
    const policy = policies[of.handler]!;
    if (flag === abortFlag.cancelled) {
      this.result = handlerResult.cancelled;
      this.error = errorRecordText(wasCancelled(thrown), limits.errorSizeMax);
      return;
    }
    const isTimedOut = flag === abortFlag.timedOut;
    const laterMs = isTimedOut || of.postponed >= limits.postponementsMax ? null : retryLaterMs(thrown);
    if (laterMs !== null) {
      this.result = handlerResult.postponed;
      this.delayMs = laterMs;
      this.error = errorRecordText(thrown, limits.errorSizeMax);
      return;
    }
    const name = module.table.names[of.handler]!;
    const said = isTimedOut || this.#isWorthRetrying(thrown, of.handler);
    const judged = typeof said === 'boolean' ? thrown : unjudged(name, said, thrown);
    this.error = errorRecordText(isTimedOut ? timedOut(name, policy, thrown) : judged, limits.errorSizeMax);
    const again = { attempt: of.attempt, isPermanent: said === false, ...(random !== undefined && { random }) };
    const { result, delayMs } = afterFailure(policy, again);
    this.result = result;
    this.delayMs = delayMs;
  }

  /** An event whose handler is not called. */
  leaveOut(result: typeof handlerResult.skipped | typeof handlerResult.cancelled): void {
    this.#clear(false);
    this.result = result;
    this.durationUs = 0;
    const isCancelled = result === handlerResult.cancelled;
    this.error = isCancelled ? errorRecordText(wasCancelled(), this.#parts.limits.errorSizeMax) : null;
  }

  /** Whether the later events of its lane have to wait. */
  stopsItsRun(handler: number): boolean {
    const { result } = this;
    if (result === handlerResult.retrying || result === handlerResult.postponed) return true;
    return result === handlerResult.failed && this.#parts.policies[handler]!.onDeadLetter === 'park';
  }

  #clear(isTried: boolean): void {
    this.isTried = isTried;
    this.delayMs = 0;
    this.value = null;
    this.error = null;
    this.emitted = null;
  }

  /** True or false, or what the module's `retryIf` gave in their place. */
  #isWorthRetrying(thrown: unknown, handler: number): unknown {
    if (isPermanent(thrown)) return false;
    const retryIf = this.#parts.module.retryIf[handler] ?? null;
    if (retryIf === null) return true;
    try {
      const said = retryIf(thrown);
      // A promise is no answer, and nobody waits for it: left rejected, it would end the thread.
      if (types.isPromise(said)) said.catch(() => {});
      return said;
    } catch {
      return true;
    }
  }
}
