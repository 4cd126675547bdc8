// A batch that was given to the pool and not yet answered.

import type { KeylaneError } from '../errors.js';
import type { BatchMessage, BatchReport } from './messages.js';

export class PendingBatch {
  readonly message: BatchMessage;
  /** Settles when the batch is answered. */
  readonly answered: Promise<BatchReport>;
  // Written and read by the pool.
  /** Threads that had died when it was handed to a thread. */
  deathsBefore = 0;
  /** The thread that has it. */
  threadId = 0;
  /** The event whose try was told to end, and when. */
  told: { readonly index: number; readonly atMs: number } | null = null;
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
}
