// Checks what a handlers module exports as `policies`, or says beside the handlers it lists. The options table is where
// each member's bounds are.

import { types } from 'node:util';
import { messageOf, shown } from '../errors.js';
import type { GivenPolicy } from '../handler.js';
import type { StateOptions } from '../keyed-state.js';
import { checkOption, type OptionSpec } from '../option-spec.js';
import { optionTable } from '../options.js';
import { rateLimitSpec } from '../rate-options.js';
import { badHandlers } from './bad-handlers.js';
import { stateOptionsFrom } from './module-states.js';

const { attemptsMax, backoffMsMin, backoffMsMax, timeoutMs, graceMs, onDeadLetter } = optionTable;

/** What can be said of a handler and not of all of them. */
const claims = {
  priority: { kind: 'integer', default: 0, min: -1000, max: 1000, unit: 'higher first', sentence: '' },
  order: { kind: 'choice', default: 'key', choices: ['key', 'none', 'handler'], sentence: '' },
  waiting: { kind: 'choice', default: 'all', choices: ['all', 'latest'], sentence: '' },
  concurrency: { kind: 'limit', default: null, min: 1, max: 512, unit: 'events', sentence: '' },
  ...{ rateLimit: rateLimitSpec, rateLimitPerKey: rateLimitSpec },
} as const satisfies Readonly<Record<string, OptionSpec>>;

const specs = { attemptsMax, backoffMsMin, backoffMsMax, timeoutMs, graceMs, onDeadLetter, ...claims };
const members = Object.keys(specs) as (keyof typeof specs)[];

/** One handler's policy: what crosses threads, and what cannot. */
interface ModulePolicy {
  readonly plain: GivenPolicy;
  readonly retryIf: ((error: unknown) => unknown) | null;
  readonly state: StateOptions | null;
}

const known = [...members, 'retryIf', 'state'].join(', ');
const advice = `write export const policies = { 'event.type': { … } } with any of ${known}`;

/** Policies by the names of handlers. Throws a KeylaneError `bad-handlers`. */
export function policiesFrom(
  given: unknown,
  of: { readonly names: readonly string[]; readonly inline: ReadonlyMap<string, object>; readonly file: string },
): ReadonlyMap<string, ModulePolicy> {
  const policies = new Map<string, ModulePolicy>();
  for (const [name, policy] of of.inline) {
    policies.set(name, policyFrom(policy, { what: `handler ${shown(name)}`, file: of.file }));
  }
  if (given === undefined) return policies;
  if (!isObject(given)) throw badHandlers(of.file, `must export policies as an object, found ${shown(given)}`, advice);
  for (const [name, policy] of Object.entries(given)) {
    if (!of.names.includes(name)) {
      const names = of.names.map(shown).join(', ');
      throw badHandlers(of.file, `has a policy for ${shown(name)}, which is none of its handlers`, `they are ${names}`);
    }
    if (of.inline.has(name)) {
      const problem = `has two policies for ${shown(name)}: one beside it in the list, one in policies`;
      throw badHandlers(of.file, problem, 'leave one of them out');
    }
    policies.set(name, policyFrom(policy, { what: `policies[${shown(name)}]`, file: of.file }));
  }
  return policies;
}

function policyFrom(given: unknown, { what, file }: { what: string; file: string }): ModulePolicy {
  if (!isObject(given)) throw badHandlers(file, `must have an object as ${what}, found ${shown(given)}`, advice);
  const plain: Record<string, unknown> = {};
  let retryIf: ModulePolicy['retryIf'] = null;
  let state: ModulePolicy['state'] = null;
  for (const [member, value] of Object.entries(given)) {
    if (value === undefined) continue;
    if (member === 'state') {
      state = stateOptionsFrom(value, { what: `${what}.state`, file });
      plain.isStateful = true;
      continue;
    }
    if (member === 'retryIf') {
      if (typeof value !== 'function') {
        throw badHandlers(file, `must have a function as ${what}.retryIf, found ${shown(value)}`, advice);
      }
      if (types.isAsyncFunction(value)) {
        const problem = `must have a function that gives true or false as ${what}.retryIf, found an async one`;
        throw badHandlers(file, problem, 'its promise is no answer: decide without waiting');
      }
      retryIf = value as (error: unknown) => unknown;
      continue;
    }
    const found = members.find((candidate) => candidate === member);
    if (found === undefined) throw badHandlers(file, `has a member ${shown(member)} in ${what}, which is none`, advice);
    plain[found] = checked(value, { member: found, what, file });
  }
  return { plain, retryIf, state };
}

function checked(value: unknown, of: { member: keyof typeof specs; what: string; file: string }): unknown {
  try {
    return checkOption(`${of.what}.${of.member}`, specs[of.member], value);
  } catch (error) {
    throw badHandlers(of.file, `has a policy that does not fit: ${messageOf(error)}`, 'correct it');
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
