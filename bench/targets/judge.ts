// `npm run bench -- --targets`: each target of the project with its figure and its verdict, all figures of a target from
// the same run of the same machine. `--full` takes the sizes that do not fit into a quarter of an hour.

import type { Lab } from '../lab.js';
import type { TargetVerdict } from '../report.js';
import { judgeEfficiency } from './efficiency.js';
import { judgeGrowth } from './growth.js';
import { judgeLatency } from './latency.js';
import { judgeMainThread } from './main-thread.js';
import { judgeMarks } from './marks.js';
import { judgeMemory } from './memory.js';
import { judgeOldBus } from './old-bus.js';
import { judgeSkew } from './skew.js';
import { judgeStart } from './start.js';
import { judgeState } from './state.js';
import { judgeThroughput } from './throughput.js';
import { judgeUnused } from './unused.js';
import { verdictText } from './verdict.js';

/** How large the experiments are. */
export interface TargetPlan {
  readonly repeats: number;
  readonly isFull: boolean;
  /** Only to see that it runs: the verdicts mean nothing. */
  readonly isSmoke: boolean;
  /** Which of them, as `targetNames` has them; null for all but those that run only when they are named. */
  readonly names: readonly string[] | null;
}

/** What is judged together, by its name. */
const judges: Readonly<Record<string, (lab: Lab, plan: TargetPlan) => Promise<TargetVerdict[]>>> = {
  ...{ T1: judgeThroughput, T3: judgeEfficiency, T4: judgeMainThread, T5: judgeLatency, T6: judgeMemory },
  ...{ T7: judgeSkew, T8: judgeGrowth, T9: judgeStart, P7: judgeMarks },
  ...{ 'old-bus': judgeOldBus, unused: judgeUnused, state: judgeState },
};

/** T2 is judged with T1. */
export const targetNames = Object.keys(judges);

/** What runs only when it is named: with these, all would take longer than a quarter of an hour. */
const onlyNamed: readonly string[] = ['unused', 'state'];

export async function judgeTargets(lab: Lab, plan: TargetPlan): Promise<TargetVerdict[]> {
  const verdicts: TargetVerdict[] = [];
  const all = plan.isSmoke ? targetNames : targetNames.filter((name) => !onlyNamed.includes(name));
  for (const name of plan.names ?? all) {
    lab.say(name);
    const judged = await judges[name]!(lab, plan);
    // Told at once: who ends a long run early has what came before.
    for (const verdict of judged) for (const line of verdictText(verdict).split('\n')) lab.say(line);
    verdicts.push(...judged);
  }
  return verdicts;
}
