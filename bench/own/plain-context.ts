// What a handler is told about its try in a plain loop: its time limit holds as far as one thread can see to it. One that
// awaits is given up when its time is over, and one that asks `aborted` is told; one that never asks goes on.

import { correlate, type HandlerContext, type HandlerEvent, type SourceEvent } from '../../src/index.js';

export class PlainContext implements HandlerContext {
  readonly handler: string;
  readonly attempt = 1;
  readonly threadId = 0;
  /** The event that runs. Written by the PlainRunner. */
  event: HandlerEvent | null = null;
  readonly #timeoutMs: number | null;
  readonly #startMs = performance.now();
  readonly #controller = new AbortController();
  #timer: NodeJS.Timeout | null = null;

  /** @param timeoutMs null: without limit. */
  constructor(handler: string, timeoutMs: number | null) {
    this.handler = handler;
    this.#timeoutMs = timeoutMs;
  }

  get state(): never {
    throw keepsNone(this.handler);
  }

  setState(): never {
    throw keepsNone(this.handler);
  }

  correlate<Event extends SourceEvent>(event: Event): Event & { correlationId: string; causationId: string } {
    return correlate(this.event!, event);
  }

  emit(): never {
    throw new TypeError(`handler "${this.handler}" must emit nothing in a plain loop, where nothing would follow`);
  }

  get aborted(): boolean {
    return this.#timeoutMs !== null && performance.now() - this.#startMs >= this.#timeoutMs;
  }

  get signal(): AbortSignal {
    this.#watch();
    return this.#controller.signal;
  }

  /** What the promise gives, or a rejection when time is over. */
  async within(promise: PromiseLike<unknown>): Promise<unknown> {
    if (this.#timeoutMs === null) return promise;
    this.#watch();
    const { signal } = this.#controller;
    const over = new Promise((_, reject) => {
      const end = (): void => reject(this.error());
      if (signal.aborted) end();
      else signal.addEventListener('abort', end, { once: true });
    });
    try {
      return await Promise.race([promise, over]);
    } finally {
      over.catch(() => {});
    }
  }

  error(): Error {
    return new Error(`the try took longer than ${this.#timeoutMs} ms`);
  }

  /** The try has ended. */
  end(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #watch(): void {
    if (this.#timeoutMs === null || this.#timer !== null) return;
    const leftMs = this.#timeoutMs - (performance.now() - this.#startMs);
    this.#timer = setTimeout(() => this.#controller.abort(), Math.max(0, leftMs));
  }
}

function keepsNone(handler: string): TypeError {
  return new TypeError(
    `handler "${handler}" must need no state in a plain loop, which keeps none: bench it in keylane`,
  );
}
