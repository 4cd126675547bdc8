// The handlers of the state crash test. `account` keeps a balance, the number of events that made it, and a hash of
// their order; every seventh event fails for good and must leave no mark, every eleventh fails at first. Every third
// emits an event to `ledger`, which keeps the same of what came to it, and passes every fifth on to `archive`.

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

/** Whether an event is booked, and whether that is archived. */
export const isBooked = (n: number): boolean => n % 3 === 0;
export const isArchived = (n: number): boolean => isBooked(n) && n % 5 === 0;

type Numbered = HandlerEvent<{ n: number }>;

export default defineHandlers([
  {
    name: 'account',
    on: 'paid',
    state: { initial: () => emptyAccount },
    backoffMsMin: 0,
    backoffMsMax: 1,
    run: ({ data: { n }, key }: Numbered, context: HandlerContext) => {
      const next = added(context.state, n);
      context.setState(next);
      // Before it fails, if it does: then neither is to be there.
      if (isBooked(n)) context.emit({ type: 'booked', key, data: { n } });
      if (isRefused(n)) throw new PermanentError('refused');
      if (isShaky(n) && context.attempt === 1) throw new Error('once more');
      return next;
    },
  },
  {
    name: 'ledger',
    on: 'booked',
    state: { initial: () => emptyAccount },
    run: ({ data: { n }, key }: Numbered, context: HandlerContext) => {
      const next = added(context.state, n);
      context.setState(next);
      if (isArchived(n)) context.emit([{ type: 'archived', key, data: { n } }]);
      return next;
    },
  },
  { name: 'archive', on: 'archived', run: ({ data: { n }, depth }: Numbered) => [n, depth] },
]);
