// Every peer keylane is measured against: what it is, what it does not promise, how it is run. A peer that cannot be
// run here is in the result with its reason, never left out.

import { execFile, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { PeerSummary } from '../report.js';
import { sampleOf } from '../sample.js';
import { nominalUs, type Workload } from '../workloads.js';
import type { PeerCell } from './events.js';
import type { PeerResult } from './peer.js';

/** `batches`: events handed over and stored many at a time. */
export type Lack = 'parallel CPU' | 'order per key' | 'one durable outcome' | 'survives a crash' | 'batches';

export interface Peer {
  readonly name: string;
  readonly version: () => string;
  readonly lacks: readonly Lack[];
  /** From the root of the project, after `node`; the cell as JSON comes last. */
  readonly command: string;
  /** Events per second it hardly exceeds with nothing to compute; only bounds how many events it gets. */
  readonly rateMax: number;
}

export interface PeersRequest {
  readonly workloads: readonly Workload[];
  readonly threads: number;
  /** At most; a slow peer gets fewer, which is said. */
  readonly events: number;
  readonly repeats: number;
  readonly onlyNames?: readonly string[];
  /** `uniform` unless told. */
  readonly keys?: PeerCell['keys'];
  readonly keyCount?: number;
  /** Told of results that are wrong; without it they are thrown. */
  readonly onWrong?: (what: string) => void;
  readonly say?: (line: string) => void;
}

const secondsWanted = 5;
const runMsMax = 90_000;
const root = fileURLToPath(new URL('../../../', import.meta.url));
const home = 'bench/peers';
const perEventLacks: readonly Lack[] = ['order per key', 'one durable outcome', 'survives a crash', 'batches'];

export const peers: readonly Peer[] = [
  own('one-thread', 400_000, ['parallel CPU', 'survives a crash']),
  own('by-hand', 25_000, ['survives a crash', 'batches']),
  own('hash-sharded', 50_000, ['survives a crash']),
  own('piscina', 30_000, perEventLacks),
  foreign('p-queue', 20_000, ['survives a crash', 'batches']),
  foreign('tinypool', 30_000, perEventLacks),
  foreign('workerpool', 30_000, perEventLacks),
  foreign('poolifier', 60_000, perEventLacks),
  foreign('plainjob', 12_000, ['order per key', 'one durable outcome', 'batches']),
  foreign('bullmq', 12_000, ['order per key', 'survives a crash', 'batches']),
  foreign('sidequest', 200, ['order per key', 'batches']),
  foreign('pg-boss', 3_000, ['parallel CPU']),
  foreign('graphile-worker', 1_000, ['parallel CPU', 'one durable outcome', 'batches']),
];

/** Runs peers one after another, each run in a process of its own. */
export async function runPeers(request: PeersRequest): Promise<PeerSummary[]> {
  const say = request.say ?? console.error;
  const { onlyNames } = request;
  const unknown = onlyNames?.filter((name) => !peers.some((peer) => peer.name === name)) ?? [];
  if (unknown.length > 0) {
    throw new Error(`expected peers out of ${peers.map(({ name }) => name).join(', ')}, got ${unknown.join(', ')}`);
  }
  const chosen = peers.filter(({ name }) => onlyNames?.includes(name) ?? true);
  const installFailure = chosen.some(isForeign) ? installed(say) : null;
  const summaries: PeerSummary[] = [];
  for (const workload of request.workloads) {
    for (const peer of chosen) {
      const failure = isForeign(peer) ? installFailure : null;
      summaries.push(await summaryOf(peer, workload, { ...request, say, failure }));
    }
  }
  return summaries;
}

async function summaryOf(
  peer: Peer,
  workload: Workload,
  request: PeersRequest & { readonly say: (line: string) => void; readonly failure: string | null },
): Promise<PeerSummary> {
  const { threads, keys = 'uniform', keyCount = 1000, say } = request;
  const perSecond = Math.min(peer.rateMax, (threads * 1e6) / nominalUs[workload]);
  const events = Math.min(request.events, Math.ceil(perSecond * secondsWanted));
  const what = `${peer.name}, ${workload}, ${threads} threads, ${keys} keys`;
  if (events < request.events) say(`${what}: ${events} events instead of ${request.events}, to end in time`);
  const rates: number[] = [];
  let skipped = request.failure;
  for (let repeat = 0; repeat < request.repeats && skipped === null; repeat += 1) {
    const result = await runPeer(peer, { workload, threads, events, keys, keyCount });
    if ('skipped' in result) {
      skipped = result.skipped;
      break;
    }
    rates.push(result.eventsPerSecond);
    if (result.wrong.length === 0) continue;
    const wrong = `${what}: ${result.wrong.join('; ')}`;
    if (request.onWrong === undefined) throw new Error(wrong);
    request.onWrong(wrong);
  }
  if (skipped !== null) say(`${what}: skipped, ${skipped}`);
  return {
    ...{ name: peer.name, version: request.failure === null ? peer.version() : 'not installed' },
    ...{ workload, threads, keys, lacks: peer.lacks, keylaneOver: null, skipped },
    eventsPerSecond: skipped === null ? sampleOf(rates) : { median: 0, spread: 0, runs: [] },
  };
}

/** What the peer's process printed last; it is asked to end when it takes too long, and ends its own server then. */
function runPeer(peer: Peer, cell: PeerCell): Promise<PeerResult | { readonly skipped: string }> {
  return new Promise((resolve) => {
    const args = [peer.command, JSON.stringify(cell)];
    const limits = { cwd: root, timeout: runMsMax, maxBuffer: 64 * 1024 * 1024 };
    const child = execFile(process.execPath, args, limits, (error, stdout, stderr) => {
      if (error === null) resolve(JSON.parse(stdout.trim().split('\n').at(-1)!) as PeerResult);
      else if (child.killed) resolve({ skipped: `${cell.events} events took longer than ${runMsMax / 1000} s` });
      else
        resolve({ skipped: `it failed: ${/^\w*[Ee]rror\b.*: .*/m.exec(stderr)?.[0] ?? error.message.slice(0, 200)}` });
    });
  });
}

/** Installs what the peers need, once; gives the reason when it cannot. */
function installed(say: (line: string) => void): string | null {
  if (existsSync(`${root}${home}/node_modules/.package-lock.json`)) return null;
  say(`installing the peers: npm ci --prefix ${home}`);
  // No peer needs a script of its own to be installed; engines that ask for a newer Node are the peers' to refuse.
  const flags = ['ci', '--prefix', home, '--ignore-scripts', '--no-audit', '--no-fund', '--engine-strict=false'];
  const isWindows = process.platform === 'win32';
  const npm = spawnSync(isWindows ? 'npm.cmd' : 'npm', flags, { cwd: root, encoding: 'utf8', shell: isWindows });
  return npm.status === 0 ? null : `npm ci --prefix ${home} failed`;
}

function own(name: string, rateMax: number, lacks: readonly Lack[]): Peer {
  const version = name === 'piscina' ? () => versionOf(name, 'node_modules') : () => process.version;
  return { name, version, lacks, rateMax, command: `dist/${home}/${name}.js` };
}

function foreign(name: string, rateMax: number, lacks: readonly Lack[]): Peer {
  const version = (): string => versionOf(name, `${home}/node_modules`);
  return { name, version, lacks, rateMax, command: `${home}/${name}.mjs` };
}

function isForeign({ command }: Peer): boolean {
  return command.startsWith(home);
}

function versionOf(name: string, folder: string): string {
  return (JSON.parse(readFileSync(`${root}${folder}/${name}/package.json`, 'utf8')) as { version: string }).version;
}
