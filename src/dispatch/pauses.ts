// What somebody has paused by hand: everything, a handler, a key, or a key of one handler. It only says whether an
// event may start; the lanes of those that may not are Lanes'.

/** What is paused together; null stands for any. */
export interface Pause {
  readonly handler: number | null;
  readonly key: string | null;
}

/** Pauses of keys that there may be. */
export const keyPausesMax = 10_000;

const anyHandler = -1;

export class Pauses {
  #isAll = false;
  readonly #handlers = new Set<number>();
  /** By key, the handlers for which it is paused. */
  readonly #keys = new Map<string, Set<number>>();
  #keyPauses = 0;

  /** Whether nothing is paused. */
  get isNone(): boolean {
    return !this.#isAll && this.#handlers.size === 0 && this.#keys.size === 0;
  }

  /** Whether no more keys can be paused. */
  get isFull(): boolean {
    return this.#keyPauses >= keyPausesMax;
  }

  /** Whether an event of this handler and key may not start. */
  holds(handler: number, key: string | null): boolean {
    return this.#isAll || this.#handlers.has(handler) || this.holdsKey(handler, key);
  }

  /** Whether it may not start as its key is paused. */
  holdsKey(handler: number, key: string | null): boolean {
    const handlers = key === null || this.#keys.size === 0 ? undefined : this.#keys.get(key);
    return handlers !== undefined && (handlers.has(anyHandler) || handlers.has(handler));
  }

  add({ handler, key }: Pause): void {
    if (key === null) {
      if (handler === null) this.#isAll = true;
      else this.#handlers.add(handler);
      return;
    }
    const handlers = this.#keys.get(key) ?? new Set();
    if (!handlers.has(handler ?? anyHandler)) this.#keyPauses += 1;
    this.#keys.set(key, handlers.add(handler ?? anyHandler));
  }

  /** Takes one back that was added just so. */
  delete({ handler, key }: Pause): void {
    if (key === null) {
      if (handler === null) this.#isAll = false;
      else this.#handlers.delete(handler);
      return;
    }
    const handlers = this.#keys.get(key);
    if (handlers?.delete(handler ?? anyHandler)) this.#keyPauses -= 1;
    if (handlers?.size === 0) this.#keys.delete(key);
  }

  /** Takes all of a handler back. */
  forget(handler: number): void {
    this.delete({ handler, key: null });
    for (const [key, handlers] of this.#keys) if (handlers.has(handler)) this.delete({ handler, key });
  }

  clear(): void {
    this.#isAll = false;
    this.#handlers.clear();
    this.#keys.clear();
    this.#keyPauses = 0;
  }

  /** All there are. */
  list(): Pause[] {
    const all = this.#isAll ? [{ handler: null, key: null }] : [];
    const ofHandlers = [...this.#handlers].map((handler) => ({ handler, key: null }));
    const ofKeys = [...this.#keys].flatMap(([key, handlers]) =>
      [...handlers].map((handler) => ({ handler: handler === anyHandler ? null : handler, key })),
    );
    return [...all, ...ofHandlers, ...ofKeys];
  }
}
