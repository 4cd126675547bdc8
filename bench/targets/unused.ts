// What fan-out, listeners and receipts cost those who do not use them: whole cells of no-op events with the handlers as a
// list instead of a map, beside a listener that no event is for, and published one by one for receipts that nobody asks,
// each in turns with an ordinary cell.

import type { CellRun, CellVariant } from '../cell.js';
import type { Lab } from '../lab.js';
import { cellOf } from '../plan.js';
import type { TargetVerdict } from '../report.js';
import type { TargetPlan } from './judge.js';
import { cellPairs } from './pairs.js';
import { ratios, verdictOf } from './verdict.js';

const variants: readonly { readonly variant: CellVariant; readonly what: string }[] = [
  { variant: 'listed', what: 'handlers as a list, of which one takes each event, over a map' },
  { variant: 'listening', what: 'a listener that no event is for, over none' },
  { variant: 'receipts', what: 'published one by one for receipts that nobody asks, over publishMany' },
];

/** Two runs of one cell differ by as much. */
const noise = 1.05;

export async function judgeUnused(lab: Lab, plan: TargetPlan): Promise<TargetVerdict[]> {
  // Three times as long as others: two cells of a second differ by more than what is to be told apart here.
  const spec = cellOf({}, plan.isSmoke ? 0.03 : 1.8);
  const verdicts: TargetVerdict[] = [];
  for (const { variant, what } of variants) {
    const pairs = plan.isSmoke ? 1 : plan.repeats;
    const { without, having } = await cellPairs(lab, { name: 'unused', spec, variant, pairs });
    const judged = { target: 'unused', what: `CPU of an event, ${what}` };
    verdicts.push(verdictOf(judged, { runs: ratios(having.map(cpuUs), without.map(cpuUs)), atMost: noise }));
  }
  return verdicts;
}

function cpuUs({ cpuUsPerEvent: { main, handlers, writer, other } }: CellRun): number {
  return main + handlers + writer + other;
}
