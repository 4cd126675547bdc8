// `npm run bench:micro`: what single steps of an event's way cost, by mitata. For comparing two versions of one step on
// one machine; the figures that count are those of `npm run bench`. With `--smoke` each step is run three times and
// nothing is measured.

import { bench, do_not_optimize, run, summary } from 'mitata';
import { dispatchSteps } from './micro/dispatch-steps.js';
import { messageSteps } from './micro/message-steps.js';
import { storeSteps } from './micro/store-steps.js';

/** Each gives something that depends on its work, by the name of the step; all take 1,000 events. */
const steps = { ...dispatchSteps(), ...messageSteps(), ...storeSteps() };

if (process.argv.includes('--smoke')) {
  const smokeRuns = 3;
  for (const [name, step] of Object.entries(steps)) {
    const found = Array.from({ length: smokeRuns }, step);
    if (found.some((value) => !(value > 0))) throw new Error(`"${name}" gave ${found.join(', ')}`);
  }
  console.log(`${Object.keys(steps).length} steps of 1,000 events run.`);
} else {
  summary(() => {
    for (const [name, step] of Object.entries(steps)) {
      bench(`${name}, 1,000 events`, () => do_not_optimize(step()));
    }
  });
  await run();
}
