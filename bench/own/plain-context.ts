// What a handler is told about its try in a plain loop: its time limit holds as far as one thread can see to it. One that
// awaits is given up when its time is over, and one that asks `aborted` is told; one that never asks goes on.

import { correlate, type HandlerContext, type HandlerEvent, type SourceEvent } from '../../src/index.js';

/** The states of one handler, as a program would hold them. */
export interface PlainStates {
  readonly states: Map<string, unknown>;
  initial(key: string): unknown;
}

export class PlainContext implements HandlerContext {
  readonly handler: string;
  readonly attempt = 1;
  readonly threadId = 0;
  #event: HandlerEvent | null = null;
  /** Null for a handler that keeps none. */
  readonly #keeps: PlainStates | null;
  /** What this try has been given as its state. */
  #given: { readonly state: unknown } | null = null;
  #next: { readonly state: unknown } | null = null;
  #emitted = 0;
  readonly #timeoutMs: number | null;
  readonly #startMs = performance.now();
  readonly #controller = new AbortController();
  #timer: NodeJS.Timeout | null = null;

  /** @param of `timeoutMs` null: without limit. */
  constructor(handler: string, { timeoutMs, keeps }: { timeoutMs: number | null; keeps: PlainStates | null }) {
    this.handler = handler;
    [this.#timeoutMs, this.#keeps] = [timeoutMs, keeps];
  }

  /** The event that runs next. */
  begin(event: HandlerEvent): void {
    this.#event = event;
    this.#given = this.#next = null;
    this.#emitted = 0;
  }

  /** The try has succeeded. */
  keep(): void {
    if (this.#next === null || this.#keeps === null) return;
    const { states } = this.#keeps;
    const { state } = this.#next;
    if (state === undefined) states.delete(this.#event!.key!);
    else states.set(this.#event!.key!, state);
  }

  get state(): unknown {
    const key = this.#expectKey();
    const { states, initial } = this.#keeps!;
    this.#given ??= { state: states.has(key) ? states.get(key) : initial(key) };
    return this.#given.state;
  }

  /** Kept once the try has succeeded; see `keep`. */
  readonly setState = (next: unknown): void => {
    this.#expectKey();
    this.#next = { state: next };
  };

  readonly correlate: HandlerContext['correlate'] = (event) => correlate(this.#event!, event);

  /** Nothing follows: what keylane does with it is no work of the handler that emits. It is counted, to be told. */
  readonly emit = (events: SourceEvent | readonly SourceEvent[]): void => {
    this.#emitted += Array.isArray(events) ? events.length : 1;
  };

  /** Events that the try has emitted. */
  get emitted(): number {
    return this.#emitted;
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

  #expectKey(): string {
    const key = this.#event?.key ?? null;
    if (this.#keeps !== null && key !== null) return key;
    throw new TypeError(`handler "${this.handler}" must declare the state it keeps, and its event must have a key`);
  }
}
