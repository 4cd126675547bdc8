// The end of handler threads in good order: `teardown()` in each of them, within a limit. It throws nothing: whatever
// goes wrong is told, and the threads are ended all the same.

import type { PoolAnswer } from './messages.js';

/** Waits for the threads' answers to a TearDownMessage, for `loadTimeoutMs` at the most. */
export async function tearDown(
  answers: readonly Promise<PoolAnswer>[],
  { loadTimeoutMs, warn }: { loadTimeoutMs: number; warn: (problem: string) => void },
): Promise<void> {
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
