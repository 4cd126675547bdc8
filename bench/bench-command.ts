// `keylane bench`, and `npm run bench` in a clone: the user's own handlers and input over threads, or the bench's fixed
// work. Each cell runs in a process of its own, every result is checked, and rates are told as a ratio to what the
// machine could do at best. `--smoke` is the same in seconds, for CI: it fails on a wrong result, never on time.

import type { Command } from 'commander';
import { addHandlersAndInput, addMapping, addOnBadLine, type Flags, inputWishFrom } from '../src/cli/input-flags.js';
import { printTo, takeStdout } from '../src/cli/stdout.js';
import { TuningFlags } from '../src/cli/tuning-flags.js';
import { printable } from '../src/errors.js';
import { clonePart } from './clone-part.js';
import { commandText } from './command-text.js';
import type { Lab } from './lab.js';
import { type ProgressStyle, withLab } from './lab-session.js';
import { cores, machineNow, subject } from './machine.js';
import { type MatrixPlan, runMatrix } from './matrix.js';
import {
  addMatrixFlags,
  axesFrom,
  chosenFrom,
  countFrom,
  durabilityFrom,
  type MatrixFlags,
  secondsFrom,
  threadsFrom,
} from './matrix-flags.js';
import { modelOf } from './model.js';
import { OwnLab } from './own/own-lab.js';
import { runOwnMatrix } from './own/own-matrix.js';
import { openSubject } from './own/own-subject.js';
import { cellOf, crossed, slices, smokeCells } from './plan.js';
import { type BenchReport, type CellSummary, reportVersion } from './report.js';
import { addShowFlags, checkTarget, type Shower, type ShowWish, showerOf, writeTarget } from './report-files.js';
import { refuseStrayFlags } from './stray-flags.js';

/** How the command is called, and what its progress looks like. */
export interface BenchCaller {
  readonly name: string;
  readonly progress: ProgressStyle;
}

type BenchFlags = MatrixFlags &
  ShowWish & {
    readonly handlers?: string;
    readonly events?: string;
    readonly eventsPerThread?: string;
    readonly seconds?: string;
    readonly repeats?: string;
    readonly folder?: string;
    readonly smoke?: true;
    /** True: on standard output. */
    readonly json?: string | true;
  };

type Found = Pick<BenchReport, 'cells' | 'limits' | 'peers' | 'targets' | 'own' | 'wrong'>;

const tuningFlags = new TuningFlags({ without: ['threads', 'durability'] });
const example = `
Examples:
  $ keylane bench --handlers ./handlers.js --input events.ndjson --key-field customer --threads 1,2,4,8
  $ keylane bench --workloads 60us,600us --threads 1,2

With --handlers the records are read as by keylane run, loaded up to --events, and given to each cell again and again
for as long as a measurement takes. The ideal is measured in the same run: as many plain processes as there are threads
(and cores) run the same handlers in a loop over the same events. Every cell is checked: each event once, order kept,
results those of the plain loops. Nothing is sent to a store of yours.

Exit codes: 0 all is right, 1 wrong results or (asked for) a regression, 2 wrong usage or bad input, 3 the bench could
not go on, 130 ended by a signal.`;

export function defineBench(command: Command, caller: BenchCaller): void {
  command.description('Measure events/s, latency and CPU over threads, with every result checked.');
  addHandlersAndInput(command, { isRequired: false });
  addMapping(command);
  addOnBadLine(command);
  command
    .option('--events <n>', 'records that are loaded at most. Default 100000')
    .option('--events-per-thread <n>', 'events on the clock for each thread, in place of as many as take --seconds')
    .option('--seconds <s>', 'what a measurement with --handlers takes. Default 1')
    .option('--threads <n,…>', `handler threads, one cell each; more than cores are marked. Default 1, 2 and ${cores}`)
    .option('--durability <names>', 'process, power, or both. Default process; with --handlers power')
    .option('--repeats <n>', 'rounds; figures are their medians. Default 5')
    .option('--folder <folder>', 'where stores are made and removed again: its disk counts. Default the temporary one')
    .option('--json [file]', 'the report as JSON: in a file, or in place of the table')
    .option('--smoke', 'seconds in all: only to see that it runs and that results are right');
  addMatrixFlags(command);
  addShowFlags(command);
  tuningFlags.addTo(command);
  command.addHelpText('after', example).action((flags: BenchFlags) => {
    refuseStrayFlags(command, tuningFlags.names);
    return bench(flags, caller);
  });
}

async function bench(flags: BenchFlags, caller: BenchCaller): Promise<void> {
  const repeats = flags.repeats === undefined ? (flags.smoke ? 1 : 5) : countFrom('--repeats', flags.repeats, 256);
  const show = showerOf(flags);
  if (typeof flags.json === 'string') checkTarget('--json', flags.json);
  const print = flags.json === true ? takeStdout() : (text: string) => printTo(process.stdout, text);
  const startedAt = new Date().toISOString();
  const machine = machineNow();
  await withLab({ progress: caller.progress, parent: flags.folder }, async (lab) => {
    const found =
      flags.handlers === undefined ? await fixedWork(lab, flags, repeats) : await ownWork(lab, flags, repeats);
    const report: BenchReport = {
      version: reportVersion,
      ...{ startedAt, command: commandText(caller.name), machine, subject: subject() },
      ...{ ...found, model: modelOf(found.cells), wrong: [...lab.wrong, ...found.wrong] },
    };
    return () => tell(report, { flags, show, print });
  });
}

/** Writes and prints the report; gives the exit code. */
async function tell(
  report: BenchReport,
  { flags, show, print }: { flags: BenchFlags; show: Shower; print: (text: string) => Promise<void> },
): Promise<number> {
  const json = `${JSON.stringify(report, null, 2)}\n`;
  // First of all, and the table even if the rest cannot be written: what was measured is not to be lost.
  if (typeof flags.json === 'string') writeTarget('--json', flags.json, json);
  const shown: string[] = [];
  let failure: string | null;
  try {
    failure = show(report, (text) => void shown.push(text));
  } finally {
    await print(flags.json === true ? json : shown.join(''));
  }
  if (failure !== null) process.stderr.write(`keylane: ${printable(failure)}\n`);
  return failure === null ? 0 : 1;
}

async function ownWork(lab: Lab, flags: BenchFlags, repeats: number): Promise<Found> {
  const wish = inputWishFrom(flags as unknown as Flags);
  const seconds = secondsFrom('--seconds', flags.seconds ?? (flags.smoke ? '0.1' : '1'), { min: 0.05, max: 600 });
  const perThread = flags.eventsPerThread;
  const plan = {
    ...{ repeats, seconds, threads: threadsFrom(flags.threads) ?? [...new Set([1, 2, cores])] },
    durability: durabilityFrom(flags.durability) ?? (['power'] as const),
    perThread: perThread === undefined ? null : countFrom('--events-per-thread', perThread, 300_000),
  };
  const loadedMax = countFrom('--events', flags.events ?? '100000', 10_000_000);
  const tuning = tuningFlags.tuningFrom(flags as unknown as Flags);
  const { subject: own, events } = await openSubject(wish, { loadedMax, tuning });
  return {
    ...(await runOwnMatrix(new OwnLab(lab, own, { seconds }), { subject: own, events, plan })),
    peers: [],
    targets: [],
  };
}

async function fixedWork(lab: Lab, flags: BenchFlags, repeats: number): Promise<Found> {
  if (flags.targets) {
    const { judgeTargets, targetNames } = await clonePart('targets', () => import('./targets/judge.js'));
    const names = flags.targets === true ? null : chosenFrom('--targets', flags.targets, targetNames);
    const size = { isFull: flags.full === true, isSmoke: flags.smoke === true };
    return { ...nothing, targets: await judgeTargets(lab, { repeats, names, ...size }) };
  }
  const peers = flags.peers ? await clonePart('peers', () => import('./peers/beside.js')) : null;
  const plan = matrixPlan(flags, repeats);
  const { cells, limits } = await runMatrix(
    lab,
    peers === null ? plan : { ...plan, cells: peers.cellsWithPeers(plan.cells) },
  );
  return { ...nothing, cells, limits, peers: (await peers?.peersBeside(lab, cells, repeats)) ?? [] };
}

const nothing: Found = { cells: [] as CellSummary[], limits: [], peers: [], targets: [], own: null, wrong: [] };

function matrixPlan(flags: BenchFlags, repeats: number): MatrixPlan {
  if (flags.smoke) return { cells: smokeCells(), repeats, seconds: 0.1 };
  const axes = axesFrom(flags);
  const cells = axes === null ? slices() : crossed(axes);
  return { cells: cells.map((cell) => cellOf(cell)), repeats, seconds: 1 };
}
