// The handlers of the bench. Each gives back its event's number, so that a run can be checked by a sum.

import { defineHandlers, type HandlerEvent } from '../src/index.js';

/** About 100 bytes when encoded. */
export interface Payload {
  readonly n: number;
  readonly padding: string;
}

export default defineHandlers({
  'no-op': (event: HandlerEvent<Payload>) => event.data.n,
});
