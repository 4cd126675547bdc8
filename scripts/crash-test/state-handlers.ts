// The handlers of the state crash test. `account` keeps a balance, the number of events that made it, and a hash of
// their order; every seventh event fails for good and must leave no mark, every eleventh fails at first. Every third
// emits an event to `ledger`, which keeps the same of what came to it, and passes every fifth on to `archive`. The query
// of the module's URL says whether they take several events at once, whether `account` wants the newest only, and where
// it notes what it tries.

import { defineHandlers, type HandlerContext, type HandlerEvent, PermanentError } from '../../src/index.js';
import { LineLog, type StateTryLine } from './line-log.js';

export interface Account {
  readonly sum: number;
  readonly count: number;
  readonly hash: number;
}

export interface StateMode {
  /** Consecutive events of a key in one call. */
  readonly together: boolean;
  /** Newer events supersede those that wait. */
  readonly latest: boolean;
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

/** This module, with what its handlers are to be like. */
export function stateHandlersWith({ together, latest }: StateMode, logPath: string): string {
  const url = new URL('./state-handlers.js', import.meta.url);
  url.search = String(new URLSearchParams({ together: String(together), latest: String(latest), log: logPath }));
  return url.href;
}

type Numbered = HandlerEvent<{ n: number }>;
type Accounting = (events: readonly Numbered[], context: HandlerContext) => readonly Account[];

const asked = new URL(import.meta.url).searchParams;
const isLatest = asked.get('latest') === 'true';
let log: LineLog<StateTryLine> | null = null;

export function setup(): void {
  log = new LineLog(asked.get('log')!);
}

/** A handler of single events, or of several. */
function taking(account: Accounting) {
  if (asked.get('together') === 'true') return { runKeyBatch: account };
  return { run: (event: Numbered, context: HandlerContext) => account([event], context)[0] };
}

function accountFor(events: readonly Numbered[], context: HandlerContext): Account[] {
  log?.write([Date.now(), ...events.map(({ data: { n } }) => n)]);
  let account = context.state;
  return events.map(({ data: { n }, key }) => {
    account = added(account, n);
    context.setState(account);
    // Before it fails, if it does: then neither is to be there.
    if (isBooked(n)) context.emit({ type: 'booked', key, data: { n } });
    if (isRefused(n)) throw new PermanentError('refused');
    if (isShaky(n) && context.attempt === 1) throw new Error('once more');
    return account;
  });
}

function bookIn(events: readonly Numbered[], context: HandlerContext): Account[] {
  let account = context.state;
  return events.map(({ data: { n }, key }) => {
    account = added(account, n);
    context.setState(account);
    if (isArchived(n)) context.emit([{ type: 'archived', key, data: { n } }]);
    return account;
  });
}

const state = { initial: () => emptyAccount };

export default defineHandlers([
  {
    ...{ name: 'account', on: 'paid', state, backoffMsMin: 0, backoffMsMax: 1 },
    waiting: isLatest ? 'latest' : 'all',
    ...taking(accountFor),
  },
  { name: 'ledger', on: 'booked', state, ...taking(bookIn) },
  { name: 'archive', on: 'archived', run: ({ data: { n }, depth }: Numbered) => [n, depth] },
]);
