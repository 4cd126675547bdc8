// `npm run bench`: events through a whole processor, each cell in a process of its own, every result checked, and told
// as a ratio to what the machine could do at best. `--targets` judges the targets instead, `--peers` runs what keylane is
// measured against as well. `--smoke` is the same in seconds, for CI: it fails on a wrong result, never on time. `--json
// FILE` writes the report to a file; the flags of `show.js` render and compare it.

import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { Keys } from './bench-events.js';
import { Lab } from './lab.js';
import { machineNow, subject } from './machine.js';
import { type MatrixPlan, runMatrix } from './matrix.js';
import { modelOf } from './model.js';
import { runPeers } from './peers/catalogue.js';
import { type Axes, axisChoices, cellOf, crossed, defaultAxes, slices, smokeCells } from './plan.js';
import { type BenchReport, type CellSummary, type PeerSummary, reportVersion } from './report.js';
import { showFlags, showReport } from './report-files.js';
import { judgeTargets } from './targets/judge.js';
import type { Workload } from './workloads.js';

const { values: flags } = parseArgs({
  options: {
    workloads: { type: 'string' },
    threads: { type: 'string' },
    payloads: { type: 'string' },
    keys: { type: 'string' },
    intake: { type: 'string' },
    durability: { type: 'string' },
    repeats: { type: 'string' },
    json: { type: 'string' },
    smoke: { type: 'boolean', default: false },
    targets: { type: 'boolean', default: false },
    full: { type: 'boolean', default: false },
    peers: { type: 'boolean', default: false },
    ...showFlags,
  },
});

const startedAt = new Date().toISOString();
const machine = machineNow();
const startMs = performance.now();
const lab = new Lab((line) => {
  const seconds = Math.round((performance.now() - startMs) / 1000);
  process.stderr.write(`[${seconds} s] ${line}\n`);
});
const repeats = flags.repeats === undefined ? (flags.smoke ? 1 : 5) : wholeNumber('repeats', flags.repeats);
const measured = flags.targets ? { cells: [], limits: [] } : await runMatrix(lab, matrixPlan());
const targets = flags.targets ? await judgeTargets(lab, { repeats, isFull: flags.full, isSmoke: flags.smoke }) : [];
const report: BenchReport = {
  version: reportVersion,
  startedAt,
  command: ['npm run bench', ...(process.argv.length > 2 ? ['--', ...process.argv.slice(2)] : [])].join(' '),
  ...{ machine, subject: subject() },
  cells: measured.cells as CellSummary[],
  limits: measured.limits,
  ...{
    peers: flags.peers ? await peersBeside(measured.cells) : [],
    targets,
    model: modelOf(measured.cells),
    wrong: lab.wrong,
  },
};
const failure = showReport(report, flags, (text) => process.stdout.write(text));
if (failure !== null) console.error(`bench: ${failure}`);
if (flags.json !== undefined) writeFileSync(flags.json, `${JSON.stringify(report, null, 2)}\n`);
process.exitCode = failure === null ? 0 : 1;

function matrixPlan(): MatrixPlan {
  if (flags.smoke) return { cells: smokeCells(), repeats, seconds: 0.1 };
  const isDefault = !Object.keys(defaultAxes).some((axis) => flags[axis as keyof Axes] !== undefined);
  const cells = isDefault ? slices() : crossed(axesFrom());
  return { cells: cells.map((cell) => cellOf(cell)), repeats, seconds: 1 };
}

/** The peers at the same work as the plain cells of two threads, each with keylane's rate over its own. */
async function peersBeside(cells: readonly CellSummary[]): Promise<PeerSummary[]> {
  const threads = 2;
  const beside = cells.filter((cell) => {
    const isPlain = cell.payload === '100B' && cell.intake === 'memory' && cell.durability === 'process';
    return isPlain && cell.threads === threads && cell.batchSizeMax === cellOf({}).batchSizeMax;
  });
  const found: PeerSummary[] = [];
  for (const { workload, keys, keyCount, events, eventsPerSecond } of beside) {
    const request = { threads, events, repeats, keys: keys as Keys, keyCount, say: (line: string) => lab.say(line) };
    const onWrong = (what: string): void => void lab.wrong.push(what);
    for (const peer of await runPeers({ ...request, onWrong, workloads: [workload as Workload] })) {
      const isRun = peer.skipped === null && peer.eventsPerSecond.median > 0;
      found.push({ ...peer, keylaneOver: isRun ? eventsPerSecond.median / peer.eventsPerSecond.median : null });
    }
  }
  return found;
}

function axesFrom(): Axes {
  return {
    workloads: chosen('workloads') ?? defaultAxes.workloads,
    threads: flags.threads?.split(',').map((text) => wholeNumber('threads', text)) ?? defaultAxes.threads,
    payloads: chosen('payloads') ?? defaultAxes.payloads,
    keys: chosen('keys') ?? defaultAxes.keys,
    intake: (chosen('intake') as Axes['intake'] | null) ?? defaultAxes.intake,
    durability: (chosen('durability') as Axes['durability'] | null) ?? defaultAxes.durability,
  };
}

/** The values of a flag, separated by commas; null where it is not given. */
function chosen(axis: keyof typeof axisChoices): string[] | null {
  const values = flags[axis]?.split(',') ?? null;
  const choices: readonly string[] = axisChoices[axis];
  const stray = values?.find((value) => !choices.includes(value));
  if (stray !== undefined)
    throw new Error(`--${axis} takes ${choices.join(', ')}, separated by commas, got "${stray}"`);
  return values;
}

function wholeNumber(flag: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= 256) return value;
  throw new Error(`--${flag} takes whole numbers from 1 to 256, got "${text}"`);
}
