// What fan-out, listeners and receipts cost those who do not use them: no-op events with the handlers as a list instead of
// a map, beside a listener that no event is for, and published one by one for receipts that nobody asks, each in turns
// with an ordinary processor of the same process; and two that are equal, for what such a figure is worth.

import type { AlternatingRequest, AlternatingRun } from '../alternating.js';
import { type Lab, repeated } from '../lab.js';
import { cellOf } from '../plan.js';
import type { TargetVerdict } from '../report.js';
import { median } from '../sample.js';
import type { Variant } from '../variant.js';
import type { TargetPlan } from './judge.js';
import { shown, verdictOf } from './verdict.js';

const variants: readonly { readonly variant: Variant; readonly what: string }[] = [
  { variant: 'listed', what: 'handlers as a list, of which one takes each event, over a map' },
  { variant: 'listening', what: 'a listener that no event is for, over none' },
  { variant: 'receipts', what: 'published one by one for receipts that nobody asks, over publishMany' },
];

/** All that these features do is done by the main thread; the whole event is what it costs all threads. */
const atMost = 1.05;

export async function judgeUnused(lab: Lab, plan: TargetPlan): Promise<TargetVerdict[]> {
  const runsOf = async (variant: Variant): Promise<AlternatingRun[]> =>
    repeated(plan.isSmoke ? 1 : plan.repeats, () => alternating(lab, variant, plan));
  const equal = (await runsOf('ordinary')).map(withExtra);
  const verdicts: TargetVerdict[] = [];
  for (const { variant, what } of variants) {
    const runs = await runsOf(variant);
    const all = median(runs.map(({ having, ordinary }) => having.all / ordinary.all));
    const note = `two that are equal ${rangeOf(equal)}; CPU of all threads, garbage collection included, ${shown(all)}`;
    const judged = { target: 'unused', what: `CPU of an event with what the main thread does more, ${what}`, note };
    verdicts.push(verdictOf(judged, { runs: runs.map(withExtra), atMost }));
  }
  return verdicts;
}

async function alternating(lab: Lab, variant: Variant, { isSmoke }: TargetPlan): Promise<AlternatingRun> {
  lab.say(`unused: ${variant}, in turns with ordinary`);
  const argument: AlternatingRequest = isSmoke
    ? { spec: cellOf({ events: 100 }), variant, rounds: 1 }
    : { spec: cellOf({ events: 5000 }), variant, rounds: 50 };
  return lab.run<AlternatingRun>('alternating.js', { argument, name: `unused ${variant}` });
}

/** The CPU of an event, with what its variant costs the main thread more, over that of an ordinary one. */
function withExtra({ ordinary, having }: AlternatingRun): number {
  return 1 + (having.main - ordinary.main) / ordinary.all;
}

function rangeOf(figures: readonly number[]): string {
  return `${shown(Math.min(...figures))} to ${shown(Math.max(...figures))}`;
}
