// T4: what an event costs the main thread, and that this does not grow with keys, threads or the size of the payload.

import type { CellRun } from '../cell.js';
import type { Lab } from '../lab.js';
import { cellOf } from '../plan.js';
import type { CellSpec, TargetVerdict } from '../report.js';
import { median } from '../sample.js';
import type { TargetPlan } from './judge.js';
import { shown, verdictOf } from './verdict.js';

/** Runs of one cell differ by about a tenth on a quiet machine. */
const growthMax = 1.2;

const variants: Readonly<Record<string, Partial<CellSpec>>> = {
  '100,000 keys instead of 1,000': { keyCount: 100_000 },
  '4 threads instead of 1': { threads: 4 },
  '10 kB of bytes instead of 100': { payload: '10kB-bytes' },
  '10 kB of JSON instead of 100 bytes': { payload: '10kB' },
};

export async function judgeMainThread(lab: Lab, plan: TargetPlan): Promise<TargetVerdict[]> {
  const seconds = plan.isSmoke ? 0.03 : 0.6;
  const base: CellRun[] = [];
  const others = new Map<string, CellRun[]>(Object.keys(variants).map((name) => [name, []]));
  for (let round = 1; round <= plan.repeats; round += 1) {
    lab.say(`T4: round ${round} of ${plan.repeats}`);
    base.push(await lab.cell({ spec: cellOf({ threads: 1 }, seconds), latency: null }));
    for (const [name, runs] of others) {
      runs.push(await lab.cell({ spec: cellOf({ threads: 1, ...variants[name] }, seconds), latency: null }));
    }
  }
  const mainUs = base.map((run) => run.cpuUsPerEvent.main);
  const making = median(base.map((run) => run.makingUsPerEvent));
  const note = `of this about ${shown(making)} us make the events, which the bench does as it publishes`;
  return [
    verdictOf(
      { target: 'T4', what: 'main thread, CPU of a no-op event', note },
      { runs: mainUs, atMost: 1.5, unit: 'us' },
    ),
    ...[...others].map(([name, runs]) => {
      const growth = runs.map((run, index) => run.cpuUsPerEvent.main / mainUs[index]!);
      return verdictOf({ target: 'T4', what: `main thread, ${name}: factor` }, { runs: growth, atMost: growthMax });
    }),
  ];
}
