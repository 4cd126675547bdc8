// What callers give to the reader of a store, checked: each error tells what was expected and what was found.

import { KeylaneError, shown } from '../errors.js';
import type { Identity } from '../event.js';

export function checkedIdentity(identity: Identity): Identity {
  if (typeof identity !== 'object' || identity === null) throw bad('identity', '{ partition, position }', identity);
  const { partition, position } = identity;
  checkText('identity.partition', partition);
  if (!Number.isSafeInteger(position)) throw bad('identity.position', 'a whole number', position);
  return { partition, position };
}

export function checkedLimit(options: { readonly limit?: number }): number {
  checkNames(options, ['limit']);
  const { limit } = options;
  if (limit === undefined) return Number.POSITIVE_INFINITY;
  if (!Number.isSafeInteger(limit) || limit < 0) throw bad('limit', 'a whole number from 0', limit);
  return limit;
}

/** The filter's own values, none of them undefined. */
export function checkedFilter<Name extends string>(
  filter: Readonly<Partial<Record<Name, string>>>,
  names: readonly Name[],
): Readonly<Partial<Record<Name, string>>> {
  checkNames(filter, names);
  const given = Object.entries(filter).filter(([, value]) => value !== undefined);
  for (const [name, value] of given) checkText(name, value);
  return Object.fromEntries(given) as Readonly<Partial<Record<Name, string>>>;
}

/** A name nobody knows would leave a filter out without a word. */
function checkNames(options: object, names: readonly string[]): void {
  if (typeof options !== 'object' || options === null) throw bad('the options', `{ ${names.join(', ')} }`, options);
  const unknown = Object.keys(options).find((name) => !names.includes(name));
  if (unknown !== undefined) throw bad('an option', `one of ${names.join(', ')}`, unknown);
}

export function checkText(name: string, value: unknown): void {
  if (typeof value !== 'string') throw bad(name, 'a string', value);
}

function bad(name: string, expected: string, found: unknown): KeylaneError {
  return new KeylaneError('bad-option', `${name} must be ${expected}, got ${shown(found)}`);
}
