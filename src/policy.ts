// Whole policies of handlers: what the module says of each, over what the options say of all.

import { KeylaneError, shown } from './errors.js';
import type { HandlerOrder, HandlerTable, Policy } from './handler.js';
import type { Config, OrderMode } from './options.js';

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
    if (given.isStateful && (given.order ?? order) !== 'key') {
      const expected = `handler ${shown(table.names[index])} must have the order "key", as it keeps state for each key`;
      throw new KeylaneError('bad-handlers', `${expected}, got "${given.order ?? order}": give it order: 'key'`);
    }
    if (given.order === undefined || order !== 'global') return given.order ?? order;
    const what = `handler ${shown(table.names[index])} must have no order of its own under the option order "global"`;
    throw new KeylaneError('bad-handlers', `${what}, got "${given.order}": leave one of them out`);
  });
}

function badBackoff(name: string, { backoffMsMin, backoffMsMax }: Policy): KeylaneError {
  const problem = `policies[${shown(name)}].backoffMsMin must be at most its backoffMsMax (${backoffMsMax})`;
  const advice = 'what the policy does not say is as the options are';
  return new KeylaneError('bad-handlers', `${problem}, got ${backoffMsMin}; ${advice}`);
}
