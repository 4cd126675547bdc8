// The main job on real input, end to end: the real command on 20,000 flights, the answer read back by SQL, and a proof.
//
//   npm run demo, or after a build: node dist/scripts/examples/flights/demo.js [--threads n] [--keep folder]
//
// --keep leaves the store in that folder; started again with it, the run goes on where durable outcomes end.
// Exit codes: 0 all checks passed, 1 one failed, 2 wrong usage, 3 the command failed, 130 interrupted.

import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { checkOnePerFlight, checkOrder, checkSameFigures, checkSameStates, runSequentially } from './checks.js';
import type { Flight } from './model.js';
import { Outcomes } from './outcomes.js';
import { count, print, printAnswer, printFindings, printSpeed } from './report.js';

/** This file is dist/scripts/examples/flights/demo.js once built. */
const here = import.meta.dirname;
const dist = join(here, '..', '..', '..');
const input = join(dist, '..', 'scripts', 'examples', 'flights', 'flights.ndjson');

interface Demo {
  readonly store: string;
  readonly kept: boolean;
  readonly threads: string | undefined;
  /** Aborted by the first SIGINT or SIGTERM, with its name as the reason. */
  readonly interrupt: AbortSignal;
}

async function main(): Promise<number> {
  const options = { threads: { type: 'string' }, keep: { type: 'string' } } as const;
  const { threads, keep } = parseArgs({ options }).values;
  if (keep !== undefined) mkdirSync(keep, { recursive: true });
  const folder = keep === undefined ? mkdtempSync(join(tmpdir(), 'keylane-demo-')) : resolve(keep);
  const interrupt = new AbortController();
  // Listening keeps this process alive to wait for the command and to tidy up.
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => interrupt.abort(name));
  try {
    const store = join(folder, 'flights.db');
    return await demonstrate({ store, kept: keep !== undefined, threads, interrupt: interrupt.signal });
  } finally {
    if (keep === undefined) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function demonstrate(demo: Demo): Promise<number> {
  const flights = readFileSync(input, 'utf8').trimEnd().split('\n').map(parseFlight);
  const before = storedIn(demo.store);
  print(`${count(flights.length)} real US flights: how much delay does each pass on to its aircraft's later flights?`);
  print('A simulated estimate for each, in order per airport, on every core.\n');
  const run = await runCommand(demo);
  if (demo.interrupt.aborted) return reportInterrupted(demo, flights.length);
  // 1 means that some flights were dead-lettered: the checks say which.
  if (run.code !== 0 && run.code !== 1) {
    print(`\nFAILED: the command ended with ${run.signal ?? `exit code ${run.code}`}; see its message above.`);
    return 3;
  }
  const outcomes = new Outcomes(demo.store);
  try {
    printAnswer(outcomes, { tookMs: run.tookMs, processed: outcomes.tally().outcomes - before });
    return await prove(demo, { outcomes, flights, commandMs: before === 0 ? run.tookMs : null });
  } finally {
    outcomes.close();
    if (demo.kept) print(`\nThe store is kept: ${demo.store}`);
  }
}

function parseFlight(line: string): Flight {
  return JSON.parse(line) as Flight;
}

function storedIn(store: string): number {
  if (!existsSync(store)) return 0;
  const outcomes = new Outcomes(store);
  try {
    return outcomes.tally().outcomes;
  } finally {
    outcomes.close();
  }
}

interface CommandRun {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly tookMs: number;
}

/** Runs `keylane run` as a user would, its output on ours, and waits for its end whatever happens. */
function runCommand(demo: Demo): Promise<CommandRun> {
  const args = [join(dist, 'src', 'cli', 'main.js'), 'run'];
  args.push('--handlers', join(here, 'handlers.js'), '--input', input, '--store', demo.store);
  args.push('--type', 'flight.departed', '--key-field', 'origin');
  if (demo.threads !== undefined) args.push('--threads', demo.threads);
  return new Promise((resolve, reject) => {
    const from = performance.now();
    const child = spawn(process.execPath, args, { stdio: 'inherit' });
    // Ctrl-C reaches the command too, as one of our process group, and it drains: a second SIGINT, from us, would end
    // it at once. SIGTERM comes to us alone.
    demo.interrupt.addEventListener('abort', () => {
      if (demo.interrupt.reason === 'SIGTERM') child.kill('SIGTERM');
    });
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve({ code, signal, tookMs: performance.now() - from }));
  });
}

function reportInterrupted(demo: Demo, flightsCount: number): number {
  print(`\nInterrupted: ${count(storedIn(demo.store))} of ${count(flightsCount)} flights have their outcome.`);
  print(demo.kept ? 'The same command takes the run up again.' : 'With --keep, a run can be taken up again.');
  return 130;
}

interface Proof {
  readonly outcomes: Outcomes;
  readonly flights: readonly Flight[];
  /** Null when the command took up an earlier run: then its time says nothing. */
  readonly commandMs: number | null;
}

async function prove(demo: Demo, { outcomes, flights, commandMs }: Proof): Promise<number> {
  print('\nChecking it against a plain sequential run of the same flights in one thread ...\n');
  const sequential = await runSequentially(flights, demo.interrupt);
  if (sequential === null) return reportInterrupted(demo, flights.length);
  const findings = [
    checkOnePerFlight(outcomes, flights),
    checkSameFigures(outcomes, { flights, results: sequential.results }),
    checkSameStates(outcomes, sequential.airports),
    checkOrder(outcomes),
  ];
  printSpeed({ sequentialMs: sequential.tookMs, commandMs });
  return printFindings(findings) ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  const { code, message } = error as NodeJS.ErrnoException;
  process.stderr.write(`demo: ${message}\n`);
  process.exitCode = code?.startsWith('ERR_PARSE_ARGS') ? 2 : 3;
}
