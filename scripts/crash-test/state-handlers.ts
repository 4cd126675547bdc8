// The handlers of the state crash test. `account` keeps a balance, the number of events that made it, and a hash of
// their order; every seventh event fails for good and must leave no mark, every eleventh fails at first.

import { defineHandlers, type HandlerContext, type HandlerEvent, PermanentError } from '../../src/index.js';

export interface Account {
  readonly sum: number;
  readonly count: number;
  readonly hash: number;
}

/** What an event makes of an account. */
export function added({ sum, count, hash }: Account, n: number): Account {
  return { sum: sum + n, count: count + 1, hash: (Math.imul(hash ^ n, 0x01000193) + 1) | 0 };
}

export const emptyAccount: Account = { sum: 0, count: 0, hash: 0 };

/** Whether an event never succeeds. */
export const isRefused = (n: number): boolean => n % 7 === 3;

const isShaky = (n: number): boolean => n % 11 === 5;

export default defineHandlers([
  {
    name: 'account',
    on: 'paid',
    state: { initial: () => emptyAccount },
    backoffMsMin: 0,
    backoffMsMax: 1,
    run: (event: HandlerEvent<{ n: number }>, context: HandlerContext) => {
      const { n } = event.data;
      const next = added(context.state, n);
      context.setState(next);
      if (isRefused(n)) throw new PermanentError('refused');
      if (isShaky(n) && context.attempt === 1) throw new Error('once more');
      return next;
    },
  },
]);
