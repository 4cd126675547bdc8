// The state crash test (`npm run crash-test -- --state`): a run whose handler keeps state, killed with SIGKILL at random
// moments, so many times, and then left to end. States and outcomes must be those of a sequential run, exactly.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { mulberry32 } from '../random.js';
import { type Account, added, emptyAccount, isRefused } from './state-handlers.js';

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
  for (let kill = 0; kill < kills; kill += 1) {
    const outcomes = Math.floor(((kill + random()) / (kills + 1)) * count);
    await live({ store, count, untilOutcomes: outcomes, delayMs: random() * 5 });
  }
  await live({ store, count, untilOutcomes: null, delayMs: 0 });
  return judge(store, count);
}

/** Runs one life, which is killed a moment after so many outcomes are stored; null for never. */
async function live(of: {
  store: string;
  count: number;
  untilOutcomes: number | null;
  delayMs: number;
}): Promise<void> {
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

/** What a sequential run comes to, against what the store has. */
function judge(store: string, count: number): string[] {
  const wrong: string[] = [];
  const accounts = new Map<string, Account>();
  const expected = new Map<string, string>();
  for (let n = 0; n < count; n += 1) {
    const key = `account-${n % keys}`;
    if (isRefused(n)) {
      expected.set(`paid-${n}`, 'dead-lettered null');
      continue;
    }
    const next = added(accounts.get(key) ?? emptyAccount, n);
    accounts.set(key, next);
    expected.set(`paid-${n}`, `succeeded ${JSON.stringify(next)}`);
  }
  const outcomes = read(store, 'SELECT id, status, result FROM outcomes');
  if (outcomes.length !== count) wrong.push(`${outcomes.length} outcomes, not ${count}`);
  for (const { id, status, result } of outcomes) {
    const found = `${status} ${result}`;
    if (found !== expected.get(id)) wrong.push(`${id} is ${found}, not ${expected.get(id)}`);
  }
  const states = read(store, 'SELECT key, value FROM states');
  if (states.length !== accounts.size) wrong.push(`${states.length} states, not ${accounts.size}`);
  for (const { key, value } of states) {
    const account = JSON.stringify(accounts.get(key));
    if (value !== account) wrong.push(`the state of ${key} is ${value}, not ${account}`);
  }
  return wrong;
}
