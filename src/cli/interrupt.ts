// SIGINT and SIGTERM: the first asks for an orderly end, the second for one at once.

export type InterruptName = 'SIGINT' | 'SIGTERM';

const names: readonly InterruptName[] = ['SIGINT', 'SIGTERM'];

export class Interrupt {
  readonly #first = new AbortController();
  readonly #listener: (name: NodeJS.Signals) => void;
  #by: InterruptName | null = null;

  /** Listens until it is closed. `onFirst` and `onSecond` are called once each. */
  constructor(on: { onFirst: () => void; onSecond: () => void }) {
    let count = 0;
    this.#listener = (name) => {
      count += 1;
      if (count === 1) {
        this.#by = name as InterruptName;
        this.#first.abort();
        on.onFirst();
      }
      if (count === 2) on.onSecond();
    };
    for (const name of names) process.on(name, this.#listener);
  }

  /** Aborted by the first one. */
  get signal(): AbortSignal {
    return this.#first.signal;
  }

  /** Which one came first; null when none came. */
  get by(): InterruptName | null {
    return this.#by;
  }

  /** Listens no more: the next one has its usual effect. */
  close(): void {
    for (const name of names) process.off(name, this.#listener);
  }
}
