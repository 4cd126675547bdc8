// What the writer gets over by itself, in words for people; each trouble is told once, however long it lasts.

import { KeylaneError, printable } from '../errors.js';
import type { WriterLimits } from './writer-limits.js';

export class StoreWarnings {
  readonly #store: string;
  readonly #walBytes: WriterLimits['walBytes'];
  readonly #tell: (error: KeylaneError) => void;
  /** Whether the log reached the one size and has not been below the other since. */
  #walIsLarge = false;

  constructor(of: { path: string; walBytes: WriterLimits['walBytes']; tell: (error: KeylaneError) => void }) {
    this.#store = `store ${printable(of.path)}`;
    this.#walBytes = of.walBytes;
    this.#tell = of.tell;
  }

  full(error: KeylaneError): void {
    const fate = 'what waits is kept, and stored when there is room';
    this.#tell(new KeylaneError('store-full', `${error.message}; ${fate}`, { cause: error.cause }));
  }

  roomAgain(): void {
    this.#tell(
      new KeylaneError('store-full', `${this.#store} has room again, what waited is stored: nothing is to be done`),
    );
  }

  replaced(death: KeylaneError, { calls }: { calls: number }): void {
    const message = `${death.message}; another one takes over (${calls} calls wait for it)`;
    this.#tell(new KeylaneError('writer-died', message, { cause: death.cause }));
  }

  /** Takes in the size of the log after a group. */
  sawWal(bytes: number): void {
    const { warnAt, calmAt } = this.#walBytes;
    if (this.#walIsLarge || bytes < warnAt) {
      this.#walIsLarge &&= bytes >= calmAt;
      return;
    }
    this.#walIsLarge = true;
    const found = `must stay below ${warnAt} bytes, found ${bytes}`;
    this.#tell(
      new KeylaneError(
        'wal-large',
        `the log of ${this.#store} ${found}: end the reader that keeps a transaction open in it`,
      ),
    );
  }
}
