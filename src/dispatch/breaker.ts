// The circuit breaker of one handler: while most of its tries fail, the handler pauses, and one event now and then
// shows whether it is well again. Pure: it is told what came of tries and what time it is.
//
// - `closed`: its events run.
// - `open`: none of them does, until `untilMs`.
// - `probing`: one of them runs; what comes of it decides.

/** What the failures of a handler must amount to, and what follows. */
export interface BreakerLimits {
  readonly failurePercent: number;
  readonly triesMin: number;
  readonly windowMs: number;
  readonly pauseMs: number;
}

export type BreakerState = 'closed' | 'open' | 'probing';

/** The window is looked at in two halves: the current one and the one before. */
interface Half {
  fromMs: number;
  tries: number;
  failed: number;
}

export class Breaker {
  readonly #limits: BreakerLimits;
  #state: BreakerState = 'closed';
  #untilMs = 0;
  #current: Half = { fromMs: 0, tries: 0, failed: 0 };
  #before: Half = { fromMs: 0, tries: 0, failed: 0 };

  constructor(limits: BreakerLimits) {
    this.#limits = limits;
  }

  get state(): BreakerState {
    return this.#state;
  }

  /** When an open one may be probed. */
  get untilMs(): number {
    return this.#untilMs;
  }

  /** One event of the handler is tried now. */
  probe(): void {
    this.#state = 'probing';
  }

  /** The event that was to be tried was not, for reasons of its own: the next one is. */
  unprobe(): void {
    if (this.#state === 'probing') this.#state = 'open';
  }

  /** Takes in what came of tries. */
  record({ tries, failed }: { tries: number; failed: number }, nowMs: number): void {
    if (tries === 0) return;
    if (this.#state === 'probing') {
      if (failed > 0) this.#open(nowMs);
      else this.#close(nowMs);
      return;
    }
    // What was in flight when it opened says nothing new.
    if (this.#state === 'open') return;
    this.#turnWindow(nowMs);
    this.#current.tries += tries;
    this.#current.failed += failed;
    const all = this.#current.tries + this.#before.tries;
    const bad = this.#current.failed + this.#before.failed;
    if (all >= this.#limits.triesMin && bad * 100 >= all * this.#limits.failurePercent) this.#open(nowMs);
  }

  #turnWindow(nowMs: number): void {
    const halfMs = this.#limits.windowMs / 2;
    const ageMs = nowMs - this.#current.fromMs;
    if (ageMs < halfMs) return;
    this.#before = ageMs < 2 * halfMs ? this.#current : { fromMs: nowMs - halfMs, tries: 0, failed: 0 };
    this.#current = { fromMs: nowMs, tries: 0, failed: 0 };
  }

  #open(nowMs: number): void {
    this.#state = 'open';
    this.#untilMs = nowMs + this.#limits.pauseMs;
  }

  #close(nowMs: number): void {
    this.#state = 'closed';
    this.#current = { fromMs: nowMs, tries: 0, failed: 0 };
    this.#before = { fromMs: nowMs, tries: 0, failed: 0 };
  }
}
