// A batch that was given to the pool and not yet answered.

import type { KeylaneError } from '../errors.js';
import type { BatchMessage, BatchReport } from './messages.js';

/** Rounds of the event loop in which a report must follow the answer to its batch. */
const reportRoundsMax = 100;

export class PendingBatch {
  readonly message: BatchMessage;
  /** Settles when the batch is answered. */
  readonly answered: Promise<BatchReport>;
  // Written and read by the pool.
  /** Threads that had died when it was handed to a thread. */
  deathsBefore = 0;
  /** The thread that has it. */
  threadId = 0;
  /** The event whose try was told to end, when, and whether its thread was ended since. */
  told: { readonly index: number; readonly atMs: number; isThreadEnded: boolean } | null = null;
  /** Its thread runs it no more, and has not exited yet or waits for others that have not. */
  isLost = false;
  /** What its thread reported. The batch is answered once the thread has let go of it as well. */
  report: BatchReport | null = null;
  #resolve: (report: BatchReport) => void = () => {};
  #reject: (error: KeylaneError) => void = () => {};

  constructor(message: BatchMessage) {
    this.message = message;
    this.answered = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  answer(report: BatchReport): void {
    this.#resolve(report);
  }

  refuse(error: KeylaneError): void {
    this.#reject(error);
  }

  /**
   * Gives its report once that is here; null if none comes. It was sent before the answer, but over another port, so it
   * may come a round later. The round is needed: with the answer in, nothing else holds the process open. More than one
   * is not, unless the module closed the port.
   */
  whenReported(give: (report: BatchReport | null) => void, round = 1): void {
    if (this.report !== null || round === reportRoundsMax) give(this.report);
    else setImmediate(() => this.whenReported(give, round + 1));
  }
}
