// Many seeded lives of a whole processor. A seed that fails is printed: run it alone with
// `KEYLANE_SEED=<seed> npm test -- test/simulation.test.ts`.

import { expect, test } from 'vitest';
import { simulate } from './simulation/simulation.js';

const asked = process.env['KEYLANE_SEED'];
const seeds = asked === undefined ? Array.from({ length: 500 }, (_, index) => index + 1) : [Number(asked)];

test('every seeded life keeps order, gives one outcome per event, keeps its limits and settles every promise', async () => {
  for (const seed of seeds) {
    const wrong = await simulate(seed);
    expect(wrong, `seed ${seed}`).toEqual([]);
  }
}, 90_000);
