// What the shared-memory marks cost, by which a thread that dies tells the event it died of: whole cells of no-op events
// with and without them, in turns. Only handler threads write marks, so what the cells differ by elsewhere is noise,
// and larger than what is looked for: judged is what handler threads have more, of what the whole event costs.

import type { CellRun } from '../cell.js';
import type { Lab } from '../lab.js';
import type { MarksRun } from '../marks.js';
import { cellOf } from '../plan.js';
import type { TargetVerdict } from '../report.js';
import { median } from '../sample.js';
import type { TargetPlan } from './judge.js';
import { cellPairs } from './pairs.js';
import { ratios, shown, verdictOf } from './verdict.js';

/** Pairs for each repeat: single cells differ by far more than what is looked for. */
const pairsPerRepeat = 2;

export async function judgeMarks(lab: Lab, plan: TargetPlan): Promise<TargetVerdict[]> {
  const spec = cellOf({ threads: 1 }, plan.isSmoke ? 0.03 : 0.6);
  const pairs = plan.isSmoke ? 1 : plan.repeats * pairsPerRepeat;
  const { without: marked, having: unmarked } = await cellPairs(lab, { name: 'P7', spec, variant: 'unmarked', pairs });
  const rounds = plan.isSmoke ? 5 : 200;
  const alone = await lab.run<MarksRun>('marks.js', { argument: { rounds }, name: 'P7 marks' });
  const rate = ratios(marked.map(eventsPerSecond), unmarked.map(eventsPerSecond));
  const runner = `${shown(alone.withUs)} us an event with them in the runner of a thread alone, ${shown(alone.withoutUs)} without`;
  return [
    verdictOf(
      {
        target: 'P7',
        what: 'marks, share of the CPU of a no-op event',
        note: `events/s ${shown(median(rate))} of those without them; ${runner}`,
      },
      { runs: marked.map((run, pair) => shareOfMarks(run, unmarked[pair]!)), below: 2, unit: '%' },
    ),
  ];
}

function shareOfMarks({ cpuUsPerEvent }: CellRun, without: CellRun): number {
  const { main, handlers, writer, other } = without.cpuUsPerEvent;
  return ((cpuUsPerEvent.handlers - handlers) / (main + handlers + writer + other)) * 100;
}

function eventsPerSecond(run: CellRun): number {
  return run.eventsPerSecond;
}
