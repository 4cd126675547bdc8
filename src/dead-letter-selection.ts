// Which dead letters a call means, and why they are given up: checked alike with and without a processor.

import { KeylaneError, shown } from './errors.js';
import { type Identity, isIdentity } from './event.js';

/** Which dead letters: one, by its identity, or all that fit the rest. What is left out may be anything. */
export interface DeadLetterSelection {
  readonly identity?: Identity;
  readonly handler?: string;
  readonly type?: string;
  readonly key?: string;
  /** Name of the error, such as `TypeError`. */
  readonly error?: string;
}

export const selectionNames = ['identity', 'handler', 'type', 'key', 'error'] as const;

const reasonSizeMax = 1000;

/** The selection alone, without what is undefined and what belongs to others. Throws a KeylaneError `bad-option`. */
export function selectionFrom(given: DeadLetterSelection): DeadLetterSelection {
  const selection: Record<string, unknown> = {};
  for (const name of selectionNames) {
    const value: unknown = given[name];
    if (value === undefined) continue;
    if (name === 'identity' ? !isIdentity(value) : typeof value !== 'string') {
      const expected = name === 'identity' ? '{ partition, position }' : 'a string';
      throw new KeylaneError('bad-option', `${name} of dead letters must be ${expected}, got ${shown(value)}`);
    }
    selection[name] = value;
  }
  return selection;
}

/** Throws a KeylaneError `bad-option` unless it is a reason that can be kept. */
export function checkReason(reason: unknown): asserts reason is string {
  if (typeof reason === 'string' && reason !== '' && reason.length <= reasonSizeMax) return;
  const expected = `a text of 1 to ${reasonSizeMax} characters`;
  throw new KeylaneError('bad-option', `reason must be ${expected}, got ${shown(reason)}`);
}
