// The end of handler threads in good order: `teardown()` in each of them, within a limit. It throws nothing: whatever
// goes wrong is told, and the threads are ended all the same.

import type { Worker } from 'node:worker_threads';
import { KeylaneError } from '../errors.js';
import type { Config } from '../options.js';
import type { PoolAnswer, PoolMessage } from './messages.js';
import type { ThreadRoster } from './thread-roster.js';

/** Has `count` idle threads run `teardown()`, and waits for that for `loadTimeoutMs` at the most. */
export async function tearDown(
  pool: { run(message: PoolMessage): Promise<PoolAnswer> },
  { config, count, onWarning }: { config: Config; count: number; onWarning(error: KeylaneError): void },
): Promise<void> {
  const { loadTimeoutMs } = config;
  const warn = (problem: string): void => onWarning(new KeylaneError('bad-handlers', problem));
  // All of them are idle, so each gets one of the messages.
  const answers = Array.from({ length: count }, () => pool.run({ kind: 'tear-down' }));
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), loadTimeoutMs);
  });
  const tornDown = answers.map(async (coming) => {
    const answer = await coming;
    if (answer.kind === 'failed') warn(answer.reason);
  });
  // A thread that dies meanwhile rejects its answer, and the roster tells of it.
  const end = await Promise.race([late, Promise.allSettled(tornDown)]);
  clearTimeout(timer);
  if (end === 'late') warn(`teardown() did not finish within ${loadTimeoutMs} ms (option loadTimeoutMs)`);
}

/** Ends all threads at once, and resolves when they have exited. */
export async function endThreads(
  pool: { readonly threads: readonly Worker[]; destroy(): Promise<void> },
  roster: ThreadRoster,
): Promise<void> {
  // More than once, as an error that a thread has on its way out makes Piscina start another in its place.
  while (pool.threads.length > 0) {
    roster.follow(pool.threads);
    await roster.allBegun();
    await pool.destroy();
  }
  await roster.allGone();
}

/** Ends one of the threads; Piscina puts another in its place. */
export function endThread(threads: readonly Worker[], threadId: number): void {
  void threads.find((candidate) => candidate.threadId === threadId)?.terminate();
}
