// The state crash test (`npm run crash-test -- --state`): a run whose handlers keep state and emit, killed with SIGKILL at
// random moments, so many times, and then left to end; with `--together` they take several events of a key at once, with
// `--latest` newer events supersede those that wait. What is in the store then is judged by state-judge.ts.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mulberry32 } from '../random.js';
import type { StateLifePlan } from './state-child.js';
import type { StateMode } from './state-handlers.js';
import { countIn, judgeStates } from './state-judge.js';

export interface StateLives {
  readonly folder: string;
  readonly kills: number;
  readonly seed: number;
  readonly mode: StateMode;
}

const eventsPerKill = 60;
/** What is superseded is decided sooner than what runs. */
const eventsPerKillLatest = 300;

/** Gives what is wrong, line by line. */
export async function runStateLives({ folder, kills, seed, mode }: StateLives): Promise<string[]> {
  const store = join(folder, 'state.db');
  const random = mulberry32(seed);
  const count = Math.max(400, kills * (mode.latest ? eventsPerKillLatest : eventsPerKill));
  // With few of them their events wait for one another.
  const keys = mode.together || mode.latest ? 6 : 40;
  const plan = { store, count, keys, mode, log: join(folder, 'state-tries.log') };
  let killed = 0;
  for (let kill = 0; kill < kills; kill += 1) {
    // Each event has an outcome of its own, and some have others by what they emit.
    const outcomes = Math.floor(((kill + random()) / (kills + 1)) * count);
    if (await live(plan, { untilOutcomes: outcomes, delayMs: random() * 5 })) killed += 1;
  }
  await live(plan, { untilOutcomes: null, delayMs: 0 });
  const wrong = judgeStates(plan);
  if (killed < kills) wrong.push(`only ${killed} lives were killed, not ${kills}: the others ended before`);
  return wrong;
}

/** Runs one life, which is killed a moment after so many outcomes are stored; null for never. Says whether it was. */
async function live(
  plan: StateLifePlan,
  { untilOutcomes, delayMs }: { untilOutcomes: number | null; delayMs: number },
): Promise<boolean> {
  const file = fileURLToPath(new URL('./state-child.js', import.meta.url));
  const child = spawn(process.execPath, [file, JSON.stringify(plan)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (chunk) => {
    said += chunk;
  });
  const watch = setInterval(() => {
    if (untilOutcomes === null || countIn(plan.store) <= untilOutcomes) return;
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
