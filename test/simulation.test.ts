// Many seeded lives of a whole processor. A seed that fails is printed: run it alone with
// `KEYLANE_SEED=<seed> npm test -- test/simulation.test.ts`.

import { expect, test } from 'vitest';
import { sized } from './long-form.js';
import { simulate } from './simulation/simulation.js';

const asked = process.env['KEYLANE_SEED'];
/** As many as find every fault that `npm run mutants` plants, where that asks for them. */
const seeds = Number(process.env['KEYLANE_SEEDS'] ?? sized({ short: 40, long: 3_000 }));
/** Several tests, so that the time limit of each holds on a machine that is busy. */
const each = 30;
const tests =
  asked === undefined
    ? Array.from({ length: Math.ceil(seeds / each) }, (_, index) => ({
        first: 1 + index * each,
        last: Math.min(seeds, (index + 1) * each),
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
