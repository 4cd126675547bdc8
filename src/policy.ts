// Whole policies of handlers: what the module says of each, over what the options say of all.

import { KeylaneError, shown } from './errors.js';
import type { HandlerTable, Policy } from './handler.js';
import type { Config } from './options.js';

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

function badBackoff(name: string, { backoffMsMin, backoffMsMax }: Policy): KeylaneError {
  const problem = `policies[${shown(name)}].backoffMsMin must be at most its backoffMsMax (${backoffMsMax})`;
  const advice = 'what the policy does not say is as the options are';
  return new KeylaneError('bad-handlers', `${problem}, got ${backoffMsMin}; ${advice}`);
}
