// The state crash test (`npm run crash-test -- --state`): a run whose handlers keep state and emit, killed with SIGKILL at
// random moments, so many times, and then left to end. States, outcomes and emitted events must be those of a sequential
// run, exactly.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { mulberry32 } from '../random.js';
import { type Account, added, emptyAccount, isArchived, isBooked, isRefused } from './state-handlers.js';

export interface StateLives {
  readonly folder: string;
  readonly kills: number;
  readonly seed: number;
}

const keys = 40;
const eventsPerKill = 60;

/** Gives what is wrong, line by line. */
export async function runStateLives({ folder, kills, seed }: StateLives): Promise<string[]> {
  const store = join(folder, 'state.db');
  const random = mulberry32(seed);
  const count = Math.max(400, kills * eventsPerKill);
  const expected = sequential(count);
  let killed = 0;
  for (let kill = 0; kill < kills; kill += 1) {
    const outcomes = Math.floor(((kill + random()) / (kills + 1)) * expected.outcomes.size);
    if (await live({ store, count, untilOutcomes: outcomes, delayMs: random() * 5 })) killed += 1;
  }
  await live({ store, count, untilOutcomes: null, delayMs: 0 });
  const wrong = judge(store, expected);
  if (killed < kills) wrong.push(`only ${killed} lives were killed, not ${kills}: the others ended before`);
  return wrong;
}

/** Runs one life, which is killed a moment after so many outcomes are stored; null for never. Says whether it was. */
async function live(of: {
  store: string;
  count: number;
  untilOutcomes: number | null;
  delayMs: number;
}): Promise<boolean> {
  const { store, count, untilOutcomes, delayMs } = of;
  const file = fileURLToPath(new URL('./state-child.js', import.meta.url));
  const child = spawn(process.execPath, [file, store, String(count), String(keys)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (chunk) => {
    said += chunk;
  });
  const watch = setInterval(() => {
    if (untilOutcomes === null || countIn(store) <= untilOutcomes) return;
    clearInterval(watch);
    setTimeout(() => child.kill('SIGKILL'), delayMs);
  }, 5);
  const [code, signal] = await once(child, 'close');
  clearInterval(watch);
  // A life may end before it is killed.
  if (signal !== 'SIGKILL' && (code !== 0 || !said.includes('done'))) {
    throw new Error(`a life must end by itself or be killed, it ended with ${code ?? signal}`);
  }
  return signal === 'SIGKILL';
}

/** 0 while there is no store, or it is being made. */
function countIn(store: string): number {
  return read(store, "SELECT 1 FROM sqlite_schema WHERE name = 'outcomes'").length === 0
    ? 0
    : read(store, 'SELECT count(*) AS n FROM outcomes')[0].n;
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

/** What a sequential run comes to. */
interface Sequential {
  /** As `handler key n` (of the event that was published): status and result. */
  readonly outcomes: ReadonlyMap<string, string>;
  /** As `handler key`. */
  readonly states: ReadonlyMap<string, string>;
}

function sequential(count: number): Sequential {
  const [outcomes, states] = [new Map<string, string>(), new Map<string, Account>()];
  const add = (handler: string, key: string, n: number): void => {
    const next = added(states.get(`${handler} ${key}`) ?? emptyAccount, n);
    states.set(`${handler} ${key}`, next);
    outcomes.set(`${handler} ${key} ${n}`, `succeeded ${JSON.stringify(next)}`);
  };
  for (let n = 0; n < count; n += 1) {
    const key = `account-${n % keys}`;
    if (isRefused(n)) {
      outcomes.set(`account ${key} ${n}`, 'dead-lettered null');
      continue;
    }
    add('account', key, n);
    if (isBooked(n)) add('ledger', key, n);
    if (isArchived(n)) outcomes.set(`archive ${key} ${n}`, `succeeded [${n},2]`);
  }
  return { outcomes, states: new Map([...states].map(([name, state]) => [name, JSON.stringify(state)])) };
}

/** What the store has, against that. */
function judge(store: string, { outcomes, states }: Sequential): string[] {
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
