// A clock that moves only when the simulation says so: every wake-up is an entry in one list, in order of time. Work is
// an entry like any other, but it is done by a thread: while the process is stopped it does not come nearer. If asked to,
// the clock also moves a little whenever it is looked at, as that of a machine does.

import type { Clock } from '../../src/clock.js';

interface Entry {
  atMs: number;
  readonly isWork: boolean;
  readonly callback: () => void;
}

export class SimulatedClock implements Clock {
  readonly #tickMs: number;
  #nowMs = 0;
  #stoppedMs = 0;
  /** In order of time; of equal ones the first comes first. */
  #entries: Entry[] = [];

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

  /** How long the process has been running, without the time for which it was stopped. */
  workedMs(): number {
    return this.#nowMs - this.#stoppedMs;
  }

  soon(callback: () => void): void {
    this.alarm(0, callback);
  }

  alarm(delayMs: number, callback: () => void): () => void {
    return this.#enter({ atMs: this.#nowMs + delayMs, isWork: false, callback });
  }

  alarmAt(atMs: number, callback: () => void): void {
    this.#enter({ atMs, isWork: false, callback });
  }

  /** Calls back after so long a time in which the process was running; the returned function cancels it. */
  work(delayMs: number, callback: () => void): () => void {
    return this.#enter({ atMs: this.#nowMs + delayMs, isWork: true, callback });
  }

  /** The process is stopped, and goes on later: what was due meanwhile is late, and no work was done. */
  stop(forMs: number): void {
    this.#nowMs += forMs;
    this.#stoppedMs += forMs;
    for (const entry of this.#entries) if (entry.isWork) entry.atMs += forMs;
    this.#entries.sort((one, other) => one.atMs - other.atMs);
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

  #enter(entry: Entry): () => void {
    let index = this.#entries.length;
    while (index > 0 && this.#entries[index - 1]!.atMs > entry.atMs) index -= 1;
    this.#entries.splice(index, 0, entry);
    return () => {
      const at = this.#entries.indexOf(entry);
      if (at !== -1) this.#entries.splice(at, 1);
    };
  }
}
