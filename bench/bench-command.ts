// `keylane bench`, and `npm run bench` in a clone: the user's own handlers and input over threads, or the bench's fixed
// work. Each cell runs in a process of its own, every result is checked, and rates are told as a ratio to what the
// machine could do at best. `--smoke` is the same in seconds, for CI: it fails on a wrong result, never on time.

import { writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { addHandlersAndInput, addMapping, addOnBadLine, type Flags, inputWishFrom } from '../src/cli/input-flags.js';
import { printTo, takeStdout } from '../src/cli/stdout.js';
import { TuningFlags } from '../src/cli/tuning-flags.js';
import { KeylaneError, printable, shown } from '../src/errors.js';
import { clonePart } from './clone-part.js';
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
import { addShowFlags, type ShowWish, showReport } from './report-files.js';

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
/** Flags that say something of the user's own handlers only. */
const ownFlags = [
  'input',
  'type',
  'typeField',
  'keyField',
  'idField',
  'cloudevents',
  'events',
  'eventsPerThread',
] as const;

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
  command.addHelpText('after', example).action((flags: BenchFlags) => bench(flags, caller));
}

async function bench(flags: BenchFlags, caller: BenchCaller): Promise<void> {
  const repeats = flags.repeats === undefined ? (flags.smoke ? 1 : 5) : countFrom('--repeats', flags.repeats, 256);
  refuseStrayFlags(flags);
  const print = flags.json === true ? takeStdout() : (text: string) => printTo(process.stdout, text);
  const startedAt = new Date().toISOString();
  const machine = machineNow();
  await withLab({ progress: caller.progress, parent: flags.folder }, async (lab) => {
    const found =
      flags.handlers === undefined ? await fixedWork(lab, flags, repeats) : await ownWork(lab, flags, repeats);
    const report: BenchReport = {
      version: reportVersion,
      ...{ startedAt, command: commandText(caller), machine, subject: subject() },
      ...{ ...found, model: modelOf(found.cells), wrong: [...lab.wrong, ...found.wrong] },
    };
    return () => tell(report, flags, print);
  });
}

/** Prints and writes the report; gives the exit code. */
async function tell(report: BenchReport, flags: BenchFlags, print: (text: string) => Promise<void>): Promise<number> {
  const json = `${JSON.stringify(report, null, 2)}\n`;
  const shown: string[] = [];
  const failure = showReport(report, flags, (text) => void shown.push(text));
  await print(flags.json === true ? json : shown.join(''));
  if (typeof flags.json === 'string') writeFileSync(flags.json, json);
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
  const { cells, limits } = await runMatrix(lab, matrixPlan(flags, repeats));
  return { ...nothing, cells, limits, peers: (await peers?.peersBeside(lab, cells, repeats)) ?? [] };
}

const nothing: Found = { cells: [] as CellSummary[], limits: [], peers: [], targets: [], own: null, wrong: [] };

function matrixPlan(flags: BenchFlags, repeats: number): MatrixPlan {
  if (flags.smoke) return { cells: smokeCells(), repeats, seconds: 0.1 };
  const axes = axesFrom(flags);
  const cells = axes === null ? slices() : crossed(axes);
  return { cells: cells.map((cell) => cellOf(cell)), repeats, seconds: 1 };
}

/** What says something of the user's handlers only must not be passed over in silence where there are none. */
function refuseStrayFlags(flags: BenchFlags): void {
  const given = flags as Readonly<Record<string, unknown>>;
  const names = [...ownFlags, 'seconds', ...tuningFlags.names];
  if (flags.handlers !== undefined) {
    if (given['input'] !== undefined) return;
    throw new KeylaneError('bad-option', '--input must stand beside --handlers, got none: give a file of records');
  }
  const stray = names.find((name) => given[name] !== undefined);
  if (stray === undefined) return;
  const flag = `--${stray.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  const found = shown(given[stray]);
  throw new KeylaneError(
    'bad-option',
    `${flag} must stand beside --handlers, got ${flag} ${found} alone: name the module`,
  );
}

function commandText({ name }: BenchCaller): string {
  const given = process.argv.slice(name === 'npm run bench' ? 2 : 3);
  if (given.length === 0) return name;
  return [name, ...(name === 'npm run bench' ? ['--'] : []), ...given].join(' ');
}
