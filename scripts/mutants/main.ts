// `npm run mutants`: plants known faults, one at a time, and runs the tests that should notice. A fault that goes
// unnoticed fails the command. `-- lane store` takes only those whose names hold one of these words. Faults are planted
// in a copy: whatever ends this, the sources are as they were.

import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { messageOf } from '../../src/errors.js';
import { type Fault, faults, misfits } from './fault.js';

/** The simulation comes after the others, as it takes longer and a test that has begun is not cut short. */
const coreStages = [
  ['test/dispatch', 'test/pump.test.ts', 'test/intake.test.ts', 'test/journal-window.test.ts'],
  ['test/simulation.test.ts'],
];

/** What tests need; what they import of the packages is not copied. */
const copied = ['src', 'workers', 'test', 'bench', 'scripts', 'package.json', 'tsconfig.json', 'vitest.config.ts'];

/** More seeds of the simulation than `npm test` has: some faults show in few of them. */
const environment = { ...process.env, KEYLANE_SEEDS: '100' };

interface Results {
  readonly testResults: readonly {
    readonly name: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

const wrong = misfits((file) => readFileSync(file, 'utf8'));
if (wrong.length > 0) throw new Error(wrong.join('\n'));
const words = process.argv.slice(2);
const chosen = faults.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)));
const folder = mkdtempSync(join(tmpdir(), 'keylane-mutants-'));
try {
  for (const name of copied) cpSync(name, join(folder, name), { recursive: true });
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'), 'junction');
  process.exitCode = plantAll();
} finally {
  rmSync(folder, { recursive: true });
}

function plantAll(): number {
  build();
  const stages = new Set(chosen.flatMap(stagesOf).map((files) => files.join(' ')));
  for (const files of stages) {
    const failed = firstFailure(files.split(' '));
    if (failed !== null) throw new Error(`the tests must pass before faults are planted: ${failed}`);
  }
  let [unnoticed, broken] = [0, 0];
  for (const fault of chosen) {
    let noticedBy: string | null;
    try {
      noticedBy = plant(fault);
    } catch (error) {
      // A fault of the fault: the others are planted all the same.
      broken += 1;
      console.log(`BROKEN       ${fault.name}: ${messageOf(error).split('\n')[0]}`);
      continue;
    }
    if (noticedBy === null) unnoticed += 1;
    console.log(`${noticedBy === null ? 'NOT NOTICED' : 'noticed    '}  ${fault.name}`);
    if (noticedBy !== null) console.log(`             by ${noticedBy}`);
  }
  console.log(`${chosen.length - broken} faults planted, ${unnoticed} not noticed, ${broken} that cannot be planted`);
  return unnoticed + broken === 0 && chosen.length > 0 ? 0 : 1;
}

function stagesOf({ tests, built }: Fault): readonly (readonly string[])[] {
  if (tests === undefined && built === undefined) return coreStages;
  return [tests, built].filter((files) => files !== undefined);
}

/** Gives the test that noticed, or null. */
function plant(fault: Fault): string | null {
  const { file, from, to, built } = fault;
  const path = join(folder, file);
  const text = readFileSync(path, 'utf8');
  writeFileSync(
    path,
    text.replace(from, () => to),
  );
  try {
    if (built !== undefined) build();
    for (const files of stagesOf(fault)) {
      const failed = firstFailure(files);
      if (failed !== null) return failed;
    }
    return null;
  } finally {
    writeFileSync(path, text);
  }
}

/** A build that fails notices nothing: it is a fault of the fault. What is planted may leave names without a use. */
function build(): void {
  const compile = ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json', '--noUnusedLocals', 'false'];
  for (const args of [compile, ['dist/scripts/bundle-workers.js']]) {
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
    if (status !== 0) throw new Error(`what is planted does not compile:\n${stdout}${stderr}`);
  }
}

/** Runs tests until one fails; gives that one and the first line of what it says, or null. */
function firstFailure(files: readonly string[]): string | null {
  const output = join(folder, 'results.json');
  rmSync(output, { force: true });
  const reporters = ['--reporter=json', `--outputFile=${output}`];
  const args = ['node_modules/vitest/vitest.mjs', 'run', '--bail=1', ...reporters, ...files];
  const { status, signal, stderr } = spawnSync(process.execPath, args, {
    ...{ cwd: folder, env: environment, encoding: 'utf8' },
  });
  if (status === 0) return null;
  if (status !== 1) throw new Error(`the tests were ended by ${signal ?? status}: ${stderr}`);
  const { testResults } = JSON.parse(readFileSync(output, 'utf8')) as Results;
  for (const { name, message, assertionResults } of testResults) {
    const failed = assertionResults.find((result) => result.status === 'failed');
    if (failed !== undefined) return `"${failed.fullName}": ${reasonOf(failed.failureMessages)}`;
    if (message !== '') throw new Error(`${name} could not be run: ${message}`);
  }
  return `an error outside of any test: ${stderr.split('\n').find((line) => line.includes('Error')) ?? ''}`;
}

/** The first line of it. Of a test that took too long the report has no reason, only a name of its own making. */
function reasonOf([first = '']: readonly string[]): string {
  return first.startsWith('Error: STACK_TRACE_ERROR') ? 'it took too long' : first.split('\n')[0]!;
}
