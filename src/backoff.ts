// How long an event waits before its next try: exponential with full jitter, so that events that failed together do not
// come back together. A schedule and nothing else: it keeps no time and runs nothing.

import type { Policy } from './handler.js';

/**
 * Milliseconds to wait after try number `attempt` failed: anything from 0 to `backoffMsMin * 2 ** (attempt - 1)`, but
 * at most `backoffMsMax`, by `random` from 0 to 1.
 */
export function backoffMs(policy: Policy, { attempt, random }: { attempt: number; random: number }): number {
  const boundMs = Math.min(policy.backoffMsMax, policy.backoffMsMin * 2 ** Math.min(attempt - 1, 40));
  return random * boundMs;
}
