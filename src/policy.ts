// Whole policies of handlers: what the module says of each, over what the options say of all.

import { KeylaneError, shown } from './errors.js';
import type { HandlerOrder, HandlerTable, Policy } from './handler.js';
import type { Config, OrderMode } from './options.js';
import { type RateLimit, rateLimitFrom } from './rate-options.js';

type Defaults = Pick<
  Config,
  'attemptsMax' | 'backoffMsMin' | 'backoffMsMax' | 'timeoutMs' | 'graceMs' | 'onDeadLetter'
>;

/** The policy of every handler, by its index. Throws a KeylaneError `bad-handlers` where the two do not go together. */
export function policiesOf(table: HandlerTable, defaults: Defaults): Policy[] {
  const { attemptsMax, backoffMsMin, backoffMsMax, timeoutMs, graceMs, onDeadLetter } = defaults;
  return table.policies.map((given, index) => {
    const policy = { attemptsMax, backoffMsMin, backoffMsMax, timeoutMs, graceMs, onDeadLetter, ...given };
    if (policy.backoffMsMin > policy.backoffMsMax) throw badBackoff(table.names[index]!, policy);
    return policy;
  });
}

/** The order of a handler's events. */
export type LaneOrder = OrderMode | HandlerOrder;

/** The order of every handler's events, by its index. Throws a KeylaneError `bad-handlers`, as above. */
export function ordersOf(table: HandlerTable, order: OrderMode): LaneOrder[] {
  return table.policies.map((given, index) => {
    const why = given.isStateful
      ? 'keeps state for each key'
      : given.takesRuns
        ? 'takes events of a key at once'
        : null;
    if (why !== null && (given.order ?? order) !== 'key') {
      const expected = `handler ${shown(table.names[index])} must have the order "key", as it ${why}`;
      throw new KeylaneError('bad-handlers', `${expected}, got "${given.order ?? order}": give it order: 'key'`);
    }
    if (given.order === undefined || order !== 'global') return given.order ?? order;
    const what = `handler ${shown(table.names[index])} must have no order of its own under the option order "global"`;
    throw new KeylaneError('bad-handlers', `${what}, got "${given.order}": leave one of them out`);
  });
}

/** Whether a newer event supersedes one that waits, by handler. Throws a KeylaneError `bad-handlers`, as above. */
export function supersedingOf(table: HandlerTable, order: OrderMode): boolean[] {
  return table.policies.map(({ waiting = 'all', ...given }, index) => {
    const own = given.order ?? order;
    if (waiting === 'latest' && own !== 'key') {
      const expected = `handler ${shown(table.names[index])} must have the order "key" for waiting: 'latest'`;
      throw new KeylaneError('bad-handlers', `${expected}, got "${own}": give it order: 'key'`);
    }
    return waiting === 'latest';
  });
}

/** What a handler may claim of the threads. */
interface Claims {
  readonly priority: number;
  readonly concurrency: number | null;
  readonly rateLimit: RateLimit | null;
  readonly rateLimitPerKey: RateLimit | null;
}

/** What every handler may claim, by its index. Throws a KeylaneError `bad-handlers`, as above. */
export function claimsOf(table: HandlerTable, order: OrderMode): Claims[] {
  return table.policies.map(({ priority = 0, concurrency = null, ...given }, index) => {
    const [rateLimit, rateLimitPerKey] = [given.rateLimit, given.rateLimitPerKey].map(rateLimitFrom) as LimitPair;
    const name = shown(table.names[index]);
    if (rateLimit !== null && order === 'global') {
      const what = `handler ${name} must have no rateLimit of its own under the option order "global"`;
      throw new KeylaneError('bad-handlers', `${what}, as all wait for one another: give it as an option`);
    }
    const own = given.order ?? order;
    if (rateLimitPerKey !== null && own !== 'key') {
      const what = `handler ${name} must have the order "key" for its rateLimitPerKey, got "${own}"`;
      throw new KeylaneError('bad-handlers', `${what}: give it order: 'key', or rateLimit instead`);
    }
    return { priority, concurrency, rateLimit, rateLimitPerKey };
  });
}

type LimitPair = [RateLimit | null, RateLimit | null];

function badBackoff(name: string, { backoffMsMin, backoffMsMax }: Policy): KeylaneError {
  const problem = `policies[${shown(name)}].backoffMsMin must be at most its backoffMsMax (${backoffMsMax})`;
  const advice = 'what the policy does not say is as the options are';
  return new KeylaneError('bad-handlers', `${problem}, got ${backoffMsMin}; ${advice}`);
}
