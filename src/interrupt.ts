// Lets a wait for somebody else's promise end before its time: by a signal, or because the processor takes nothing in
// any more. One interrupt serves a whole call; it holds nothing once disposed of.

import type { KeylaneError } from './errors.js';

/** How the processor told that it takes nothing in any more. */
export interface Closed {
  readonly by: KeylaneError;
  /** Whether it failed or was aborted, rather than being drained or stopped. */
  readonly fatal: boolean;
}

/** Calls back once when the processor takes nothing in any more, at once if that is so; gives back how to stop that. */
export type OnClosed = (callback: (closed: Closed) => void) => () => void;

export class Interrupt {
  readonly #dispose: (() => void)[] = [];
  #reject: ((reason: unknown) => void) | null = null;
  /** Why it came; null while it has not. */
  #came: { readonly reason: unknown; readonly fatal: boolean } | null = null;

  constructor(of: { signal: AbortSignal | undefined; onClosed: OnClosed }) {
    const { signal } = of;
    const abort = (): void => this.#come({ reason: signal?.reason, fatal: false });
    signal?.addEventListener('abort', abort, { once: true });
    this.#dispose.push(() => signal?.removeEventListener('abort', abort));
    if (signal?.aborted) abort();
    this.#dispose.push(of.onClosed(({ by, fatal }) => this.#come({ reason: by, fatal })));
  }

  /** Whether it came without anything having failed. */
  get isOrderly(): boolean {
    return this.#came !== null && !this.#came.fatal;
  }

  /** Settles as the promise does, or rejects with the interrupt's reason if that comes first. One at a time. */
  race<Value>(promise: PromiseLike<Value>): Promise<Value> {
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      promise.then(resolve, reject);
      if (this.#came !== null) reject(this.#came.reason);
    });
  }

  dispose(): void {
    for (const dispose of this.#dispose) dispose();
    this.#reject = null;
  }

  #come(how: { reason: unknown; fatal: boolean }): void {
    this.#came ??= how;
    this.#reject?.(this.#came.reason);
  }
}

/** The items of an async iterable, until the interrupt comes: then it throws the interrupt's reason. */
export async function* untilInterrupted<Item>(
  items: AsyncIterable<Item>,
  interrupt: Interrupt,
): AsyncGenerator<Item, void, undefined> {
  const iterator = items[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await interrupt.race(iterator.next());
      if (next.done) return;
      yield next.value;
    }
  } finally {
    interrupt.dispose();
    // One that waits for something ends when that comes; nobody waits for it here.
    Promise.resolve(iterator.return?.()).catch(() => {});
  }
}
