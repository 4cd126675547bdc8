// The user's handlers over threads: in each round every plain loop and every cell once, so that a disturbance of the
// machine hits one run of many cells and not all runs of one. The report's figures are made from the rounds here.

import { basename } from 'node:path';
import type { Durability } from '../../src/index.js';
import { optionTable } from '../../src/options.js';
import { cellKey } from '../cell-key.js';
import { cores } from '../machine.js';
import { bytesText } from '../render/figure-text.js';
import type { CellSpec, CellSummary, LimitSummary, OwnSummary } from '../report.js';
import { median, sampleOf } from '../sample.js';
import type { OwnCellRun } from './own-cell.js';
import type { OwnEvents } from './own-events.js';
import { loopsText, type OwnLab } from './own-lab.js';
import { eventsFor, eventsPerThread, warmingFor } from './own-sizes.js';
import { keepsState, type OwnSubject } from './own-subject.js';
import { ownSummary, wrongOf } from './own-summary.js';
import { ResultsCheck } from './results-check.js';

export interface OwnPlan {
  readonly threads: readonly number[];
  readonly durability: readonly Durability[];
  readonly repeats: number;
  /** On the clock, for each thread. */
  readonly seconds: number;
  /** Instead of as many as take these seconds. */
  readonly perThread: number | null;
}

export interface OwnMeasured {
  readonly cells: readonly CellSummary[];
  readonly limits: readonly LimitSummary[];
  readonly own: OwnSummary;
  readonly wrong: readonly string[];
}

interface Cell {
  readonly spec: CellSpec;
  readonly name: string;
  readonly runs: OwnCellRun[];
}

export async function runOwnMatrix(
  lab: OwnLab,
  { subject, events, plan }: { subject: OwnSubject; events: OwnEvents; plan: OwnPlan },
): Promise<OwnMeasured> {
  const calibrated = await lab.calibrate(Math.min(0.5, plan.seconds));
  const perThread = plan.perThread ?? eventsPerThread({ rate: calibrated.eventsPerSecond, seconds: plan.seconds });
  const check = new ResultsCheck({ keepsState: keepsState(subject) });
  check.addPlain(calibrated.hashes, calibrated.firstError);
  const cells = cellsOf({ subject, events, plan, perThread });
  const atOnce = [...new Set([1, ...plan.threads.map((threads) => Math.min(threads, cores))])].sort((a, b) => a - b);
  const loops = new Map<number, number[]>(atOnce.map((processes) => [processes, []]));
  for (let round = 1; round <= plan.repeats; round += 1) {
    for (const [processes, rates] of loops) {
      lab.say(`round ${round} of ${plan.repeats}: ${loopsText(processes)}`);
      const share = eventsFor({ perThread, atOnce: processes }) / processes;
      const run = await lab.plain({ processes, events: share, warming: warmingFor(share), seconds: null });
      check.addPlain(run.hashes, run.firstError);
      rates.push(run.eventsPerSecond);
    }
    for (const { spec, name, runs } of cells) {
      lab.say(`round ${round} of ${plan.repeats}: ${name}`);
      const { threads, durability } = spec;
      const sizes = { events: spec.events, warming: warmingFor(spec.events), latencySeconds: plan.seconds };
      const { hashes, ...run } = await lab.cell({ tuning: { threads, durability }, ...sizes });
      check.addCell(name, hashes);
      runs.push(run);
    }
  }
  const groups = cells.map((cell) => ({ ...cell, events: cell.spec.events }));
  const ideal = (processes: number): number => (check.isIdealKnown ? median(loops.get(processes) ?? [0]) : 0);
  return {
    cells: cells.map((cell) => summaryOf(cell, { cells, ideal: ideal(Math.min(cell.spec.threads, cores)) })),
    limits: [...loops].map(([processes, rates]) => limitOf(subject, { processes, rates })),
    own: ownSummary({ subject, events, check, calibrated, groups }),
    wrong: [...wrongOf(groups), ...check.wrong],
  };
}

function cellsOf(of: { subject: OwnSubject; events: OwnEvents; plan: OwnPlan; perThread: number }): Cell[] {
  const { subject, events, plan, perThread } = of;
  const { keyCount } = events;
  return plan.durability.flatMap((durability) =>
    plan.threads.map((threads): Cell => {
      const spec: CellSpec = {
        workload: basename(subject.wish.handlers),
        threads,
        events: eventsFor({ perThread, atOnce: Math.min(threads, cores) }),
        keys: keyCount === 0 ? 'none' : keyCount === 1 ? 'one' : 'of the input',
        keyCount,
        payload: bytesText(Math.round(events.dataSizeMean)),
        // Records are read from where they are; nothing of them is journaled.
        intake: 'memory',
        durability,
        batchSizeMax: subject.tuning.batchSizeMax ?? optionTable.batchSizeMax.default,
      };
      const what = plan.durability.length === 1 ? '' : `, durability ${durability}`;
      return { spec, name: `${threads} ${threads === 1 ? 'thread' : 'threads'}${what}`, runs: [] };
    }),
  );
}

function limitOf(subject: OwnSubject, { processes, rates }: { processes: number; rates: number[] }): LimitSummary {
  const workload = basename(subject.wish.handlers);
  const isOne = processes === 1;
  const of = isOne ? workload : `${workload}, ${processes} plain processes`;
  return { name: isOne ? 'plain loop' : 'ideal', of, value: sampleOf(rates) };
}

function summaryOf({ spec, runs }: Cell, { cells, ideal }: { cells: readonly Cell[]; ideal: number }): CellSummary {
  const eventsPerSecond = sampleOf(runs.map((run) => run.eventsPerSecond));
  const alone = cells.find((other) => {
    const key = (of: CellSpec): string => cellKey(of, ['threads', 'events']);
    return other.spec.threads === 1 && key(other.spec) === key(spec);
  });
  const middle = (pick: (run: OwnCellRun) => number): number => median(runs.map(pick));
  const cpu = (name: keyof OwnCellRun['cpuUsPerEvent']): number => middle((run) => run.cpuUsPerEvent[name]);
  const aloneRate = alone === undefined ? null : median(alone.runs.map((run) => run.eventsPerSecond));
  return {
    ...spec,
    isOverCores: spec.threads > cores,
    eventsPerSecond,
    speedUp: aloneRate === null ? null : eventsPerSecond.median / aloneRate,
    efficiency: ideal === 0 ? null : eventsPerSecond.median / ideal,
    ofInsertLimit: null,
    latencyMs: {
      p50: middle((run) => run.latencyMs?.p50 ?? 0),
      p99: middle((run) => run.latencyMs?.p99 ?? 0),
      max: Math.max(...runs.map((run) => run.latencyMs?.max ?? 0)),
    },
    otherKeysP99Ms: null,
    cpuUsPerEvent: { main: cpu('main'), handlers: cpu('handlers'), writer: cpu('writer'), other: cpu('other') },
    batchSizeMean: middle((run) => run.batchSizeMean),
    groupSizeMean: middle((run) => run.groupSizeMean),
    rssBytes: middle((run) => run.rssBytes),
    walBytes: middle((run) => run.walBytes),
  };
}
