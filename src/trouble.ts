// Carries trouble from the threads to the processor. Threads start before there is a processor to tell: what
// comes in between is kept for it.

import type { KeylaneError } from './errors.js';

interface Hearers {
  onFatal(error: KeylaneError): void;
  onWarning(error: KeylaneError): void;
}

export class Trouble {
  #hearers: Hearers | null = null;
  #early: KeylaneError | null = null;
  readonly #earlyWarnings: KeylaneError[] = [];

  /** Names who is told from here on, and tells what was kept. */
  connect(hearers: Hearers): void {
    this.#hearers = hearers;
    for (const warning of this.#earlyWarnings.splice(0)) hearers.onWarning(warning);
    if (this.#early !== null) hearers.onFatal(this.#early);
  }

  fatal(error: KeylaneError): void {
    if (this.#hearers === null) this.#early ??= error;
    else this.#hearers.onFatal(error);
  }

  warning(error: KeylaneError): void {
    // Few come so early: a start has not much to warn of.
    if (this.#hearers === null) this.#earlyWarnings.push(error);
    else this.#hearers.onWarning(error);
  }
}
