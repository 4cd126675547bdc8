// The handler of the kill test: about 50 us of fixed work, and a result that tells which record it came from.

import { defineHandlers, type HandlerEvent } from '../../src/index.js';

export interface Line {
  readonly n: number;
  readonly account: string;
}

/** What the handler must give for record n: a pure function, so that the judge can tell. */
export function digest(n: number): number {
  let hash = n | 0;
  for (let round = 0; round < 40_000; round += 1) hash = (Math.imul(hash ^ round, 0x01000193) + 1) | 0;
  return hash;
}

export default defineHandlers({
  payment: (event: HandlerEvent<Line>) => ({ n: event.data.n, digest: digest(event.data.n) }),
});
