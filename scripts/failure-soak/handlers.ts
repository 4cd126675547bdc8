// The handlers of the soak. Each writes down that an event starts and, if it does, that it ends.

import type { HandlerEvent } from '../../src/handler.js';
import { attemptsMax, fateOf } from './plan.js';
import { openLog } from './thread-log.js';

const log = openLog(process.env['KEYLANE_SOAK_FOLDER'] as string);

function run({ data }: HandlerEvent<{ n: number }>): number {
  const { n } = data;
  log(n, 'start');
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
      log(n, 'end');
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

const patience = { attemptsMax, graceMs: 20, backoffMsMin: 1, backoffMsMax: 20 };
export const policies = { soak: { ...patience, timeoutMs: 400 }, hungry: { ...patience, timeoutMs: 60_000 } };

export default { soak: run, hungry: run };
