// The signal of a try, at the moments at which an abort could slip by it.

import { once } from 'node:events';
import { expect, test } from 'vitest';
import { abortFlag, Progress } from '../dist/src/pool/progress.js';
import { AbortNews, TryContext } from '../dist/src/pool/try-context.js';

test.each(['asked for', 'woken'])(
  'an abort right after the look at its flag as it is %s reaches the signal',
  async (moment) => {
    const place = Progress.ofPlaces(1, { batchSizeMax: 4 }).place(0);
    place.reset(4);
    const thread = { news: new AbortNews(1), emitter: null as never };
    const context = new TryContext('a', { reader: { attempt: 1 }, place, index: 0 }, thread);
    const look = place.flagOf.bind(place);
    let isArmed = moment === 'asked for';
    place.flagOf = (index) => {
      const flag = look(index);
      if (isArmed) {
        isArmed = false;
        place.abort(0, abortFlag.timedOut);
      }
      return flag;
    };
    const { signal } = context;
    const aborted = signal.aborted ? null : once(signal, 'abort');
    if (moment === 'woken') {
      isArmed = true;
      // The abort of another event of the batch wakes whoever listens to this place.
      place.abort(1, abortFlag.cancelled);
    }
    await aborted;
    expect(context.aborted).toBe(true);
    expect(signal.aborted).toBe(true);
  },
);
