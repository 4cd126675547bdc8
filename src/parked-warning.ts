// Says once that very many keys are stopped: each of them stays in memory, where new events must find it stopped, and
// nothing bounds how many a handler stops.

import { KeylaneError } from './errors.js';

/** From so many on: about 100 MB. */
const lanesMax = 100_000;

/** Gives what is told how many lanes are parked whenever it has changed. */
export function warnsOfParked(onWarning: (error: KeylaneError) => void): (lanes: number) => void {
  let isTold = false;
  return (lanes) => {
    if (isTold || lanes < lanesMax) return;
    isTold = true;
    const what = `${lanes} keys are parked, each with about a kilobyte of memory`;
    onWarning(new KeylaneError('many-parked', `${what}: redrive or discard their dead letters`));
  };
}
