// Whole policies of handlers: what the module says of each, over what the options say of all.

import type { HandlerTable, Policy } from './handler.js';
import type { Config } from './options.js';

type Defaults = Pick<
  Config,
  'attemptsMax' | 'backoffMsMin' | 'backoffMsMax' | 'timeoutMs' | 'graceMs' | 'onDeadLetter'
>;

/** The policy of every handler, by its index. */
export function policiesOf(table: HandlerTable, defaults: Defaults): Policy[] {
  const { attemptsMax, backoffMsMin, backoffMsMax, timeoutMs, graceMs, onDeadLetter } = defaults;
  return table.policies.map((given) => {
    return { attemptsMax, backoffMsMin, backoffMsMax, timeoutMs, graceMs, onDeadLetter, ...given };
  });
}
