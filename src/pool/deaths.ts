// Counts threads that died, and says when there is no point in new ones: deaths that get nowhere can go on for ever.

import { handlerResult } from '../handler.js';
import type { BatchReport } from './messages.js';

/** Deaths in a row, without an event tried between them, after which there is no point in new threads. */
export const deathsInARowMax = 10;

/** The same of a pool: each of its threads may die once more of what events have left behind that are decided. */
export function deathsInARowMaxOf(threads: number): number {
  return deathsInARowMax + threads;
}

export class Deaths {
  readonly #inARowMax: number;
  #total = 0;
  #inARow = 0;

  constructor(inARowMax: number) {
    this.#inARowMax = inARowMax;
  }

  get total(): number {
    return this.#total;
  }

  get isHopeless(): boolean {
    return this.#inARow >= this.#inARowMax;
  }

  add(): void {
    this.#total += 1;
    this.#inARow += 1;
  }

  /** A thread has run a batch. */
  between(): void {
    this.#inARow = 0;
  }

  /** What came of a batch whose thread died: one that decided events, or of which one is doubted, got somewhere. */
  cameOf({ rowCount, results }: BatchReport): void {
    if (rowCount > 0 || results.includes(handlerResult.doubted)) this.#inARow = 0;
  }
}
