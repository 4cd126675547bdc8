// Checks a handlers module that lists its handlers by name, any number of which may take one event:
// `[{ name: 'audit', on: 'order.*', run: f, attemptsMax: 3 }, …]`. What is beside name, on and run is the policy.

import { shown } from '../errors.js';
import type { Handler, HandlerTable, KeyBatchHandler } from '../handler.js';
import { isPattern } from '../routes.js';
import { badHandlers } from './bad-handlers.js';
import { ofOne } from './key-batch.js';

/** What a module defines, whatever its form. */
export interface Defined extends Pick<HandlerTable, 'names' | 'takes'> {
  /** In the order of the names. */
  readonly handlers: readonly Handler[];
  /** Those which take several events at once, likewise; null for any other. Left out where there is none. */
  readonly keyBatches?: readonly (KeyBatchHandler | null)[];
  /** Policies that stand beside handlers, unchecked, by their names; none for those without. */
  readonly inline: ReadonlyMap<string, object>;
}

const howToList = "write export default [{ name: 'audit', on: 'order.*', run: (event, context) => result }]";

/** Throws a KeylaneError `bad-handlers`. */
export function listedHandlers(list: readonly unknown[], file: string): Defined {
  if (list.length === 0) throw badHandlers(file, 'exports an empty list of handlers', howToList);
  const names: string[] = [];
  const takes: string[][] = [];
  const handlers: Handler[] = [];
  const keyBatches: (KeyBatchHandler | null)[] = [];
  const inline = new Map<string, object>();
  for (const [index, handler] of list.entries()) {
    if (typeof handler !== 'object' || handler === null) {
      throw badHandlers(file, `must list objects, found ${shown(handler)} as handler ${index}`, howToList);
    }
    const { name, on, run, runKeyBatch, ...policy } = handler as Record<string, unknown>;
    checkName(name, { index, file, names });
    const which = runKeyBatch === undefined ? 'run' : 'runKeyBatch';
    const given = { run, runKeyBatch }[which];
    if (typeof given !== 'function') {
      const what = `must have a function as "${which}" of handler ${shown(name)}, found ${shown(given)}`;
      throw badHandlers(file, what, howToList);
    }
    if (which === 'runKeyBatch' && run !== undefined) {
      throw badHandlers(file, `has both "run" and "runKeyBatch" in handler ${shown(name)}`, 'leave one of them out');
    }
    names.push(name);
    takes.push(typesOf(on, { name, file }));
    const keyBatch = which === 'run' ? null : (given as KeyBatchHandler);
    keyBatches.push(keyBatch);
    handlers.push(keyBatch === null ? (given as Handler) : ofOne(name, keyBatch));
    if (Object.keys(policy).length > 0) inline.set(name, policy);
  }
  return { names, takes, handlers, keyBatches, inline };
}

function checkName(
  name: unknown,
  of: { index: number; file: string; names: readonly string[] },
): asserts name is string {
  const { index, file, names } = of;
  if (typeof name !== 'string' || name === '' || name === '__proto__') {
    throw badHandlers(file, `must name each handler of its list, found ${shown(name)} as name ${index}`, howToList);
  }
  if (!names.includes(name)) return;
  const why = 'the store knows handlers by their names: give each its own';
  throw badHandlers(file, `lists two handlers named ${shown(name)}`, why);
}

function typesOf(on: unknown, { name, file }: { name: string; file: string }): string[] {
  const types: unknown[] = Array.isArray(on) ? [...on] : [on];
  const advice = '"on" is an event type, a pattern such as "order.*" or "*", or a list of these';
  if (types.length === 0) throw badHandlers(file, `has no type in "on" of handler ${shown(name)}`, advice);
  for (const type of types) {
    const isText = typeof type === 'string' && type !== '';
    // A star elsewhere would look like a pattern, and never match.
    if (isText && (isPattern(type) ? type.indexOf('*') === type.length - 1 : !type.includes('*'))) continue;
    throw badHandlers(file, `must say which types handler ${shown(name)} takes, found ${shown(type)} in "on"`, advice);
  }
  return types as string[];
}
