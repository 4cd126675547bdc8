// Counts what a peer reports as handled, and, where it promises order, watches that no event of a key begins before
// its predecessor ended. For peers whose own store is not ours to read.

import type { PeerEvent } from './events.js';

export class Tally {
  count = 0;
  checksum = 0;
  late = 0;
  readonly #latest = new Map<string, { n: number; isRunning: boolean }>();
  readonly #expected: number;
  #done: () => void = () => {};
  /** Resolves when as many events ended as were expected. */
  readonly done: Promise<void>;

  constructor(expected: number) {
    this.#expected = expected;
    this.done = new Promise((resolve) => {
      this.#done = resolve;
    });
  }

  begin({ n, key }: Pick<PeerEvent, 'n' | 'key'>): void {
    if (key === null) return;
    const latest = this.#latest.get(key);
    if (latest !== undefined && (latest.isRunning || latest.n >= n)) this.late += 1;
    this.#latest.set(key, { n, isRunning: true });
  }

  end({ n, key, result }: { readonly n: number; readonly key: string | null; readonly result: number }): void {
    const latest = key === null ? undefined : this.#latest.get(key);
    if (latest?.n === n) latest.isRunning = false;
    this.count += 1;
    this.checksum += result;
    if (this.count === this.#expected) this.#done();
  }
}
