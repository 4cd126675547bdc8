// The acceptance run of the Python event bus that keylane succeeds, on this one: 1,000 events whose handler takes 1.73 ms,
// each stored with its outcome, beside the time that bus has published for itself and beside plain processes.

import type { CellRun } from '../cell.js';
import type { Lab } from '../lab.js';
import { cores } from '../machine.js';
import { idealRate, idealRequest } from '../matrix.js';
import { cellOf } from '../plan.js';
import type { TargetVerdict } from '../report.js';
import { median } from '../sample.js';
import type { TargetPlan } from './judge.js';
import { shown, verdictOf } from './verdict.js';

const workload = '1.73ms';
const publishedSeconds = 2.04;
const publishedGrowthMb = 1.12;

/** Its bound is far off: more rounds would only take time from other targets. */
const roundsMax = 3;

/** What it asked of itself. */
const acceptedSeconds = 5;

export async function judgeOldBus(lab: Lab, plan: TargetPlan): Promise<TargetVerdict[]> {
  const events = plan.isSmoke ? 50 : 1000;
  const rounds = Math.min(plan.repeats, roundsMax);
  const verdicts: TargetVerdict[] = [];
  for (const threads of plan.isSmoke ? [1] : [1, 2, 4]) {
    const spec = cellOf({ workload, threads, events, intake: 'journal', durability: 'power' });
    const runs: CellRun[] = [];
    const ideals: number[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      lab.say(`old bus: ${threads} threads, round ${round} of ${rounds}`);
      const processes = Math.min(threads, cores);
      ideals.push(
        events / (await idealRate(lab, idealRequest(workload, { processes, seconds: plan.isSmoke ? 0.05 : 1 }))),
      );
      runs.push(await lab.cell({ spec, latency: null }));
    }
    const growth = median(runs.map(({ rssGrowthBytes }) => rssGrowthBytes / 1e6));
    const note =
      `its own: ${publishedSeconds} s with one thread, memory grown by ${publishedGrowthMb} MB; ` +
      `plain processes here: ${shown(median(ideals))} s; memory grown by ${shown(growth)} MB`;
    const what = `${events.toLocaleString('en-US')} events of 1.73 ms, ${threads} threads on ${cores} cores`;
    const seconds = runs.map(({ eventsPerSecond }) => events / eventsPerSecond);
    verdicts.push(verdictOf({ target: 'old bus', what, note }, { runs: seconds, atMost: acceptedSeconds, unit: 's' }));
  }
  return verdicts;
}
