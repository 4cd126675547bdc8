// What the state crash test asks of the store at the end: states, outcomes and emitted events are those of a sequential
// run of the events that were not superseded, exactly. And of those which were, if any may be: none was run from then on,
// and the last event of a key never is.

import { existsSync } from 'node:fs';
import Database from 'better-sqlite3';
import { readLines, type StateTryLine } from './line-log.js';
import type { StateLifePlan } from './state-child.js';
import { type Account, added, emptyAccount, isArchived, isBooked, isRefused } from './state-handlers.js';

interface Superseded {
  readonly atMs: number;
  readonly attempts: number;
}

/** By how much the clocks of two threads may differ. */
const clockMsMax = 10;

/** 0 while there is no store, or it is being made. */
export function countIn(store: string): number {
  return read(store, "SELECT 1 FROM sqlite_schema WHERE name = 'outcomes'").length === 0
    ? 0
    : read(store, 'SELECT count(*) AS n FROM outcomes')[0].n;
}

/** Gives what is wrong, line by line. */
export function judgeStates(plan: StateLifePlan): string[] {
  const { mode, log } = plan;
  const superseded = supersededIn(plan.store);
  const wrong = judgeStore(plan, sequential(plan, superseded));
  const calls = readLines<StateTryLine>(log);
  if (mode.together && !mode.latest && calls.every(([, ...numbers]) => numbers.length === 1))
    wrong.push('no call had several events: nothing was tested');
  if (mode.latest === (superseded.size === 0)) wrong.push(`${superseded.size} events were superseded`);
  return [...wrong, ...judgeSuperseded(plan, { superseded, calls })];
}

/** Superseded events of `account`, by number: when it was decided, and after how many tries. */
function supersededIn(store: string): Map<number, Superseded> {
  const rows = read(
    store,
    `SELECT json_extract(event.data, '$.n') AS n, started_at, attempts FROM outcomes JOIN event USING (position)
     WHERE status = 'superseded' AND outcomes.handler = 'account'`,
  );
  return new Map(rows.map(({ n, started_at: atUs, attempts }) => [n, { atMs: atUs / 1000, attempts }]));
}

function judgeSuperseded(
  { count, keys }: StateLifePlan,
  { superseded, calls }: { superseded: ReadonlyMap<number, Superseded>; calls: readonly StateTryLine[] },
): string[] {
  const wrong: string[] = [];
  for (const [n, { attempts }] of superseded) {
    if (n >= count - keys) wrong.push(`${n}, the last of its key, is superseded`);
    if (attempts > 0) wrong.push(`${n} is superseded after ${attempts} tries`);
  }
  for (const [atMs, ...numbers] of calls) {
    for (const n of numbers) {
      if (atMs > (superseded.get(n)?.atMs ?? Number.POSITIVE_INFINITY) + clockMsMax)
        wrong.push(`${n} ran after it was superseded`);
    }
  }
  return wrong;
}

/** What a sequential run comes to. */
interface Sequential {
  /** As `handler key n` (of the event that was published): status and result. */
  readonly outcomes: ReadonlyMap<string, string>;
  /** As `handler key`. */
  readonly states: ReadonlyMap<string, string>;
}

function sequential({ count, keys }: StateLifePlan, superseded: ReadonlyMap<number, unknown>): Sequential {
  const [outcomes, states] = [new Map<string, string>(), new Map<string, Account>()];
  const add = (handler: string, key: string, n: number): void => {
    const next = added(states.get(`${handler} ${key}`) ?? emptyAccount, n);
    states.set(`${handler} ${key}`, next);
    outcomes.set(`${handler} ${key} ${n}`, `succeeded ${JSON.stringify(next)}`);
  };
  for (let n = 0; n < count; n += 1) {
    const key = `account-${n % keys}`;
    if (superseded.has(n) || isRefused(n)) {
      outcomes.set(`account ${key} ${n}`, superseded.has(n) ? 'superseded null' : 'dead-lettered null');
      continue;
    }
    add('account', key, n);
    if (isBooked(n)) add('ledger', key, n);
    if (isArchived(n)) outcomes.set(`archive ${key} ${n}`, `succeeded [${n},2]`);
  }
  return { outcomes, states: new Map([...states].map(([name, state]) => [name, JSON.stringify(state)])) };
}

/** What the store has, against that. */
function judgeStore({ store }: StateLifePlan, { outcomes, states }: Sequential): string[] {
  const wrong: string[] = [];
  const found = read(
    store,
    `SELECT outcomes.handler AS handler, outcomes.key AS key, status, result, json_extract(event.data, '$.n') AS n
     FROM outcomes JOIN event USING (position)`,
  );
  if (found.length !== outcomes.size) wrong.push(`${found.length} outcomes, not ${outcomes.size}`);
  for (const { handler, key, n, status, result } of found) {
    const [name, is] = [`${handler} ${key} ${n}`, `${status} ${result}`];
    if (is !== outcomes.get(name)) wrong.push(`${name} is ${is}, not ${outcomes.get(name)}`);
  }
  const emitted = [...outcomes.keys()].filter((name) => !name.startsWith('account ')).length;
  const [{ n: stored }] = read(store, 'SELECT count(*) AS n FROM emitted_events');
  if (stored !== emitted) wrong.push(`${stored} emitted events, not ${emitted}`);
  const kept = read(store, 'SELECT handler, key, value FROM states');
  if (kept.length !== states.size) wrong.push(`${kept.length} states, not ${states.size}`);
  for (const { handler, key, value } of kept) {
    const expected = states.get(`${handler} ${key}`);
    if (value !== expected) wrong.push(`the state of ${handler} ${key} is ${value}, not ${expected}`);
  }
  return wrong;
}

// biome-ignore lint/suspicious/noExplicitAny: rows of any view
function read(store: string, sql: string): any[] {
  if (!existsSync(store)) return [];
  const db = new Database(store, { readonly: true });
  try {
    return db.prepare(sql).all();
  } finally {
    db.close();
  }
}
