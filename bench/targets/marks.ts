// What the shared-memory marks cost, by which a thread that dies tells the event it died of.

import type { Lab } from '../lab.js';
import type { MarksRun } from '../marks.js';
import { cellOf } from '../plan.js';
import type { TargetVerdict } from '../report.js';
import type { TargetPlan } from './judge.js';
import { shown, verdictOf } from './verdict.js';

export async function judgeMarks(lab: Lab, plan: TargetPlan): Promise<TargetVerdict[]> {
  const argument = { rounds: plan.isSmoke ? 5 : 400 };
  const { withUs, withoutUs, ratio } = await lab.run<MarksRun>('marks.js', { argument, name: 'P3 marks' });
  const { cpuUsPerEvent } = await lab.cell({ spec: cellOf({}, plan.isSmoke ? 0.03 : 1), latency: null });
  const { main, handlers, writer, other } = cpuUsPerEvent;
  const marksUs = (ratio - 1) * withoutUs;
  const ofAll = marksUs / (main + handlers + writer + other);
  const target = 'P3 marks';
  const note = `${shown(withUs)} us an event with them, ${shown(withoutUs)} us without`;
  const whole = 'marks, share of the CPU of a no-op event in a whole processor';
  const alone = 'marks, share of the time of a no-op event in the runner of its thread';
  return [
    verdictOf({ target, what: whole }, { runs: [ofAll * 100], below: 2, unit: '%' }),
    verdictOf({ target, what: alone, note }, { runs: [(ratio - 1) * 100], below: 2, unit: '%' }),
  ];
}
