// Proves that the package works for whoever installs it: packs it, checks the tarball's entry points and types,
// installs it into an empty folder, and uses it there as an ES module, from CommonJS, from TypeScript and as a command.
// Leaves nothing behind.

import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';

interface Manifest {
  readonly name: string;
  readonly version: string;
}

const root = process.cwd();
const own = manifestIn(root);
const folder = mkdtempSync(join(tmpdir(), 'keylane-package-'));
try {
  const tarball = pack();
  await checkEntryPoints(tarball);
  checkTypes(tarball);
  const project = installInto(join(folder, 'project'), tarball);
  useAsModule(project);
  useFromCommonJs(project);
  useFromTypeScript(project);
  useAsCommand(project);
  useAsTheReadmeSays(project);
  console.log(`check:package: ${own.name} ${own.version} is fit to publish`);
} catch (error) {
  console.error(`check:package: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** The build is fresh already (the bootstrap saw to it), so that no script needs to run. */
function pack(): string {
  run('npm', ['pack', '--ignore-scripts', '--pack-destination', folder]);
  const name = readdirSync(folder).find((file) => file.endsWith('.tgz'));
  if (name === undefined) throw new Error('npm pack must leave a tarball, found none: run npm pack by hand and see');
  console.log(`check:package: packed ${name}`);
  return join(folder, name);
}

async function checkEntryPoints(tarball: string): Promise<void> {
  const bytes = readFileSync(tarball);
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const { messages, pkg } = await publint({ pack: { tarball: buffer }, strict: true });
  if (messages.length > 0) {
    const listed = messages.map((message) => `  ${message.type}: ${formatMessage(message, pkg, { color: false })}`);
    throw new Error(`publint must have nothing to say, said:\n${listed.join('\n')}\ncorrect package.json`);
  }
  console.log('check:package: publint has nothing to say');
}

/** `esm-only`: what older resolution modes make of it does not count, since they cannot load an ES module either. */
function checkTypes(tarball: string): void {
  const attw = join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js');
  run(process.execPath, [attw, tarball, '--profile', 'esm-only', '--no-emoji', '--no-color', '--format', 'ascii']);
  console.log('check:package: attw finds the types right');
}

/**
 * Scripts are off, as compiling the addon takes over a minute. The addon of this project's own node_modules was
 * compiled by this Node from the same version, so it is copied; a version that ships its binaries (13 and newer) needs
 * no copy.
 */
function installInto(project: string, tarball: string): string {
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), '{ "private": true }\n');
  run('npm', ['install', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', tarball], project);
  const addon = 'node_modules/better-sqlite3';
  const compiled = join(root, addon, 'build/Release/better_sqlite3.node');
  const sameVersion = manifestIn(join(root, addon)).version === manifestIn(join(project, addon)).version;
  if (sameVersion && existsSync(compiled)) {
    cpSync(compiled, join(project, addon, 'build/Release/better_sqlite3.node'));
  }
  console.log(`check:package: installed with better-sqlite3 ${manifestIn(join(project, addon)).version}`);
  return project;
}

function useAsModule(project: string): void {
  const file = join(project, 'use.mjs');
  writeFileSync(file, `import { createProcessor } from '${own.name}';\nconsole.log(typeof createProcessor);\n`);
  expectOutput(run(process.execPath, [file], project), { of: 'import { createProcessor }', wanted: 'function' });
}

function useFromCommonJs(project: string): void {
  const file = join(project, 'use.cjs');
  writeFileSync(file, `console.log(typeof require('${own.name}').createProcessor);\n`);
  expectOutput(run(process.execPath, [file], project), { of: 'require()', wanted: 'function' });
}

/** Checks the declarations too, as whoever does not set `skipLibCheck` has it: they must name nothing that is not there. */
function useFromTypeScript(project: string): void {
  const options = { strict: true, noEmit: true, module: 'nodenext', target: 'es2022', types: ['node'] };
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, files: ['use.mts'] }));
  writeFileSync(
    join(project, 'use.mts'),
    `import { createProcessor, type Outcome } from '${own.name}';
import { createTestProcessor } from '${own.name}/testing';
const processor = await createProcessor({ handlers: 'handlers.js', store: 'typed.db' });
const bus = await createTestProcessor({ handlers: { echo: ({ data }) => data } });
export const outcomes: Promise<Outcome>[] = [processor.process({ type: 'echo' }), bus.processor.process({ type: 'echo' })];
`,
  );
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  expectOutput(run(process.execPath, [compiler, '-p', project]), { of: 'tsc without skipLibCheck', wanted: '' });
}

function useAsCommand(project: string): void {
  const output = run('npx', ['--no-install', own.name, '--version'], project);
  expectOutput(output, { of: `npx ${own.name} --version`, wanted: own.version });
  for (const name of ['bench', 'tune']) {
    const [usage = ''] = run('npx', ['--no-install', own.name, name, '--help'], project).split('\n');
    expectOutput(usage, { of: `npx ${own.name} ${name} --help`, wanted: `Usage: ${own.name} ${name} [options]` });
  }
}

/** The README's example in the installed project: its handlers run in the packed threads, its outcomes in the packed store. */
function useAsTheReadmeSays(project: string): void {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const files = [...readme.matchAll(/<!-- file: (\S+) -->\n```\w+\n(.*?)```/gs)];
  for (const [, name, code] of files) writeFileSync(join(project, name as string), code as string);
  const lines = run(process.execPath, ['main.js'], project).trim().split('\n');
  expectOutput(lines.at(-1) ?? '', { of: "the README's example", wanted: '3 outcomes stored' });
  writeFileSync(join(project, 'orders.ndjson'), '{"type":"order.placed","key":"ada","data":{"amount":1}}\n');
  const flags = ['--handlers', 'handlers.js', '--input', 'orders.ndjson', '--store', 'run.db', '--json'];
  const summary = JSON.parse(run('npx', ['--no-install', own.name, 'run', ...flags], project)) as { succeeded: number };
  expectOutput(String(summary.succeeded), { of: `npx ${own.name} run`, wanted: '1' });
  measure(project);
}

/** What is packed of the bench must find all it needs: one cell of the example's handlers, and one of fixed work. */
function measure(project: string): void {
  const small = ['--smoke', '--json'];
  const ownWork = [
    '--handlers',
    'handlers.js',
    '--input',
    'orders.ndjson',
    '--events-per-thread',
    '20',
    '--threads',
    '1',
  ];
  for (const work of [ownWork, []]) {
    const report = run('npx', ['--no-install', own.name, 'bench', ...work, ...small], project);
    const { cells, wrong } = JSON.parse(report) as { cells: readonly unknown[]; wrong: readonly unknown[] };
    const found = cells.length > 0 && wrong.length === 0 ? 'measured' : `${cells.length} cells, wrong: ${wrong}`;
    expectOutput(found, { of: [own.name, 'bench', ...work, ...small].join(' '), wanted: 'measured' });
  }
}

function expectOutput(output: string, { of, wanted }: { of: string; wanted: string }): void {
  if (output.trim() !== wanted) {
    throw new Error(
      `${of} in an empty project must print "${wanted}", printed "${output.trim()}": see "exports", "bin"`,
    );
  }
  console.log(`check:package: ${of} works`);
}

/** Runs a command to its end and gives back what it printed; its output is part of the error if it fails. */
function run(command: string, args: readonly string[], cwd = root): string {
  try {
    const shell = process.platform === 'win32' && command !== process.execPath;
    return execFileSync(command, args, { cwd, shell, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`${[command, ...args].join(' ')} must succeed, failed with:\n${stdout}${stderr}`, { cause: error });
  }
}

function manifestIn(where: string): Manifest {
  return JSON.parse(readFileSync(join(where, 'package.json'), 'utf8')) as Manifest;
}
