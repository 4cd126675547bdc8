// `npm run crash-test`: a client and its processor, killed with SIGKILL again and again, at random times and at writes
// to the store; then another process judges the store by what was logged outside of it. Two stores are worked on side
// by side. `-- --kills n --seed n --durability process|power --events-max n` changes the run, `--keep folder` leaves
// store and logs there; without a durability each life draws its own. `-- --state`, `--together` and `--latest` are another
// test: see state-lives.ts.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { JudgeRequest, Verdict } from './judge.js';
import { canKillAtCalls, type LifeEnd } from './life.js';
import { runStateLives } from './state-lives.js';
import { StoreLives } from './store-lives.js';

const { values } = parseArgs({
  options: {
    kills: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    durability: { type: 'string' },
    keep: { type: 'string' },
    state: { type: 'boolean', default: false },
    together: { type: 'boolean', default: false },
    latest: { type: 'boolean', default: false },
    'events-max': { type: 'string', default: '1000' },
  },
});
const { together, latest } = values;
const isOfStates = values.state || together || latest;
values.kills ??= isOfStates ? '100' : '200';
const kills = numberFrom('kills', { min: 2, max: 20_000 });
const seed = numberFrom('seed', { min: 0, max: 0xffff_ffff });
const eventsMax = numberFrom('events-max', { min: 21, max: 50_000 });
const durability = durabilityFrom(values.durability);
const storeCount = 2;

const startedMs = performance.now();
const ends = new Map<LifeEnd['phase'], number>();
const seen = { recovering: 0, suspects: 0, behind: 0, inStep: 0 };
const folder = values.keep ?? mkdtempSync(join(tmpdir(), 'keylane-crash-'));
const giveUp = new AbortController();
// The lives end with this process: the pipes that it holds do.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    removeFolder();
    process.exit(1);
  });
}
try {
  mkdirSync(folder, { recursive: true });
  if (isOfStates) await stateLives();
  else await lives();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  if (process.exitCode === 1) console.error(`failed with seed ${seed}`);
  removeFolder();
}

async function stateLives(): Promise<void> {
  const how = `${together ? ', of several events at once' : ''}${latest ? ', of the newest events only' : ''}`;
  console.log(`${kills} kills of a run with state${how}, seed ${seed}`);
  const wrong = await runStateLives({ folder, kills, seed, mode: { together, latest } });
  for (const line of wrong.slice(0, 20)) console.error(line);
  console.log(
    `${kills} kills, ${wrong.length} things wrong in ${((performance.now() - startedMs) / 1000).toFixed(0)} s`,
  );
  if (wrong.length > 0) process.exitCode = 1;
}

async function lives(): Promise<void> {
  console.log(`${kills} kills, seed ${seed}, durability ${durability ?? 'by turns'}, up to ${eventsMax} events a life`);
  const atCalls = canKillAtCalls(folder);
  if (!atCalls) console.log('crash points at system calls skipped: strace is not there, or may not trace here');
  const running = Array.from({ length: storeCount }, (_, index) => runStore(index, atCalls));
  for (const store of running) store.catch((error) => giveUp.abort(error));
  await Promise.allSettled(running);
  report(await Promise.all(running));
}

function removeFolder(): void {
  if (values.keep === undefined) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}

async function runStore(index: number, atCalls: boolean): Promise<Verdict> {
  const own = join(folder, `store-${index}`);
  mkdirSync(own, { recursive: true });
  const share = Math.floor(kills / storeCount) + (index < kills % storeCount ? 1 : 0);
  const lines = Math.min(50 * share, 20_000);
  const request = { folder: own, seed: seed * storeCount + index, lines, lives: share + 1 };
  const lives = new StoreLives({
    ...{ ...request, kills: share, atCalls, limits: { eventsMax, durability }, signal: giveUp.signal },
    onEnd: ({ phase, pending, suspects, behind, inStep }) => {
      ends.set(phase, (ends.get(phase) ?? 0) + 1);
      seen.recovering += pending > 0 ? 1 : 0;
      seen.suspects += suspects;
      seen.behind += behind;
      seen.inStep += inStep;
    },
  });
  await lives.run();
  return judge({ ...request, store: lives.store });
}

/** In a process of its own, which reads nothing but the store and the logs. */
async function judge(request: JudgeRequest): Promise<Verdict> {
  const path = fileURLToPath(new URL('./judge.js', import.meta.url));
  const child = spawn(process.execPath, [path, JSON.stringify(request)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`the judge ended with ${code}`);
  return JSON.parse(text) as Verdict;
}

function report(verdicts: readonly Verdict[]): void {
  const sum = (count: (verdict: Verdict) => number): number => verdicts.reduce((all, one) => all + count(one), 0);
  const at = (['start-up', 'recovery', 'steady state', 'system call'] as const).map(
    (phase) => `${ends.get(phase) ?? 0} ${phase}`,
  );
  const { recovering, suspects, behind, inStep } = seen;
  console.log(`killed: ${at.join(', ')}; lives that began with events owed: ${recovering}, suspects: ${suspects}`);
  console.log(`memory was full and events waited on disk ${behind} times, none did any more ${inStep} times`);
  console.log(`lives ${kills + storeCount}, accepted ${sum((v) => v.accepted)}, lines ${sum((v) => v.lines)}`);
  console.log(`outcomes ${sum((v) => v.outcomes)}, tries ${sum((v) => v.tries)}`);
  const wrong = { lost: 0, duplicates: 0, 'out of order': 0, 'wrong otherwise': 0 };
  for (const { lost, duplicates, outOfOrder, other } of verdicts) {
    wrong.lost += lost;
    wrong.duplicates += duplicates;
    wrong['out of order'] += outOfOrder;
    wrong['wrong otherwise'] += other;
  }
  for (const what of verdicts.flatMap(({ examples }) => examples)) console.error(what);
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  const counts = Object.entries(wrong).map(([what, count]) => `${what} ${count}`);
  console.log(`${counts.join(', ')}; ${seconds} s`);
  if (Object.values(wrong).some((count) => count > 0)) process.exitCode = 1;
}

function numberFrom(name: 'kills' | 'seed' | 'events-max', { min, max }: { min: number; max: number }): number {
  const value = Number(values[name]);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new Error(`--${name} must be a whole number from ${min} to ${max}, got "${values[name]}"`);
}

function durabilityFrom(value: string | undefined): 'process' | 'power' | null {
  if (value === undefined || value === 'process' || value === 'power') return value ?? null;
  throw new Error(`--durability must be "process" or "power", got "${value}"`);
}
