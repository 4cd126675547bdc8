// What state costs: a handler that keeps 200 bytes for each of 1,000 keys beside one that keeps none, whole cells in turns;
// one that keeps none in a module with one that does; and a million keys that do not fit into memory.

import type { CellRun } from '../cell.js';
import type { ColdKeysRun } from '../cold-keys.js';
import type { Lab } from '../lab.js';
import { cellOf } from '../plan.js';
import type { TargetVerdict } from '../report.js';
import type { Variant } from '../variant.js';
import type { TargetPlan } from './judge.js';
import { cellPairs } from './pairs.js';
import { ratios, shown, verdictOf } from './verdict.js';

const variants: readonly { readonly variant: Variant; readonly what: string; readonly atLeast: number }[] = [
  { variant: 'stateful', what: 'no-op throughput with 200 B of state at 1,000 keys, over none', atLeast: 0.75 },
  {
    variant: 'beside-state',
    what: 'no-op throughput of a handler without state beside one with, over none',
    atLeast: 0.95,
  },
];

/** Keys of which there are four times as many; memory is bounded if it hardly grows with them. */
const keysMost = 1_000_000;
const growthMax = 1.5;

export async function judgeState(lab: Lab, plan: TargetPlan): Promise<TargetVerdict[]> {
  // As long as those of what is unused: shorter ones differ by more than they are to tell apart.
  const spec = cellOf({}, plan.isSmoke ? 0.03 : 1.8);
  const verdicts: TargetVerdict[] = [];
  for (const { variant, what, atLeast } of variants) {
    const pairs = plan.isSmoke ? 1 : plan.repeats;
    const { without, having } = await cellPairs(lab, { name: 'state', spec, variant, pairs });
    verdicts.push(verdictOf({ target: 'state', what }, { runs: ratios(having.map(rate), without.map(rate)), atLeast }));
  }
  return [...verdicts, await coldKeys(lab, plan)];
}

async function coldKeys(lab: Lab, plan: TargetPlan): Promise<TargetVerdict> {
  const most = plan.isSmoke ? 4000 : keysMost;
  const run = async (keys: number): Promise<ColdKeysRun> => {
    lab.say(`state: ${keys.toLocaleString('en-US')} cold keys`);
    return lab.run<ColdKeysRun>('cold-keys.js', { argument: { keys }, name: 'cold keys' });
  };
  const [few, many] = [await run(most / 4), await run(most)];
  const what = `RSS above idle with ${most.toLocaleString('en-US')} keys that have state, over a quarter of them`;
  const [mega, kilo] = [(bytes: number) => shown(bytes / 1e6), (count: number) => shown(count / 1000)];
  const memory = `${mega(few.rssGrowthBytes)} and ${mega(many.rssGrowthBytes)} MB`;
  const note = `${memory}; ${kilo(many.newPerSecond)} k events/s of new keys, ${kilo(many.coldPerSecond)} k of cold ones`;
  const runs = [many.rssGrowthBytes / few.rssGrowthBytes];
  return verdictOf({ target: 'state', what, note }, { runs, atMost: growthMax });
}

function rate({ eventsPerSecond }: CellRun): number {
  return eventsPerSecond;
}
