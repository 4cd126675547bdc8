// Calls that run dead letters again, or give them up. The store does it a part at a time, so that no call keeps others
// from being stored; what may run then comes back into memory by way of AwayLanes.

import { KeylaneError, shown } from './errors.js';
import { type Identity, isIdentity } from './event.js';
import type { DeadLettersRequest, DeadLettersResult, DeadLettersWanted } from './store/messages.js';
import type { Discarded, Redriven } from './store/redrive-store.js';

/** Which dead letters: one, by its identity, or all that fit the rest. What is left out may be anything. */
export type DeadLetterSelection = DeadLettersWanted;

interface Parts {
  deadLetters(request: DeadLettersRequest): Promise<DeadLettersResult>;
  wallMs(): number;
  /** Resolves when everything decided so far is stored. */
  allStored(): Promise<void>;
}

/** Dead letters that one call to the store looks at. */
const partSizeMax = 1000;

const texts = ['handler', 'type', 'key', 'error'] as const;

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
    if (typeof reason !== 'string' || reason === '' || reason.length > reasonSizeMax) {
      const expected = `a reason of 1 to ${reasonSizeMax} characters`;
      throw new KeylaneError('bad-option', `discard must be given ${expected}, got ${shown(reason)}`);
    }
    const { count } = await this.#each(wanted, reason);
    return { discarded: count };
  }

  async #each(given: DeadLetterSelection, reason: string | null): Promise<{ count: number; withoutEvent: number }> {
    const { deadLetters, wallMs, allStored } = this.#parts;
    const wanted = selectionFrom(given);
    // Those who have just heard of a dead letter mean it too.
    await allStored();
    const atUs = Math.floor(wallMs() * 1000);
    const all = { count: 0, withoutEvent: 0 };
    let after: Identity | null = null;
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

const reasonSizeMax = 1000;

/** Checks a selection. Throws a KeylaneError `bad-option`. */
function selectionFrom(given: DeadLetterSelection): DeadLettersWanted {
  const names = ['identity', ...texts];
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    const expected = `an object with any of ${names.join(', ')} ({} for all of them)`;
    throw new KeylaneError('bad-option', `which dead letters must be said by ${expected}, got ${shown(given)}`);
  }
  for (const [name, value] of Object.entries(given)) {
    if (!names.includes(name)) {
      throw new KeylaneError('bad-option', `dead letters are selected by ${names.join(', ')}, not by ${shown(name)}`);
    }
    if (value === undefined) continue;
    if (name === 'identity' ? isIdentity(value) : typeof value === 'string') continue;
    const expected = name === 'identity' ? '{ partition, position }' : 'a string';
    throw new KeylaneError('bad-option', `${name} of dead letters must be ${expected}, got ${shown(value)}`);
  }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}
