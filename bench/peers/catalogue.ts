// Every peer keylane is measured against: what it is, what it does not promise, how it is run. A peer that cannot be
// run here is in the result with its reason, never left out.

import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Lab, LabError } from '../lab.js';
import type { PeerSummary } from '../report.js';
import { sampleOf } from '../sample.js';
import { nominalUs } from '../workloads.js';
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

/** The work that peers are given. */
export interface PeersRequest extends Omit<PeerCell, 'events'> {
  /** At most; a slow peer gets fewer, which is said. */
  readonly events: number;
  readonly repeats: number;
  readonly peers: readonly Peer[];
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

/** Whether what a peer was given survives a crash before it has run. */
export function keepsAccepted({ lacks }: { readonly lacks: readonly string[] }): boolean {
  return !lacks.includes('survives a crash');
}

/** One peer at one work. */
interface Racer {
  readonly peer: Peer;
  readonly cell: PeerCell;
  readonly rates: number[];
  skipped: string | null;
}

/**
 * Runs peers, each run in a process of its own, in rounds, so that a disturbance of the machine hits one run of many
 * peers. One that cannot be run, or fails, says why and is in no later round; one of our own that fails ends it all.
 */
export async function runPeers(lab: Lab, request: PeersRequest): Promise<PeerSummary[]> {
  const installFailure = request.peers.some(isForeign) ? installed((line) => lab.say(line)) : null;
  // A PostgreSQL refuses root: whom it runs as then must get to its folder. Nothing in here is anybody's.
  if (process.getuid?.() === 0) chmodSync(lab.folder, 0o711);
  const racers = request.peers.map((peer): Racer => {
    const cell = cellOf(peer, request, (line) => lab.say(line));
    return { peer, cell, rates: [], skipped: isForeign(peer) ? installFailure : null };
  });
  for (let round = 1; round <= request.repeats; round += 1) {
    const which = `round ${round} of ${request.repeats}`;
    for (const racer of racers.filter(({ skipped }) => skipped === null)) {
      lab.say(`peers, ${which}: ${nameOf(racer)}`);
      await runOnce(lab, racer);
      // What it reached before says nothing of it.
      if (racer.skipped !== null && round > 1) racer.skipped += ` (in ${which})`;
      if (racer.skipped !== null) lab.say(`${nameOf(racer)}: skipped, ${racer.skipped}`);
    }
  }
  return racers.map(({ peer, cell: { workload, threads, keys }, rates, skipped }) => {
    const isInstalled = !isForeign(peer) || installFailure === null;
    return {
      ...{ name: peer.name, version: isInstalled ? peer.version() : 'not installed' },
      ...{ workload, threads, keys, lacks: peer.lacks, keylaneOver: null, skipped },
      eventsPerSecond: skipped === null ? sampleOf(rates) : { median: 0, spread: 0, runs: [] },
    };
  });
}

function cellOf(peer: Peer, request: PeersRequest, say: (line: string) => void): PeerCell {
  const { workload, threads, keys, keyCount } = request;
  const perSecond = Math.min(peer.rateMax, (threads * 1e6) / nominalUs[workload]);
  const events = Math.min(request.events, Math.ceil(perSecond * secondsWanted));
  const cell = { workload, threads, keys, keyCount, events };
  if (events < request.events)
    say(`${nameOf({ peer, cell })}: ${events} events, not ${request.events}, to end in time`);
  return cell;
}

function nameOf({ peer, cell: { workload, threads, keys } }: Pick<Racer, 'peer' | 'cell'>): string {
  return `${peer.name}, ${workload}, ${threads} threads, ${keys} keys`;
}

async function runOnce(lab: Lab, racer: Racer): Promise<void> {
  const { peer, cell, rates } = racer;
  const what = nameOf(racer);
  const ended = await lab.ended([peer.command, JSON.stringify(cell)], { cwd: root, limitMs: runMsMax });
  if (ended.error === null) {
    const result = JSON.parse(ended.stdout.trim().split('\n').at(-1)!) as PeerResult | { readonly skipped: string };
    if ('skipped' in result) racer.skipped = result.skipped;
    else {
      rates.push(result.eventsPerSecond);
      for (const wrong of result.wrong) lab.wrong.push(`${what}: ${wrong}`);
    }
  } else if (ended.isLate) racer.skipped = `${cell.events} events took longer than ${runMsMax / 1000} s`;
  else {
    const why = /^\w*[Ee]rror\b.*: .*/m.exec(ended.stderr)?.[0] ?? ended.error.slice(0, 200);
    if (!isForeign(peer)) throw new LabError(`the peer ${what} failed: ${why}`);
    racer.skipped = `it failed: ${why}`;
  }
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
