// A batch that was given to the pool and not yet answered.

import type { KeylaneError } from '../errors.js';
import type { BatchMessage, BatchReport } from './messages.js';

export class PendingBatch {
  readonly message: BatchMessage;
  /** Settles when the batch is answered. */
  readonly report: Promise<BatchReport>;
  /** Threads that had died when it was handed to a thread; written and read by the pool. */
  deathsBefore = 0;
  #resolve: (report: BatchReport) => void = () => {};
  #reject: (error: KeylaneError) => void = () => {};

  constructor(message: BatchMessage) {
    this.message = message;
    this.report = new Promise((resolve, reject) => {
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
