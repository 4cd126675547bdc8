// The identity of an event as one text, such as `journal/17`, which one command prints and the next one takes.

import { KeylaneError, printable, shown } from '../errors.js';
import type { Identity } from '../index.js';

/** What printing would change, or what reading back would take for an escape. */
const unprintable = /\p{Surrogate}|\\(?=u[0-9a-f]{4})/gu;

/** Partition and position; what a terminal must not get is escaped, such that `identityFrom` gives it back. */
export function identityText({ partition, position }: Identity): string {
  const escaped = partition.replace(unprintable, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return `${printable(escaped)}/${position}`;
}

/** The identity that a text names: its position stands behind the last slash. Throws a KeylaneError `bad-option`. */
export function identityFrom(text: string): Identity {
  const [, escaped, digits] = /^(.*)\/(-?\d+)$/s.exec(text) ?? [];
  const position = Number(digits);
  if (escaped === undefined || !Number.isSafeInteger(position)) {
    const expected = 'a partition and a position such as journal/17, as `keylane dead-letters list` prints it';
    throw new KeylaneError('bad-option', `the identity must be ${expected}, got ${shown(text)}`);
  }
  const partition = escaped.replace(/\\u([0-9a-f]{4})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  return { partition, position };
}
