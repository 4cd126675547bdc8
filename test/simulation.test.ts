// Many seeded lives of a whole processor. A seed that fails is printed: run it alone with
// `KEYLANE_SEED=<seed> npm test -- test/simulation.test.ts`.

import { expect, test } from 'vitest';
import { simulate } from './simulation/simulation.js';

const seeds = process.env['KEYLANE_SEED'] === undefined ? 600 : 0;

test('every seeded life keeps order, gives one outcome per event, keeps its limits and settles every promise', async () => {
  for (let seed = 1; seed <= seeds; seed += 1) {
    const wrong = await simulate(seed);
    expect(wrong, `seed ${seed}`).toEqual([]);
  }
});

test.runIf(seeds === 0)('the seed that was asked for', async () => {
  expect(await simulate(Number(process.env['KEYLANE_SEED']))).toEqual([]);
});
