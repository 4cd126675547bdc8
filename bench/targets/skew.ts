// T7: keys that are far from even. Lanes take whatever thread is free, so that a hot key holds up itself and nobody
// else; a hash of the key would tie others to the thread of the hot one.

import type { Lab } from '../lab.js';
import { cellOf } from '../plan.js';
import type { CellSpec, TargetVerdict } from '../report.js';
import type { TargetPlan } from './judge.js';
import { peerRate } from './peer.js';
import { ratios, verdictOf } from './verdict.js';

const workload = '60us';

/** Times a p99 may be of the one without a hot key: two runs of the same cell differ by less. */
const unhurtMax = 1.5;

export async function judgeSkew(lab: Lab, plan: TargetPlan): Promise<TargetVerdict[]> {
  const seconds = plan.isSmoke ? 0.05 : 1.5;
  const zipf = await raced(lab, plan, cellOf({ workload, keys: 'zipf' }, seconds));
  const oneHot = await raced(lab, plan, cellOf({ workload, keys: 'one-hot' }, seconds));
  return [
    leadVerdict(zipf, { what: `${workload}, Zipf(1.1) keys, over hash-sharded`, atLeast: 1.3 }),
    leadVerdict(oneHot, { what: `${workload}, one key with half of the events, over hash-sharded`, atLeast: 1 }),
    await otherKeys(lab, plan, seconds),
  ];
}

interface Race {
  readonly own: readonly number[];
  readonly peer: readonly number[];
}

async function raced(lab: Lab, plan: TargetPlan, spec: CellSpec): Promise<Race> {
  const own: number[] = [];
  const peer: number[] = [];
  for (let round = 1; round <= plan.repeats; round += 1) {
    lab.say(`T7: ${spec.keys}, round ${round} of ${plan.repeats}`);
    own.push((await lab.cell({ spec, latency: null })).eventsPerSecond);
    peer.push(await peerRate(lab, 'hash-sharded', spec));
  }
  return { own, peer };
}

function leadVerdict({ own, peer }: Race, { what, atLeast }: { what: string; atLeast: number }): TargetVerdict {
  return verdictOf({ target: 'T7', what }, { runs: ratios(own, peer), atLeast });
}

/** The same rate with a hot key and without, at 70 % of what it takes with one. */
async function otherKeys(lab: Lab, plan: TargetPlan, seconds: number): Promise<TargetVerdict> {
  const factors: number[] = [];
  for (let round = 1; round <= plan.repeats; round += 1) {
    lab.say(`T7: latency of other keys, round ${round} of ${plan.repeats}`);
    const hotSpec = cellOf({ workload, keys: 'one-hot' }, seconds);
    const hot = await lab.cell({ spec: hotSpec, latency: { kind: 'share', share: 0.7, seconds } });
    const perSecond = hot.eventsPerSecond * 0.7;
    const even = await lab.cell({ spec: cellOf({ workload }, seconds), latency: { kind: 'rate', perSecond, seconds } });
    factors.push((hot.latencyMs?.otherKeysP99 ?? Number.NaN) / (even.latencyMs?.p99 ?? Number.NaN));
  }
  const what = `p99 of the other keys beside a hot one, at 70 % load, over that of even keys at the same rate`;
  return verdictOf({ target: 'T7', what }, { runs: factors, atMost: unhurtMax });
}
