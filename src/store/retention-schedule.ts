// When the writer deletes what retention no longer keeps: a pass begins with the store, and again when enough time has
// gone by or enough outcomes have come. It has no timer, so that a store to which nothing is added stays as it is.

import type { Retention } from '../options.js';
import type { Connection } from './database.js';
import { OutcomeEraser } from './outcome-eraser.js';
import { RetentionPass } from './retention-pass.js';

const passPauseMs = 60_000;
/** Outcomes after which a pass begins earlier; at least as many as the last pass has looked at, whatever it found. */
const outcomesPerPassMin = 100_000;

export class RetentionSchedule {
  readonly #db: Connection;
  readonly #retention: Retention;
  readonly #eraser: OutcomeEraser;
  #pass: RetentionPass | null = null;
  #dueMs = Number.NEGATIVE_INFINITY;
  #dueOutcomes = outcomesPerPassMin;
  /** Outcomes stored since the last pass began. */
  #outcomes = 0;

  /** Null when everything is kept. @param inTransaction makes a change in a transaction of its own. */
  static of(
    db: Connection,
    retention: Retention | null,
    inTransaction: ConstructorParameters<typeof OutcomeEraser>[1],
  ): RetentionSchedule | null {
    return retention === null
      ? null
      : new RetentionSchedule(db, { retention, eraser: new OutcomeEraser(db, inTransaction) });
  }

  private constructor(db: Connection, { retention, eraser }: { retention: Retention; eraser: OutcomeEraser }) {
    this.#db = db;
    this.#retention = retention;
    this.#eraser = eraser;
  }

  noteStored(outcomes: number): void {
    this.#outcomes += outcomes;
  }

  /** Goes one step of the pass under way, or of one that is due; gives whether there are more to go. */
  step(nowMs: number): boolean {
    this.#pass ??= this.#begin(nowMs);
    if (this.#pass === null) return false;
    if (this.#pass.step()) return true;
    this.#dueMs = nowMs + passPauseMs;
    this.#dueOutcomes = Math.max(outcomesPerPassMin, this.#pass.rowsLooked);
    this.#pass = null;
    return false;
  }

  /** Gives a pass up where it is, as the file does not take its changes now; a later one does its work. */
  giveUp(nowMs: number): void {
    this.#pass = null;
    this.#dueMs = nowMs + passPauseMs;
  }

  #begin(nowMs: number): RetentionPass | null {
    if (nowMs < this.#dueMs && this.#outcomes < this.#dueOutcomes) return null;
    this.#outcomes = 0;
    const [retention, eraser] = [this.#retention, this.#eraser];
    return new RetentionPass(this.#db, { retention, nowMs, eraser, isThorough: false });
  }
}
