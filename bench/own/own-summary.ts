// What a report says of the user's own handlers and input besides rates: put together from all runs.

import type { OwnSummary } from '../report.js';
import type { OwnCellRun } from './own-cell.js';
import type { OwnEvents } from './own-events.js';
import type { Hashed } from './own-lab.js';
import type { OwnSubject } from './own-subject.js';
import type { PlainRun } from './plain-loop.js';
import type { ResultsCheck } from './results-check.js';

/** Runs that a report tells of together. */
export interface RunGroup {
  readonly name: string;
  /** Events of a run. */
  readonly events: number;
  readonly runs: readonly OwnCellRun[];
}

export function ownSummary(of: {
  subject: OwnSubject;
  events: OwnEvents;
  check: ResultsCheck;
  /** The first plain loop of the run. */
  calibrated: Hashed<PlainRun>;
  groups: readonly RunGroup[];
}): OwnSummary {
  const { subject, events, check, calibrated, groups } = of;
  const runs = groups.flatMap((group) => group.runs);
  return {
    handlers: subject.wish.handlers,
    input: subject.wish.input,
    eventsLoaded: events.loaded,
    isCut: events.isCut,
    recordsSkipped: events.recordsSkipped,
    hottestLane: events.hottestLane,
    results: check.verdict,
    unsteady: check.unsteady,
    checksum: check.checksum,
    plainFailures: check.plainFailures,
    emittedPerEvent: calibrated.emitted / Math.max(1, calibrated.hashes.length),
    isCpuKnown: runs.every(({ isCpuKnown }) => isCpuKnown),
    failures: groups.flatMap(failuresOf),
    warnings: [...new Set(runs.flatMap(({ warnings }) => warnings))],
  };
}

/** What is wrong with any run, once for each group. */
export function wrongOf(groups: readonly RunGroup[]): string[] {
  return groups.flatMap(({ name, runs }) => {
    return [...new Set(runs.flatMap(({ wrong }) => wrong))].map((what) => `${name}: ${what}`);
  });
}

function failuresOf({ name, events, runs }: RunGroup): OwnSummary['failures'] {
  const most = (of: (run: OwnCellRun) => number): number => Math.max(0, ...runs.map(of));
  const [failed, retried, parked] = [most((run) => run.failed), most((run) => run.retried), most((run) => run.parked)];
  if (failed + retried + parked === 0) return [];
  const firstError = runs.find((run) => run.firstError !== null)?.firstError ?? null;
  return [{ cell: name, events, failed, retried, parked, firstError }];
}
