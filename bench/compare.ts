// Two reports, cell by cell: which cells are faster, which slower, and which differ by no more than their own runs do.
// Knows nothing of how a comparison is printed.

import { cellKey } from './cell-key.js';
import type { BenchReport, CellSpec, CellSummary, Sample } from './report.js';

export interface Comparison {
  readonly cells: readonly CellChange[];
  /** Cells that only the older report has, or only the newer one. */
  readonly onlyBefore: readonly CellSpec[];
  readonly onlyAfter: readonly CellSpec[];
  /** What else differs: machine, Node, limits that moved. It may be why the cells differ. */
  readonly otherwise: readonly string[];
  /** The newer report's own. */
  readonly wrong: readonly string[];
}

/** `not judged`: one of the two has a single run, which tells nothing of the noise. */
export type ChangeVerdict = 'faster' | 'slower' | 'within noise' | 'not judged';

export interface Change {
  readonly before: number;
  readonly after: number;
  /** (after - before) / before. */
  readonly change: number;
  /** The larger of the two spreads. A change must be larger still to count. */
  readonly noise: number;
  readonly verdict: ChangeVerdict;
}

export interface CellChange extends Change {
  readonly spec: CellSpec;
}

/**
 * The first cell of a specification is compared with the first of the other report, the second with the second. The
 * user's own handlers get as many events as take the time of a measurement, another number each time: that alone does
 * not make another cell of it.
 */
export function compare(before: BenchReport, after: BenchReport): Comparison {
  const isOwn = before.own !== null && after.own !== null;
  const keyOf = (cell: CellSpec): string => cellKey(cell, isOwn ? ['events'] : []);
  const open = new Map<string, CellSummary[]>();
  for (const cell of before.cells) open.set(keyOf(cell), [...(open.get(keyOf(cell)) ?? []), cell]);
  const cells: CellChange[] = [];
  const onlyAfter: CellSpec[] = [];
  for (const cell of after.cells) {
    const match = open.get(keyOf(cell))?.shift();
    if (match === undefined) onlyAfter.push(cell);
    else cells.push({ spec: cell, ...changeOf(match.eventsPerSecond, cell.eventsPerSecond) });
  }
  const onlyBefore = [...open.values()].flat();
  return { cells, onlyBefore, onlyAfter, otherwise: otherwise(before, after), wrong: after.wrong };
}

export function changeOf(before: Sample, after: Sample): Change {
  const change = before.median === after.median ? 0 : (after.median - before.median) / before.median;
  const noise = Math.max(before.spread, after.spread);
  return { before: before.median, after: after.median, change, noise, verdict: verdict() };

  function verdict(): ChangeVerdict {
    if (Math.min(before.runs.length, after.runs.length) < 2) return 'not judged';
    if (Math.abs(change) <= noise) return 'within noise';
    return change > 0 ? 'faster' : 'slower';
  }
}

/**
 * Why a comparison must end with failure; null where it must not. Wrong results always do. Asked to fail on regression,
 * so do a slower cell and whatever would let one pass unseen: no cell in common, a cell that was not measured again, and
 * single runs, which tell nothing of the noise.
 */
export function failureOf(comparison: Comparison, { onRegression }: { readonly onRegression: boolean }): string | null {
  const { cells, onlyBefore, wrong } = comparison;
  if (wrong.length > 0) return `the newer report has wrong results: ${wrong.join('; ')}`;
  if (!onRegression) return null;
  if (cells.length === 0)
    return 'the two reports have no cell in common, so nothing was compared: measure the same cells';
  const count = (wanted: ChangeVerdict): number => cells.filter(({ verdict }) => verdict === wanted).length;
  const [slower, unjudged] = [count('slower'), count('not judged')];
  if (slower > 0) return `${slower} of ${cells.length} cells ${slower === 1 ? 'is' : 'are'} slower than before`;
  if (onlyBefore.length > 0) {
    return `${onlyBefore.length} cells of the older report were not measured again: measure the same cells`;
  }
  if (unjudged === 0) return null;
  return `${unjudged} of ${cells.length} cells cannot be judged from one run: measure both with --repeats 2 or more`;
}

function otherwise(before: BenchReport, after: BenchReport): string[] {
  const facts = (report: BenchReport): Readonly<Record<string, string>> => ({
    CPU: report.machine.cpu,
    cores: String(report.machine.cores),
    system: report.machine.os,
    Node: report.machine.node,
    ...report.subject.versions,
  });
  const [old, now] = [facts(before), facts(after)];
  const differing = [...new Set([...Object.keys(old), ...Object.keys(now)])]
    .filter((name) => old[name] !== now[name])
    .map((name) => `${name}: ${old[name] ?? 'not there'} -> ${now[name] ?? 'not there'}`);
  return [...differing, ...movedLimits(before, after)];
}

/** The insert limit is what keylane's own store takes from one thread: it moves with the machine, or with the store. */
function movedLimits(before: BenchReport, after: BenchReport): string[] {
  return after.limits.flatMap(({ name, of, value }) => {
    const match = before.limits.find((limit) => limit.name === name && limit.of === of);
    if (match === undefined) return [];
    const { change, verdict } = changeOf(match.value, value);
    if (verdict !== 'faster' && verdict !== 'slower') return [];
    return [`limit ${name}, ${of}: ${change > 0 ? '+' : ''}${(change * 100).toFixed(1)} %, which is not noise`];
  });
}
