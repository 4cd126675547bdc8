// Opens a store for those who have no processor: checks what they ask for, then hands over to its reader.

import { KeylaneError, shown } from './errors.js';
import { storeFrom } from './locations.js';
import { StoreReader } from './store/store-reader.js';

/** How a store is opened. */
export interface OpenStoreOptions {
  /** May be left out: reading is all there is. */
  readonly readonly?: true;
}

/**
 * Opens a store to be read, in the calling thread, also while a processor uses it. It never makes, changes or migrates
 * one; a store of an older keylane gives what it has, its journal being empty. Close it, or name it with `using`.
 *
 * Throws a KeylaneError: `store-refused` when there is no file or it is no store of ours or of a newer keylane,
 * `store-locked` when it is just being made or closed, `store-failed` for what SQLite reports, `bad-option`.
 */
export function openStore(path: string, options: OpenStoreOptions = {}): StoreReader {
  const checked = storeFrom(path);
  if (typeof options !== 'object' || options === null) {
    throw new KeylaneError('bad-option', `options must be { readonly: true }, got ${shown(options)}`);
  }
  const given: Readonly<Record<string, unknown>> = { ...options };
  const unknown = Object.keys(given).find((name) => name !== 'readonly');
  if (unknown !== undefined) {
    throw new KeylaneError('bad-option', `there is no option ${shown(unknown)}; the only one is readonly`);
  }
  const { readonly = true } = given;
  if (readonly !== true) {
    const advice = 'to write, give the path to createProcessor as its option store';
    throw new KeylaneError('bad-option', `readonly must be true or left out, got ${shown(readonly)}: ${advice}`);
  }
  return StoreReader.open(checked);
}
