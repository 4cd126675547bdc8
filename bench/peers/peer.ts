// What every peer's process does around its run: reads its cell, has a folder, prints one line of JSON, judges the
// count, the checksum and, where the peer promises it, the order.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expectedChecksum, type PeerCell } from './events.js';

export interface PeerFound {
  readonly seconds: number;
  readonly count: number;
  readonly checksum: number;
  /** Events out of order; null where the peer promises none. */
  readonly late: number | null;
}

export interface PeerResult {
  readonly eventsPerSecond: number;
  readonly checksum: number;
  /** What is wrong with the results; empty when nothing is. */
  readonly wrong: readonly string[];
}

/** Why a peer cannot be run here. */
export class Skipped extends Error {}

/** Runs a peer on the cell of the command line and prints a PeerResult, or `{ skipped }`. */
export async function runAsPeer(run: (cell: PeerCell, folder: string) => Promise<PeerFound>): Promise<void> {
  const cell = JSON.parse(process.argv[2] ?? 'null') as PeerCell | null;
  if (cell === null) throw new Error('expected a cell as JSON, as CONTRIBUTING.md shows');
  const folder = mkdtempSync(join(tmpdir(), 'keylane-peer-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }));
  // The bench's way to end a run that takes too long; a server started by the peer ends with it.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => process.exit(1));
  let line: PeerResult | { readonly skipped: string };
  try {
    line = judged(cell, await run(cell, folder));
  } catch (error) {
    if (!(error instanceof Skipped)) throw error;
    line = { skipped: error.message };
  }
  // Some peers keep timers and sockets after they are closed.
  process.stdout.write(`${JSON.stringify(line)}\n`, () => process.exit());
}

/** Skips the peer on a Node older than it says it needs. */
export function needNode(version: string): void {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [majorMin = 0, minorMin = 0] = version.split('.').map(Number);
  if (major > majorMin || (major === majorMin && minor >= minorMin)) return;
  throw new Skipped(`needs Node ${version}, this is ${process.versions.node}`);
}

function judged(cell: PeerCell, { seconds, count, checksum, late }: PeerFound): PeerResult {
  const wrong: string[] = [];
  if (count !== cell.events) wrong.push(`${cell.events} events, ${count} outcomes`);
  const expected = expectedChecksum(cell);
  if (checksum !== expected) wrong.push(`the results add up to ${checksum}, not ${expected}`);
  if (late !== null && late > 0) wrong.push(`${late} events began before their predecessor ended`);
  return { eventsPerSecond: cell.events / seconds, checksum, wrong };
}
