// The end of handler threads in good order: `teardown()` in each of them, within a limit. It throws nothing: whatever
// goes wrong is told, and the threads are ended all the same.

import { KeylaneError } from '../errors.js';
import type { Config } from '../options.js';
import type { Machine, MachineThread, MachineThreads } from './machine.js';
import type { PoolAnswer, PoolMessage } from './messages.js';
import { patientAlarm } from './patient-alarm.js';
import type { ThreadRoster } from './thread-roster.js';

/** Has `count` idle threads run `teardown()`, and waits for that for `loadTimeoutMs` at the most. */
export async function tearDown(
  pool: { run(message: PoolMessage): Promise<PoolAnswer> },
  of: { config: Config; machine: Machine; count: number; onWarning(error: KeylaneError): void },
): Promise<void> {
  const { machine, count, onWarning } = of;
  const { loadTimeoutMs } = of.config;
  const warn = (problem: string): void => onWarning(new KeylaneError('bad-handlers', problem));
  // All of them are idle, so each gets one of the messages.
  const answers = Array.from({ length: count }, () => pool.run({ kind: 'tear-down' }));
  let cancelAlarm = (): void => {};
  const late = new Promise<'late'>((resolve) => {
    cancelAlarm = patientAlarm(machine.alarm, loadTimeoutMs, () => resolve('late'));
  });
  const tornDown = answers.map(async (coming) => {
    const answer = await coming;
    if (answer.kind === 'failed') warn(answer.reason);
  });
  // A thread that dies meanwhile rejects its answer, and the roster tells of it.
  const end = await Promise.race([late, Promise.allSettled(tornDown)]);
  cancelAlarm();
  if (end === 'late') warn(`teardown() did not finish within ${loadTimeoutMs} ms (option loadTimeoutMs)`);
}

/** Ends all threads at once, and resolves when they have exited. */
export async function endThreads(
  pool: Pick<MachineThreads, 'threads' | 'destroy'>,
  roster: ThreadRoster,
): Promise<void> {
  // More than once: one that Piscina has given up before, or that has an error on its way out, makes it start others in
  // its place when it exits.
  for (;;) {
    roster.follow(pool.threads);
    if (roster.startingCount > 0) await roster.allBegun();
    else if (pool.threads.length > 0) await pool.destroy();
    else if (roster.isEmpty) return;
    else await roster.nextExit();
  }
}

/** Ends one of the threads; Piscina puts another in its place. */
export function endThread(threads: readonly MachineThread[], threadId: number): void {
  void threads.find((candidate) => candidate.threadId === threadId)?.terminate();
}

/** How long the event loop of one of the threads has waited so far; 0 when it is gone. */
export function idleMsOf(threads: readonly MachineThread[], threadId: number): number {
  const thread = threads.find((candidate) => candidate.threadId === threadId);
  return thread?.performance.eventLoopUtilization().idle ?? 0;
}
