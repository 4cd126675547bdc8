// The handler of the power test: a little work, and a result that tells which event it came from.

import { defineHandlers, type HandlerEvent } from '../../src/index.js';

/** What an event of the power test holds: the life of the publisher it comes from, and its number in that life. */
export interface Payload {
  readonly life: number;
  readonly n: number;
  readonly padding: string;
}

export default defineHandlers({
  work: (event: HandlerEvent<Payload>) => ({ life: event.data.life, n: event.data.n }),
});
