// The handlers of the soak. Each event that ends well says so in a file of its thread, which survives the thread.

import { openSync, writeSync } from 'node:fs';
import { threadId } from 'node:worker_threads';
import type { HandlerEvent } from '../../src/handler.js';
import { fateOf } from './plan.js';

const ends = openSync(`${process.env['KEYLANE_SOAK_FOLDER']}/ends-${threadId}`, 'a');
const record = new Float64Array(1);

function soak({ data }: HandlerEvent<{ n: number }>): number {
  const { n } = data;
  switch (fateOf(n)) {
    case 'throws':
      throw new RangeError('thrown on purpose');
    case 'loops':
      return spin();
    case 'exits':
      return process.exit(7);
    case 'exhausts':
      return exhaust();
    default:
      record[0] = n;
      writeSync(ends, record);
      return n;
  }
}

function spin(): never {
  for (;;);
}

/** Small objects, as a single huge array would end the whole process. */
function exhaust(): never {
  const hold: object[][] = [];
  for (;;) hold.push(Array.from({ length: 1000 }, (_, index) => ({ index, text: `${index}` })));
}

export const policies = { soak: { attemptsMax: 2, timeoutMs: 800, graceMs: 20, backoffMsMin: 1, backoffMsMax: 20 } };

export default { soak };
