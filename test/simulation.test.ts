// Many seeded lives of a whole processor. A seed that fails is printed: run it alone with
// `KEYLANE_SEED=<seed> npm test -- test/simulation.test.ts`.

import { expect, test } from 'vitest';
import { sized } from './long-form.js';
import { simulate } from './simulation/simulation.js';

const asked = process.env['KEYLANE_SEED'];
/** Several tests, so that the time limit of each holds on a machine that is busy. */
const tests =
  asked === undefined
    ? Array.from({ length: sized({ short: 2, long: 60 }) }, (_, index) => ({
        first: 1 + index * 50,
        last: (index + 1) * 50,
      }))
    : [{ first: Number(asked), last: Number(asked) }];

test.each(tests)(
  'every seeded life from $first to $last keeps order, gives one outcome per event, keeps its limits and settles every ' +
    'promise',
  async ({ first, last }) => {
    let [superseded, together] = [0, 0];
    for (let seed = first; seed <= last; seed += 1) {
      const came = await simulate(seed);
      expect(came.wrong, `seed ${seed}`).toEqual([]);
      superseded += came.superseded;
      together += came.together;
    }
    // Or it has not tested them.
    if (first < last) expect(Math.min(superseded, together)).toBeGreaterThan(0);
  },
  120_000,
);
