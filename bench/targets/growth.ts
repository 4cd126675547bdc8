// T8: a store that has grown takes outcomes as fast as one that has not, and a million events that are owed their
// outcomes after an unclean end begin to run at once, in bounded memory.

import type { BacklogRecovered } from '../backlog.js';
import type { GrowthRun } from '../growth.js';
import type { Lab } from '../lab.js';
import { repeated } from '../lab.js';
import type { TargetVerdict } from '../report.js';
import type { TargetPlan } from './judge.js';
import { verdictOf } from './verdict.js';

/** The heaps of all threads grow to their working size here, as they do without a backlog. */
const recoveryBytesMax = 256_000_000;

/**
 * The part of the rows over which a rate is taken. A checkpoint comes every 300,000 rows or so and makes those beside it
 * a third slower: a window of half of that has one or none, by chance.
 */
const windowShare = 1 / 4;

export async function judgeGrowth(lab: Lab, plan: TargetPlan): Promise<TargetVerdict[]> {
  const large = plan.isSmoke ? 50_000 : plan.isFull ? 10_000_000 : 3_000_000;
  const small = Math.min(100_000, Math.ceil(large / 30));
  const window = Math.ceil(large * windowShare);
  lab.say(`T8: ${large.toLocaleString('en-US')} rows`);
  const ratio = async (): Promise<number> => {
    const argument = { small, large, window };
    const { rateSmall, rateLarge } = await lab.run<GrowthRun>('growth.js', { argument, name: 'T8' });
    return rateLarge / rateSmall;
  };
  const rates = await repeated(plan.isFull ? plan.repeats : 2, ratio);
  const events = plan.isSmoke ? 5000 : 1_000_000;
  lab.say(`T8: recovery of ${events.toLocaleString('en-US')} events`);
  const name = 'T8 recovery';
  const recovered = await lab.run<BacklogRecovered>('backlog.js', { argument: { events, isRecovered: true }, name });
  const rows = (count: number): string => count.toLocaleString('en-US');
  const first = `${rows(small)} to ${rows(small + window)}`;
  const what = `insert rate of rows ${rows(large - window)} to ${rows(large)} over that of rows ${first}`;
  const note = plan.isFull ? null : 'the target speaks of 10,000,000 rows: --full has them';
  const of = `recovery of ${events.toLocaleString('en-US')} pending events`;
  return [
    verdictOf({ target: 'T8', what, note }, { runs: rates, atLeast: 0.9 }),
    verdictOf(
      { target: 'T8', what: `${of}, first dispatch` },
      { runs: [recovered.firstDispatchMs], below: 2000, unit: 'ms' },
    ),
    verdictOf(
      { target: 'T8', what: `${of}, RSS above idle` },
      { runs: [recovered.rssGrowthBytes / 1e6], below: recoveryBytesMax / 1e6, unit: 'MB' },
    ),
  ];
}
