// Compares what became of each event in keylane with what became of it in a plain loop. Plain loops that do not agree
// among themselves show that the handlers give other results each time; then only count and order can be checked.

import { checksumOf, hasFailed, noOutcome } from './result-hash.js';

/**
 * `same`: wherever both have a result. `different`: some results of keylane are not those of the plain loops, which
 * agree. `not-deterministic`: plain loops differ. `of-state`: they depend on what came before, which is not the same in
 * two runs. `not-compared`: no event has a result in both.
 */
export type ResultsVerdict = 'same' | 'different' | 'not-deterministic' | 'of-state' | 'not-compared';

export class ResultsCheck {
  #reference = new Uint32Array(0);
  #unsteady = new Uint8Array(0);
  readonly #differences = new Map<string, { count: number; positionFirst: number }>();
  readonly #keepsState: boolean;
  #compared = 0;
  #firstError: string | null = null;

  /** @param of of the handlers: whether any keeps state. */
  constructor({ keepsState = false } = {}) {
    this.#keepsState = keepsState;
  }

  /** What a plain loop made of the events from the first one on; `firstError` of those that failed. */
  addPlain(hashes: Uint32Array, firstError: string | null = null): void {
    this.#firstError ??= firstError;
    const known = Math.min(hashes.length, this.#reference.length);
    for (let index = 0; index < known; index += 1) {
      if (hashes[index] !== this.#reference[index]) this.#unsteady[index] = 1;
    }
    if (hashes.length <= known) return;
    const unsteady = new Uint8Array(hashes.length);
    unsteady.set(this.#unsteady);
    const reference = hashes.slice();
    reference.set(this.#reference);
    [this.#reference, this.#unsteady] = [reference, unsteady];
  }

  /** What keylane made of them, in the cell of this name. An event that failed in one of the two is not compared. */
  addCell(name: string, hashes: Uint32Array): void {
    for (const [index, hash] of hashes.entries()) {
      const wanted = this.#reference[index] ?? noOutcome;
      if ([hash, wanted].some((one) => one === noOutcome || one === hasFailed)) continue;
      this.#compared += 1;
      if (hash === wanted) continue;
      const found = this.#differences.get(name) ?? { count: 0, positionFirst: index + 1 };
      found.count += 1;
      this.#differences.set(name, found);
    }
  }

  /** Events that two plain loops made different things of. */
  get unsteady(): number {
    return this.#unsteady.reduce((sum, one) => sum + one, 0);
  }

  get verdict(): ResultsVerdict {
    if (this.#keepsState) return 'of-state';
    if (this.unsteady > 0) return 'not-deterministic';
    if (this.#differences.size > 0) return 'different';
    return this.#compared === 0 ? 'not-compared' : 'same';
  }

  /** Events that failed in plain loops; null where none did. */
  get plainFailures(): { readonly events: number; readonly failed: number; readonly firstError: string | null } | null {
    const failed = this.#reference.reduce((sum, hash) => sum + (hash === hasFailed ? 1 : 0), 0);
    return failed === 0 ? null : { events: this.#reference.length, failed, firstError: this.#firstError };
  }

  /** Whether plain loops say how fast the handlers can be: not where all that they did was to fail. */
  get isIdealKnown(): boolean {
    const { plainFailures } = this;
    return plainFailures === null || plainFailures.failed < plainFailures.events;
  }

  /** What is wrong; nothing where the handlers are the reason. */
  get wrong(): string[] {
    if (this.verdict !== 'different') return [];
    return [...this.#differences].map(([name, { count, positionFirst }]) => {
      const where = `the first is that of event ${positionFirst}`;
      return (
        `${name}: ${count} results are not those of the plain loop, ${where}. Do the handlers keep something between ` +
        'events, or look at their thread? If not, this is a fault of keylane'
      );
    });
  }

  /** Of the plain loops' results. */
  get checksum(): string {
    return checksumOf(this.#reference);
  }
}
