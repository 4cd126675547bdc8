#!/usr/bin/env node
// Runs one task of this project from any starting point, a bare clone included: installs what is missing, builds what
// is stale, then runs the task and ends with its status. Promises that `npm test` and `npm run demo` need no step
// before them. Plain JavaScript without dependencies, since it runs before there are any; it knows nothing of what
// tasks do.

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { basename, delimiter, dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const installStamp = join(root, 'node_modules', '.keylane-install');
const buildStamp = join(root, 'dist', '.keylane-build');
const nodeOldest = [20, 19];
const sourceFolders = ['src', 'workers', 'bench', 'scripts'];
const tsc = ['node_modules/typescript/bin/tsc'];
const bundler = ['dist/scripts/bundle-workers.js'];
const biome = ['node_modules/@biomejs/biome/bin/biome'];

// The lock holds the addon that Node 20 can load. Compiled for Node 24 it ends the process now and then, in its own
// destructors; its next major version needs Node 22 and ships its binaries, so that nothing is compiled there.
const newAddon = 'better-sqlite3@13.2.0';
const takesNewAddon = Number(process.versions.node.split('.')[0]) >= 22;

// The steps of each task: arguments for node. All steps run, also after one failed. Further arguments of the command
// line go to the last step.
const tasks = {
  build: { needsBuild: true, steps: [] },
  demo: { needsBuild: true, steps: [['dist/scripts/examples/flights/demo.js']] },
  test: { needsBuild: true, steps: [['node_modules/vitest/vitest.mjs', 'run', ...testReporters()]] },
  bench: { needsBuild: true, steps: [['dist/bench/main.js']] },
  'bench:micro': { needsBuild: true, steps: [['dist/bench/micro.js']] },
  'bench:smoke': {
    needsBuild: true,
    steps: [
      ['dist/bench/micro.js', '--smoke'],
      ['dist/bench/main.js', '--smoke'],
      // The programs that only targets use, and that take seconds.
      ['dist/bench/main.js', '--smoke', '--targets', 'T6,T8,P7,state'],
    ],
  },
  'backlog-test': { needsBuild: true, steps: [['dist/scripts/backlog-test.js']] },
  'failure-soak': { needsBuild: true, steps: [['dist/scripts/failure-soak/main.js']] },
  'kill-test': { needsBuild: true, steps: [['dist/scripts/kill-test/main.js']] },
  'crash-test': { needsBuild: true, steps: [['dist/scripts/crash-test/main.js']] },
  'power-test': { needsBuild: true, steps: [['dist/scripts/power-test/main.js']] },
  mutants: { needsBuild: true, steps: [['dist/scripts/mutants/main.js']] },
  tidy: { needsBuild: true, steps: [['dist/scripts/tidy.js']] },
  'check:package': { needsBuild: true, steps: [['dist/scripts/check-package.js']] },
  // Tests import the built package too, so that their types can only be checked after a build.
  lint: {
    needsBuild: true,
    steps: [
      [...tsc, '-p', 'tsconfig.test.json'],
      ['dist/scripts/options-table.js', '--check'],
      [...biome, 'ci', '--error-on-warnings', ...biomeColours(), '.'],
    ],
  },
  'lint:fix': { needsBuild: false, steps: [[...biome, 'check', '--write', ...biomeColours(), '.']] },
};

await main();

async function main() {
  requireNode();
  const [name = '', ...rest] = process.argv.slice(2);
  const task = Object.hasOwn(tasks, name) ? tasks[name] : undefined;
  if (task === undefined) {
    fail(`task must be one of ${Object.keys(tasks).join(', ')}, got "${name}"`, `try: npm test`, 2);
  }
  await ensureInstalled();
  if (task.needsBuild) await ensureBuilt();
  let status = 0;
  for (const [index, step] of task.steps.entries()) {
    const last = index === task.steps.length - 1;
    const stepStatus = await run(process.execPath, last ? [...step, ...rest] : step);
    status ||= stepStatus;
  }
  process.exitCode = status;
}

function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [majorOldest, minorOldest] = nodeOldest;
  if (major > majorOldest || (major === majorOldest && minor >= minorOldest)) return;
  fail(`Node ${nodeOldest.join('.')} or newer is needed, found ${process.version}`, 'install Node 20, 22 or 24');
}

/** Installs when node_modules was not made from this lock file by a Node with this addon interface. */
async function ensureInstalled() {
  const wanted = `${hashOf([join(root, 'package-lock.json')])} abi ${process.versions.modules} ${newAddon}\n`;
  const found = readOr(installStamp, '');
  if (found === wanted) return;
  const patience = takesNewAddon ? '' : ' (the SQLite addon may compile for a minute or two)';
  say(`install: npm ci, because ${installReason({ found, wanted })}${patience}`);
  rmSync(installStamp, { force: true });
  const status = takesNewAddon
    ? (await npm(['ci', '--ignore-scripts'])) || (await npm(['install', '--no-save', '--ignore-scripts', newAddon]))
    : await npm(['ci']);
  if (status !== 0) {
    fail(
      `npm ci ended with status ${status}`,
      'read the lines above. Unless a ready-made SQLite addon can be downloaded, it needs python3, make and a C++ ' +
        'compiler (Debian: apt-get install python3 make g++; macOS: xcode-select --install). Then run this again',
      status,
    );
  }
  await requireAddon();
  writeFileSync(installStamp, wanted);
}

function installReason({ found, wanted }) {
  if (!existsSync(join(root, 'node_modules'))) return 'node_modules is missing';
  if (found === '') return 'node_modules was not installed by this script or not to the end';
  if (found.split(' ')[0] !== wanted.split(' ')[0]) return 'package-lock.json changed';
  return `Node changed (addon interface ${process.versions.modules}, ${process.version})`;
}

/** With the npm that runs this script, if one does; else the one on the PATH, run by this Node (see environment). */
function npm(args) {
  const env = { ...environment(), ...headersOfThisNode() };
  const cli = process.env.npm_execpath ?? '';
  if (basename(cli) === 'npm-cli.js' && existsSync(cli)) return run(process.execPath, [cli, ...args], { env });
  return run('npm', args, { env, shell: process.platform === 'win32' });
}

/**
 * An addon compiled against another Node's headers does not load. Where this Node came with headers (beside it, or in
 * the platform package of npm's `node` package), they win over a `nodedir` setting, which may be another Node's. The
 * compiler takes the first name; npm before 11 knows only the second, about which npm 11 warns, so that it is only ever
 * corrected.
 */
function headersOfThisNode() {
  const prefix = join(dirname(process.execPath), '..');
  const folder = [prefix, join(prefix, 'node_modules', `node-${process.platform}-${process.arch}`)].find(
    (candidate) => {
      const version = readOr(join(candidate, 'include', 'node', 'node_version.h'), '');
      return /#define NODE_MODULE_VERSION (\d+)/.exec(version)?.[1] === process.versions.modules;
    },
  );
  if (folder === undefined) return {};
  const corrected = process.env.npm_config_nodedir === undefined ? {} : { npm_config_nodedir: folder };
  return { npm_package_config_node_gyp_nodedir: folder, ...corrected };
}

/** Opens a database in a child, since an addon that does not fit can end its process instead of throwing. */
async function requireAddon() {
  const probe = "const D = require('better-sqlite3'); new D(':memory:').close();";
  const status = await run(process.execPath, ['-e', probe]);
  if (status === 0) return;
  fail(
    `better-sqlite3 was installed but does not load in Node ${process.version} (status ${status})`,
    'if it was compiled, its headers were of another Node: look for a `nodedir` setting (npm config ls -l), set ' +
      'npm_config_nodedir to the folder that holds include/node of this Node, delete node_modules and run this again',
    status,
  );
}

/**
 * Builds when a source, the compiler's settings, the steps of the build (in this file) or the installed packages differ
 * from those of the last good build.
 */
async function ensureBuilt() {
  const sources = sourceFolders
    .flatMap((folder) => filesUnder(join(root, folder)))
    .filter((file) => file.endsWith('.ts'));
  const settings = ['tsconfig.json', 'package-lock.json', 'scripts/bootstrap.mjs'].map((name) => join(root, name));
  const wanted = `${hashOf([...settings, ...sources])}\n`;
  const found = readOr(buildStamp, '');
  if (found === wanted) return;
  const reason = found === '' ? 'there is no finished build' : 'a source file or setting changed';
  say(`build: tsc and bundles of the threads, because ${reason}`);
  rmSync(buildStamp, { force: true });
  const status = await run(process.execPath, [...tsc, '-p', 'tsconfig.json']);
  if (status !== 0) fail('the build failed', 'correct the errors above and run this command again', status);
  removeOutputWithoutSource();
  const bundled = await run(process.execPath, bundler);
  if (bundled !== 0) fail('the threads could not be bundled', 'see the lines above and run this again', bundled);
  writeFileSync(buildStamp, wanted);
}

/** What a deleted source left in dist would be packed and published. */
function removeOutputWithoutSource() {
  const dist = join(root, 'dist');
  for (const file of filesUnder(dist)) {
    const source = join(root, relative(dist, file)).replace(/\.(d\.ts|js)$/, '.ts');
    if (!existsSync(source)) rmSync(file);
  }
}

/** CI reads the counts from the file that KEYLANE_TEST_JSON names; a person sees only the usual report. */
function testReporters() {
  const file = process.env.KEYLANE_TEST_JSON;
  return file ? ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`] : [];
}

/** Biome colours its text even where it goes to a file. */
function biomeColours() {
  return process.stdout.isTTY ? [] : ['--colors=off'];
}

/**
 * Runs a command in the project's root and resolves with its status, 128 + n after signal n as a shell has it. This
 * process outlives the child. Ctrl-C on a terminal reaches the child without us, and passing it on would make it two,
 * which means "end at once" to a draining command; so SIGINT is passed on only where there is no terminal.
 */
function run(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit', env: environment(), ...options });
    const onTerminal = [process.stdin, process.stdout, process.stderr].some((stream) => stream.isTTY);
    const interrupt = () => onTerminal || child.kill('SIGINT');
    const terminate = () => child.kill('SIGTERM');
    process.on('SIGINT', interrupt).on('SIGTERM', terminate);
    const finish = (status) => {
      process.off('SIGINT', interrupt).off('SIGTERM', terminate);
      resolve(status);
    };
    child.once('error', (error) => {
      say(`${command} could not be started (${error.message}); it must be on the PATH`);
      finish(127);
    });
    child.once('exit', (code, signal) => finish(code ?? 128 + constants.signals[signal]));
  });
}

/** Every `#!/usr/bin/env node` in a child must find the running Node, or the addon is compiled for another. */
function environment() {
  const path = Object.keys(process.env).find((key) => key.toUpperCase() === 'PATH') ?? 'PATH';
  return { ...process.env, [path]: `${dirname(process.execPath)}${delimiter}${process.env[path] ?? ''}` };
}

function filesUnder(folder) {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** Of names and contents, so that a renamed file counts as a change. */
function hashOf(files) {
  const hash = createHash('sha256');
  for (const file of files.sort()) {
    const content = readOr(file, undefined);
    if (content === undefined) fail(`${relative(root, file)} is missing`, 'restore it: git checkout -- .');
    hash.update(`${relative(root, file).split(sep).join('/')}\0${content}\0`);
  }
  return hash.digest('hex');
}

function readOr(file, fallback) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return fallback;
  }
}

function say(line) {
  process.stderr.write(`[keylane] ${line}\n`);
}

function fail(what, whatToDo, status = 1) {
  say(`${what}.`);
  say(`What to do: ${whatToDo}.`);
  process.exit(status);
}
