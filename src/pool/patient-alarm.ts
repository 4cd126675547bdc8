// A time limit for what takes seconds, that a process which was stopped does not run into: an alarm that is due when
// the process goes on says nothing of what could be done meanwhile.

import type { Clock } from '../clock.js';

const partsMax = 10;

/**
 * Calls back once after `delayMs`, in parts of which a stop of the process can take one; the returned function cancels
 * it.
 */
export function patientAlarm(alarm: Clock['alarm'], delayMs: number, callback: () => void): () => void {
  let parts = 0;
  let cancel = (): void => {};
  const plan = (): void => {
    parts += 1;
    cancel = alarm(delayMs / partsMax, parts === partsMax ? callback : plan);
  };
  plan();
  return () => cancel();
}
