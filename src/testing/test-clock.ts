// Time that a test moves: what is to come later waits until then, what is to come at once comes with the next round of
// the event loop, so that a processor goes on by itself for as long as no time has to pass.

import type { Clock } from '../clock.js';

interface Entry {
  readonly atMs: number;
  readonly callback: () => void;
}

export class TestClock implements Clock {
  readonly #startMs: number;
  #nowMs = 0;
  #soon = 0;
  /** In order of time; of equal ones the first comes first. */
  readonly #entries: Entry[] = [];

  /** @param startMs of the wall clock, in milliseconds since the Unix epoch. */
  constructor(startMs: number) {
    this.#startMs = startMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#startMs + this.#nowMs;
  }

  /** Whether something is to come at once. */
  get isBusy(): boolean {
    return this.#soon > 0;
  }

  /** When the next thing is due that waits for its time; infinity when nothing does. */
  get nextAtMs(): number {
    return this.#entries[0]?.atMs ?? Number.POSITIVE_INFINITY;
  }

  soon(callback: () => void): void {
    this.#soon += 1;
    setImmediate(() => {
      this.#soon -= 1;
      callback();
    });
  }

  alarm(delayMs: number, callback: () => void): () => void {
    const entry = { atMs: this.#nowMs + Math.max(0, delayMs), callback };
    if (delayMs <= 0) {
      let isOff = false;
      this.soon(() => {
        if (!isOff) callback();
      });
      return () => {
        isOff = true;
      };
    }
    let index = this.#entries.length;
    while (index > 0 && this.#entries[index - 1]!.atMs > entry.atMs) index -= 1;
    this.#entries.splice(index, 0, entry);
    return () => {
      const at = this.#entries.indexOf(entry);
      if (at !== -1) this.#entries.splice(at, 1);
    };
  }

  /** Moves to a time and calls what is due by then. */
  moveTo(atMs: number): void {
    this.#nowMs = Math.max(this.#nowMs, atMs);
    while (this.nextAtMs <= this.#nowMs) this.#entries.shift()!.callback();
  }
}
