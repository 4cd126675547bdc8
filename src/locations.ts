// Where things are that people name: the handlers module and the store.

import { badOption } from './option-spec.js';

/** Checks the path of a store. Throws a KeylaneError `bad-option`. */
export function storeFrom(value: unknown): string {
  if (typeof value === 'string' && value !== '' && value !== ':memory:' && !value.includes('\0')) return value;
  throw badOption('store', 'the path of a file (outcomes are durable, so there is no ":memory:")', value);
}

/** Checks the place of a handlers module. Throws a KeylaneError `bad-option`. */
export function locationFrom(name: string, value: unknown): string | URL {
  if (value instanceof URL) {
    if (value.protocol === 'file:') return value;
    throw badOption(name, 'a path or a file: URL', value.href);
  }
  if (typeof value === 'string' && value !== '') return value;
  throw badOption(name, 'a path or a file: URL of a handlers module', value);
}
