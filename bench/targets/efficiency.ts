// T3: of what plain processes compute on the same cores, how much is left when everything is ordered and durable.

import type { Lab } from '../lab.js';
import { cores } from '../machine.js';
import { idealRate, idealRequest } from '../matrix.js';
import { cellOf } from '../plan.js';
import type { TargetVerdict } from '../report.js';
import type { Workload } from '../workloads.js';
import type { TargetPlan } from './judge.js';
import { ratios, shown, verdictOf } from './verdict.js';

const wanted: readonly [Workload, number][] = [
  ['60us', 0.93],
  ['600us', 0.97],
  ['5ms', 0.985],
];

const threads = 2;

export async function judgeEfficiency(lab: Lab, plan: TargetPlan): Promise<TargetVerdict[]> {
  const seconds = plan.isSmoke ? 0.05 : 3;
  const verdicts: TargetVerdict[] = [];
  for (const [workload, atLeast] of wanted) {
    const ideals: number[] = [];
    const rates: number[] = [];
    let cpu = '';
    for (let round = 1; round <= plan.repeats; round += 1) {
      lab.say(`T3: ${workload}, round ${round} of ${plan.repeats}`);
      ideals.push(await idealRate(lab, idealRequest(workload, { processes: threads, seconds })));
      const run = await lab.cell({ spec: cellOf({ workload, threads }, seconds), latency: null });
      rates.push(run.eventsPerSecond);
      const { main, handlers, writer, other } = run.cpuUsPerEvent;
      cpu = `main ${shown(main)}, handlers ${shown(handlers)}, writer ${shown(writer)}, other ${shown(other)}`;
    }
    const what = `efficiency at ${workload}, ${threads} threads on ${cores} cores`;
    const note = `CPU us/event of the last run: ${cpu}`;
    verdicts.push(verdictOf({ target: 'T3', what, note }, { runs: ratios(rates, ideals), atLeast }));
  }
  return verdicts;
}
