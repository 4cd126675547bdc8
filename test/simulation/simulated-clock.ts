// A clock that moves only when the simulation says so: every wake-up is an entry in one list, in order of time. If asked
// to, it also moves a little whenever it is looked at, as the clock of a machine does.

import type { Clock } from '../../src/clock.js';

interface Entry {
  readonly atMs: number;
  readonly number: number;
  readonly callback: () => void;
}

export class SimulatedClock implements Clock {
  readonly #tickMs: number;
  #nowMs = 0;
  #number = 0;
  readonly #entries: Entry[] = [];

  constructor({ tickMs = 0 } = {}) {
    this.#tickMs = tickMs;
  }

  nowMs(): number {
    this.#nowMs += this.#tickMs;
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#nowMs;
  }

  soon(callback: () => void): void {
    this.alarm(0, callback);
  }

  alarm(delayMs: number, callback: () => void): () => void {
    const entry = { atMs: this.#nowMs + delayMs, number: this.#number, callback };
    this.#number += 1;
    const index = this.#entries.findIndex((other) => other.atMs > entry.atMs);
    this.#entries.splice(index === -1 ? this.#entries.length : index, 0, entry);
    return () => {
      const at = this.#entries.indexOf(entry);
      if (at !== -1) this.#entries.splice(at, 1);
    };
  }

  /** When the next entry is due; infinity when there is none. */
  nextAtMs(): number {
    return this.#entries[0]?.atMs ?? Number.POSITIVE_INFINITY;
  }

  /** Moves to the next entry and calls it; false when there is none. */
  step(): boolean {
    const entry = this.#entries.shift();
    if (entry === undefined) return false;
    this.#nowMs = Math.max(this.#nowMs, entry.atMs);
    entry.callback();
    return true;
  }
}
