// T6: memory between the millionth and the five millionth event, and that of a backlog.

import type { BacklogPublished } from '../backlog.js';
import type { Lab } from '../lab.js';
import type { MemoryRun } from '../memory.js';
import type { TargetVerdict } from '../report.js';
import type { TargetPlan } from './judge.js';
import { shown, verdictOf } from './verdict.js';

const mega = 1e6;

export async function judgeMemory(lab: Lab, plan: TargetPlan): Promise<TargetVerdict[]> {
  const unit = plan.isSmoke ? 5000 : 1_000_000;
  const runs = plan.isFull ? plan.repeats : 1;
  const growth: number[] = [];
  const backlog: number[] = [];
  let note = '';
  for (let round = 1; round <= runs; round += 1) {
    lab.say(`T6: round ${round} of ${runs}`);
    const argument = { from: unit, to: 5 * unit };
    const { rssFromBytes, rssToBytes } = await lab.run<MemoryRun>('memory.js', { argument, name: 'T6' });
    growth.push((rssToBytes - rssFromBytes) / mega);
    const published = await lab.run<BacklogPublished>('backlog.js', {
      argument: { events: unit, isRecovered: false },
      name: 'T6 backlog',
    });
    backlog.push((published.rssHighestBytes - published.rssFullBytes) / mega);
    const aboveIdle = (published.rssHighestBytes - published.rssIdleBytes) / mega;
    note = `those before fill the memory that the options allow; in all ${shown(aboveIdle)} MB above an idle processor`;
  }
  const range = `between event ${unit.toLocaleString('en-US')} and ${(5 * unit).toLocaleString('en-US')}`;
  const held = `RSS that journaled events ${(unit / 10).toLocaleString('en-US')} to ${unit.toLocaleString('en-US')} add`;
  return [
    verdictOf({ target: 'T6', what: `RSS growth ${range}` }, { runs: growth, below: 5, unit: 'MB' }),
    verdictOf({ target: 'T6', what: held, note }, { runs: backlog, below: 50, unit: 'MB' }),
  ];
}
