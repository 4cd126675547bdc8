// Standard error while events are being processed. Node writes to a terminal synchronously, so that a terminal that is
// held (Ctrl-S) would hold the process: here it has a handle of its own that never waits. Where nobody reads, what does
// not fit is dropped; where nobody is left, everything is.

import { closeSync, constants, openSync, writeSync } from 'node:fs';

/** Text held for a terminal that takes nothing at the moment, in UTF-16 units; more is dropped. */
const heldMax = 64 * 1024;
/** Bytes held for a pipe that takes nothing at the moment; more is dropped. */
const queuedBytesMax = 1024 * 1024;

export class Stderr {
  readonly isTerminal: boolean;
  #terminal: number | null;
  #held = Buffer.alloc(0);

  constructor() {
    // A reader that has gone away is no reason to end: what was to be said is lost, the work is not.
    process.stderr.on('error', () => {});
    this.isTerminal = process.stderr.isTTY === true;
    this.#terminal = this.isTerminal ? openTerminal() : null;
  }

  /** Width of the terminal in columns. */
  get columns(): number {
    // A terminal that does not know its size says 0.
    return process.stderr.columns || 80;
  }

  /** Writes, or holds back what cannot be written now. Never waits. */
  write(text: string): void {
    if (this.#terminal === null) {
      if (process.stderr.writableLength < queuedBytesMax) process.stderr.write(text);
      return;
    }
    if (this.#held.length < heldMax) this.#held = Buffer.concat([this.#held, Buffer.from(text)]);
    this.#push(this.#terminal);
  }

  /** Writes what will be out of date soon: only if nothing is held back. */
  writeIfFree(text: string): void {
    if (this.#terminal !== null && this.#held.length > 0) this.#push(this.#terminal);
    if (this.#held.length === 0) this.write(text);
  }

  /** Ends it. From here on, writing waits for the terminal, as any program does once its work is done. */
  close(): void {
    if (this.#terminal === null) return;
    closeSync(this.#terminal);
    this.#terminal = null;
    if (this.#held.length > 0) process.stderr.write(this.#held);
    this.#held = Buffer.alloc(0);
  }

  #push(terminal: number): void {
    try {
      while (this.#held.length > 0) this.#held = this.#held.subarray(writeSync(terminal, this.#held));
    } catch (error) {
      // It takes nothing now: what is held goes out with the next write. Any other trouble means it is gone.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') this.#held = Buffer.alloc(0);
    }
  }
}

/** A handle of our own on the terminal behind standard error; null where the system gives none. */
function openTerminal(): number | null {
  const path = process.platform === 'linux' ? '/proc/self/fd/2' : '/dev/tty';
  try {
    return openSync(path, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return null;
  }
}
