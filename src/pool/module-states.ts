// Checks what a handler declares of the state it keeps: `state: { initial: (key) => state, version: 1, migrate: f }`.

import { types } from 'node:util';
import { shown } from '../errors.js';
import type { StateOptions } from '../keyed-state.js';
import { badHandlers } from './bad-handlers.js';

const versionMax = 1_000_000_000;

const advice =
  'write state: { initial: (key) => state }, with version and migrate: (state, version) => state beside it';

/** Throws a KeylaneError `bad-handlers`. */
export function stateOptionsFrom(given: unknown, { what, file }: { what: string; file: string }): StateOptions {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw badHandlers(file, `must have an object as ${what}, found ${shown(given)}`, advice);
  }
  const { initial, version, migrate, ...rest } = given as Record<string, unknown>;
  const [stray] = Object.keys(rest);
  if (stray !== undefined) throw badHandlers(file, `has a member ${shown(stray)} in ${what}, which is none`, advice);
  if (typeof initial !== 'function') {
    throw badHandlers(file, `must have a function as ${what}.initial, found ${shown(initial)}`, advice);
  }
  for (const [name, of] of Object.entries({ initial, migrate })) {
    if (!types.isAsyncFunction(of)) continue;
    const problem = `must have a function that gives the state itself as ${what}.${name}, found an async one`;
    throw badHandlers(file, problem, 'its promise is no state: load what it needs in setup()');
  }
  if (migrate !== undefined && typeof migrate !== 'function') {
    throw badHandlers(file, `must have a function as ${what}.migrate, found ${shown(migrate)}`, advice);
  }
  const isVersion = typeof version === 'number' && Number.isInteger(version) && version >= 0 && version <= versionMax;
  if (version !== undefined && !isVersion) {
    const expected = `must have a whole number from 0 to ${versionMax} as ${what}.version`;
    throw badHandlers(file, `${expected}, found ${shown(version)}`, advice);
  }
  // The object itself: its functions may use it as their `this`.
  return given as StateOptions;
}
