// Which events somebody has written, as far as lanes tell: their keys, and the handlers that they are owed to. It keeps
// no event, so an event costs two look-ups, and memory follows the keys, of which it keeps a limited number.

import type { Route } from './routes.js';

export class WrittenEvents {
  /** Null once there were more than are kept: then any key may be one of them. */
  #keys: Set<string> | null = new Set();
  /** There is one object for each set of handlers. */
  readonly #routes = new Set<Route>();
  readonly #keysMax: number;

  constructor({ keysMax }: { keysMax: number }) {
    this.#keysMax = keysMax;
  }

  /** Takes in that an event was accepted. */
  note(key: string | null, route: Route): void {
    this.#routes.add(route);
    if (key === null || this.#keys === null) return;
    this.#keys.add(key);
    if (this.#keys.size > this.#keysMax) this.#keys = null;
  }

  /** Whether one of them may be of this handler and key; null where that is not known, or there is none. */
  mayHave({ handler, key }: { handler: number | null; key: string | null }): boolean {
    if (key !== null && this.#keys !== null && !this.#keys.has(key)) return false;
    if (handler === null) return true;
    for (const route of this.#routes) if (route.includes(handler)) return true;
    return false;
  }
}
