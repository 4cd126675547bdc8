// What the shared-memory marks cost, by which a thread that dies tells the event it died of.

import type { Lab } from '../lab.js';
import type { MarksRun } from '../marks.js';
import { cellOf } from '../plan.js';
import type { TargetVerdict } from '../report.js';
import type { TargetPlan } from './judge.js';
import { shown, verdictOf } from './verdict.js';

export async function judgeMarks(lab: Lab, plan: TargetPlan): Promise<TargetVerdict[]> {
  const argument = { rounds: plan.isSmoke ? 5 : 101 };
  const { withUs, withoutUs } = await lab.run<MarksRun>('marks.js', { argument, name: 'P3 marks' });
  const { eventsPerSecond } = await lab.cell({ spec: cellOf({}, plan.isSmoke ? 0.03 : 1), latency: null });
  const ofThroughput = ((withUs - withoutUs) * eventsPerSecond) / 1e4 / cellOf({}).threads;
  const what = 'marks in shared memory, share of the time of a no-op event in its thread';
  const note =
    `${shown(withUs)} us with them, ${shown(withoutUs)} us without; ` +
    `of a whole processor's throughput at most ${shown(ofThroughput)} %`;
  const runs = [(withUs / withoutUs - 1) * 100];
  return [verdictOf({ target: 'P3 marks', what, note }, { runs, below: 2, unit: '%' })];
}
