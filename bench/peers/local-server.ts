// A Redis or a PostgreSQL of one's own: started on a free port in the peer's folder, ended by its process id.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Skipped } from './peer.js';

export interface LocalServer {
  readonly host: '127.0.0.1';
  readonly port: number;
  readonly stop: () => Promise<void>;
}

const host = '127.0.0.1';
const readyMsMax = 15_000;

/** Nothing is written to disk: what Redis keeps here does not survive its process. */
export async function startRedis(folder: string): Promise<LocalServer> {
  const program = found('redis-server', []);
  const port = await freePort();
  const flags = ['--port', port, '--bind', host, '--save', '', '--appendonly', 'no', '--dir', folder];
  const child = spawn(program, flags.map(String), { stdio: 'ignore' });
  await ready(child, () => answers(port));
  return { host, port, stop: () => stopped(child) };
}

/** Commits survive the process, as keylane's `process` does, and are not forced to the disk. */
export async function startPostgres(folder: string): Promise<LocalServer> {
  const versions = existsSync('/usr/lib/postgresql') ? readdirSync('/usr/lib/postgresql') : [];
  const folders = versions.map((version) => `/usr/lib/postgresql/${version}/bin`);
  const [initdb, postgres] = [found('initdb', folders), found('postgres', folders)];
  const data = join(folder, 'data');
  const identity = ordinaryUser(folder, data);
  const made = spawnSync(initdb, ['-D', data, '-U', 'bench', '-A', 'trust', '-N'], { ...identity, encoding: 'utf8' });
  if (made.status !== 0) throw new Skipped(`initdb failed: ${made.stderr.trim().split('\n').at(-1)}`);
  const port = await freePort();
  const settings = ['synchronous_commit=off', `unix_socket_directories=${folder}`, 'max_connections=50'];
  const flags = ['-D', data, '-p', String(port), '-h', host, ...settings.flatMap((setting) => ['-c', setting])];
  const child = spawn(postgres, flags, { ...identity, stdio: 'ignore' });
  const isReady = found('pg_isready', folders);
  await ready(child, async () => spawnSync(isReady, ['-h', host, '-p', String(port)]).status === 0);
  return { host, port, stop: () => stopped(child, 'SIGINT') };
}

function found(program: string, folders: readonly string[]): string {
  const onPath = (process.env['PATH'] ?? '').split(delimiter);
  const path = [...onPath, ...folders].map((folder) => join(folder, program)).find((file) => existsSync(file));
  if (path === undefined) throw new Skipped(`${program} is not installed`);
  return path;
}

/** PostgreSQL refuses to run as root. */
function ordinaryUser(folder: string, data: string): { uid?: number; gid?: number; cwd: string } {
  mkdirSync(data, { mode: 0o700 });
  if (process.getuid?.() !== 0) return { cwd: folder };
  const idOf = (flag: string): number => Number(spawnSync('id', [flag, 'nobody'], { encoding: 'utf8' }).stdout);
  const [uid, gid] = [idOf('-u'), idOf('-g')];
  if (!(uid > 0 && gid > 0)) throw new Skipped('run by root, and there is no user "nobody" to run PostgreSQL');
  for (const path of [folder, data]) chownSync(path, uid, gid);
  return { uid, gid, cwd: folder };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject);
    server.listen(0, host, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host);
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });
}

async function ready(child: ChildProcess, isReady: () => Promise<boolean>): Promise<void> {
  const end = (): void => {
    child.kill('SIGKILL');
  };
  // Before the folder it writes to is removed.
  process.prependListener('exit', end);
  for (let waitedMs = 0; waitedMs < readyMsMax; waitedMs += 50) {
    if (child.exitCode !== null) throw new Skipped(`the server ended with status ${child.exitCode}`);
    if (await isReady()) return;
    await delay(50);
  }
  throw new Skipped('the server did not become ready');
}

async function stopped(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  await Promise.race([ended, delay(5_000, null, { ref: false })]);
}
