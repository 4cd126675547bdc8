// Calls that run dead letters again, or give them up. The store does it a part at a time, so that no call keeps others
// from being stored; what may run then comes back into memory by way of AwayLanes.

import { checkReason, type DeadLetterSelection, selectionFrom, selectionNames } from './dead-letter-selection.js';
import { KeylaneError, shown } from './errors.js';
import { unknownOption } from './option-spec.js';
import type { DeadLettersRequest, DeadLettersResult, LetterPlace } from './store/dead-letter-messages.js';
import type { Discarded, Redriven } from './store/redrive-store.js';

interface Parts {
  deadLetters(request: DeadLettersRequest): Promise<DeadLettersResult>;
  wallMs(): number;
  /** Resolves when everything decided so far is stored. */
  allStored(): Promise<void>;
}

/** Dead letters that one call to the store looks at. */
const partSizeMax = 1000;

export class DeadLetters {
  readonly #parts: Parts;
  #redriven = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Dead letters that were run again since the start. */
  get redriven(): number {
    return this.#redriven;
  }

  async redrive(wanted: DeadLetterSelection): Promise<Redriven> {
    const { count, withoutEvent } = await this.#each(wanted, null);
    return { redriven: count, withoutEvent };
  }

  async discard(wanted: DeadLetterSelection, reason: string): Promise<Discarded> {
    checkReason(reason);
    const { count } = await this.#each(wanted, reason);
    return { discarded: count };
  }

  async #each(given: DeadLetterSelection, reason: string | null): Promise<{ count: number; withoutEvent: number }> {
    const { deadLetters, wallMs, allStored } = this.#parts;
    const wanted = checked(given);
    // Those who have just heard of a dead letter mean it too.
    await allStored();
    const atUs = Math.floor(wallMs() * 1000);
    const all = { count: 0, withoutEvent: 0 };
    let after: LetterPlace | null = null;
    do {
      const part: DeadLettersResult = await deadLetters({ wanted, reason, atUs, countMax: partSizeMax, after });
      all.count += part.count;
      all.withoutEvent += part.withoutEvent;
      if (reason === null) this.#redriven += part.count;
      after = part.next;
    } while (after !== null);
    return all;
  }
}

function checked(given: DeadLetterSelection): DeadLetterSelection {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    const expected = `an object with any of ${selectionNames.join(', ')} ({} for all of them)`;
    throw new KeylaneError('bad-option', `which dead letters must be said by ${expected}, got ${shown(given)}`);
  }
  const unknown = Object.keys(given).find((name) => !selectionNames.some((known) => known === name));
  if (unknown !== undefined) throw unknownOption(unknown, { names: selectionNames });
  return selectionFrom(given);
}
