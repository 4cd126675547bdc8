// Looks at what runs, again and again, while there is something to look at. It knows its own lateness: when it was to
// look long ago, the process was stopped or its main thread was busy, and that time is charged to nobody.

export interface WatchdogParts {
  /** Milliseconds from a clock that never goes back. */
  nowMs(): number;
  /** Calls back once after `delayMs`; the returned function cancels it. */
  alarm(delayMs: number, callback: () => void): () => void;
  /** Looks at everything that runs; says whether there is anything to look at again. */
  look(): boolean;
  readonly tickMs: number;
}

/** What a machine that is busy makes of a timer, without anything being wrong. */
const lateMsMin = 200;

export class Watchdog {
  readonly #parts: WatchdogParts;
  #cancel: (() => void) | null = null;
  #plannedMs = 0;
  /** When time was lost, and how much; the oldest first. */
  readonly #lost: { readonly atMs: number; readonly ms: number }[] = [];

  constructor(parts: WatchdogParts) {
    this.#parts = parts;
  }

  /** Looks from now on, until there is nothing to look at. */
  watch(): void {
    if (this.#cancel === null) this.#plan();
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  /** How long it is since a moment, without the time that nobody could use. */
  sinceMs(fromMs: number): number {
    let ms = this.#parts.nowMs() - fromMs;
    // What began in the midst of it has lost what it can have lost.
    for (const { atMs, ms: lostMs } of this.#lost) if (atMs > fromMs) ms -= Math.min(lostMs, atMs - fromMs);
    return ms;
  }

  #plan(): void {
    const { nowMs, alarm, tickMs } = this.#parts;
    this.#plannedMs = nowMs() + tickMs;
    this.#cancel = alarm(tickMs, () => this.#tick());
  }

  #tick(): void {
    this.#cancel = null;
    const nowMs = this.#parts.nowMs();
    const lateMs = nowMs - this.#plannedMs;
    if (lateMs > Math.max(lateMsMin, this.#parts.tickMs)) {
      // Since the look before: when in between the process was stopped is not known.
      this.#lost.push({ atMs: nowMs, ms: lateMs + this.#parts.tickMs });
      if (this.#lost.length > 100) this.#lost.shift();
      // Threads that were stopped with the process have this tick to go on.
    }
    if (this.#parts.look()) this.#plan();
  }
}
