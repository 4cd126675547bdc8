// T5: from publish to durable outcome, one event at a time, and at 70 % of the throughput.

import type { Lab } from '../lab.js';
import { cellOf } from '../plan.js';
import type { TargetVerdict } from '../report.js';
import type { TargetPlan } from './judge.js';
import { verdictOf } from './verdict.js';

export async function judgeLatency(lab: Lab, plan: TargetPlan): Promise<TargetVerdict[]> {
  const alone = { p50: [] as number[], p99: [] as number[] };
  const loaded: number[] = [];
  const events = plan.isSmoke ? 500 : 20_000;
  const count = plan.isSmoke ? 50 : 2000;
  const seconds = plan.isSmoke ? 0.1 : 2;
  for (let round = 1; round <= plan.repeats; round += 1) {
    lab.say(`T5: round ${round} of ${plan.repeats}`);
    const oneByOne = await lab.cell({ spec: cellOf({ events }), latency: { kind: 'one-by-one', count } });
    alone.p50.push(oneByOne.latencyMs?.p50 ?? Number.NaN);
    alone.p99.push(oneByOne.latencyMs?.p99 ?? Number.NaN);
    const spec = cellOf({ workload: '600us' }, seconds);
    const run = await lab.cell({ spec, latency: { kind: 'share', share: 0.7, seconds } });
    loaded.push(run.latencyMs?.p99 ?? Number.NaN);
  }
  const what = 'publish to durable outcome, one event at a time';
  return [
    verdictOf({ target: 'T5', what: `${what}, p50` }, { runs: alone.p50, atMost: 1, unit: 'ms' }),
    verdictOf({ target: 'T5', what: `${what}, p99` }, { runs: alone.p99, atMost: 5, unit: 'ms' }),
    verdictOf({ target: 'T5', what: '600us at 70 % load, p99' }, { runs: loaded, atMost: 25, unit: 'ms' }),
  ];
}
