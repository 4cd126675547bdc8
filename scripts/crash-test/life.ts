// One life: starts the child, kills it when its plan says so, and tells how it ended. It ends only the process it
// started, by its id.

import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Random } from '../random.js';
import type { Death, LifePlan } from './life-plan.js';

export interface LifeEnd {
  /** Where it was when it died; `done`: it ended by itself, as it should. */
  readonly phase: 'start-up' | 'recovery' | 'steady state' | 'system call' | 'done';
  readonly pending: number;
  readonly suspects: number;
  /** How often events began to wait on disk, and how often none did any more. */
  readonly behind: number;
  readonly inStep: number;
}

/** Longest time until a life is ready; and until one that drains has done everything. */
const lifeMsMax = 60_000;
const drainMsMax = 120_000;
/** Longest wait, from when it was ready, for the call at which a life is to die. */
const callMsMax = 3000;
/** A life that has published everything is of little more use. */
const restMsMax = 60;

const childPath = fileURLToPath(new URL('./child.js', import.meta.url));

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

/** Lives a life to its end. `death` null: it is to end by itself. */
export async function live(
  plan: LifePlan,
  { death, random }: { death: Death | null; random: Random },
): Promise<LifeEnd> {
  const child = start(plan, death);
  const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  const timers = new Set<NodeJS.Timeout>();
  const complaint: string[] = [];
  const told = { pid: 0, isReady: false, pending: 0, suspects: 0, behind: 0, inStep: 0 };
  let [isLate, isKilled] = [false, false];
  const kill = (): void => {
    isKilled = true;
    killLife(child, told.pid);
  };
  const killIn = (ms: number): void => {
    timers.add(setTimeout(kill, ms));
  };
  const lateIn = death === null ? drainMsMax : lifeMsMax;
  const giveUp = (): void => {
    isLate = true;
    kill();
  };
  timers.add(setTimeout(giveUp, lateIn));
  if (death?.at === 'start-up') killIn(death.ms);
  child.stderr.on('data', (chunk) => complaint.push(String(chunk)));
  const lines = createInterface(child.stdout).on('line', (line) => {
    const [what, ...numbers] = line.split(' ');
    if (what === 'pid') told.pid = Number(numbers[0]);
    if (what === 'behind') told.behind += 1;
    if (what === 'in-step') told.inStep += 1;
    if (what === 'ready') {
      Object.assign(told, { isReady: true, pending: Number(numbers[0]), suspects: Number(numbers[1]) });
      if (death?.at === 'recovery' || death?.at === 'steady state') killIn(death.ms);
      if (death?.at === 'system call') killIn(callMsMax);
    }
    if (what === 'published' && death !== null) killIn(random() * restMsMax);
  });
  const [code, signal] = await exited;
  for (const timer of timers) clearTimeout(timer);
  lines.close();
  if (isLate) throw new Error(`life ${plan.life} took longer than ${lateIn / 1000} s\n${complaint.join('')}`);
  const isAsPlanned = death === null ? code === 0 : signal === 'SIGKILL' || code === 137;
  if (!isAsPlanned) throw new Error(`life ${plan.life} ended with ${code ?? signal}\n${complaint.join('')}`);
  const { pending, suspects, behind, inStep } = told;
  return { phase: phaseOf(death, { ...told, isKilled }), pending, suspects, behind, inStep };
}

/** Under a tracer the life is not our own child, and the tracer's end would not be its end; the tracer follows it. */
function killLife(child: Child, pid: number): void {
  if (child.exitCode !== null || child.signalCode !== null) return;
  if (pid === 0 || pid === child.pid) {
    child.kill('SIGKILL');
    return;
  }
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has just died of its call, and the tracer is about to say so.
  }
}

/** `isKilled`: by a timer of ours. A life that was to die at a call may not have got so far. */
function phaseOf(
  death: Death | null,
  told: { isReady: boolean; pending: number; isKilled: boolean },
): LifeEnd['phase'] {
  if (death === null) return 'done';
  if (!told.isKilled) return 'system call';
  if (!told.isReady) return 'start-up';
  return death.at === 'recovery' && told.pending > 0 ? 'recovery' : 'steady state';
}

function start(plan: LifePlan, death: Death | null): Child {
  const command = [process.execPath, childPath, JSON.stringify(plan)];
  if (death?.at === 'system call') command.unshift(...tracer(plan.store, death.n));
  return spawn(command[0]!, command.slice(1), { stdio: ['pipe', 'pipe', 'pipe'] });
}

/** Runs what follows, and kills it as a thread is about to write to the store or wait for the disk, the n-th time. */
function tracer(store: string, n: number): string[] {
  const paths = ['-P', store, '-P', `${store}-wal`];
  const calls = ['-e', 'trace=pwrite64,fdatasync', '-e', `inject=pwrite64,fdatasync:signal=SIGKILL:when=${n}`];
  return ['strace', '-f', '-qq', '-o', '/dev/null', ...paths, ...calls];
}

/** Whether a tracer is there, may trace, and does what is said above. */
export function canKillAtCalls(folder: string): boolean {
  const path = join(folder, 'probe');
  const script = `const fs = require('fs'); fs.writeSync(fs.openSync(${JSON.stringify(path)}, 'a'), 'x', 0)`;
  const [command = '', ...args] = [...tracer(path, 1), process.execPath, '-e', script];
  writeFileSync(path, '');
  return spawnSync(command, args, { stdio: 'ignore' }).signal === 'SIGKILL' && statSync(path).size === 0;
}
