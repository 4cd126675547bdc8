// The peers at the same work as plain cells, each with keylane's rate over its own: one that keeps what it was given
// through a crash beside keylane with its journal, any other beside keylane without.

import { KeylaneError } from '../../src/errors.js';
import type { Keys } from '../bench-events.js';
import { cellKey } from '../cell-key.js';
import type { Lab } from '../lab.js';
import { cores } from '../machine.js';
import { cellOf } from '../plan.js';
import type { CellSpec, CellSummary, PeerSummary } from '../report.js';
import type { Workload } from '../workloads.js';
import { keepsAccepted, type Peer, peers, runPeers } from './catalogue.js';

/** The cells of a run with peers: those given, and what peers are held against. Throws where no cell fits. */
export function cellsWithPeers(cells: readonly CellSpec[]): CellSpec[] {
  const beside = cellsBeside(cells);
  if (beside.length === 0) {
    const expected = '--peers needs a cell of payload 100B, intake memory and durability process';
    throw new KeylaneError('bad-option', `${expected}, got none: leave --payloads, --intake and --durability out`);
  }
  const known = new Set(cells.map((cell) => cellKey(cell)));
  const journaled = beside.map((cell): CellSpec => ({ ...cell, intake: 'journal' }));
  return [...cells, ...journaled.filter((cell) => !known.has(cellKey(cell)))];
}

/** `cells` are those of `cellsWithPeers`, measured; `racing` are run beside them. */
export async function peersBeside(
  lab: Lab,
  cells: readonly CellSummary[],
  repeats: number,
  racing: readonly Peer[] = peers,
): Promise<readonly PeerSummary[]> {
  const found: PeerSummary[] = [];
  for (const beside of cellsBeside(cells)) {
    const { workload, keys, threads, keyCount, events } = beside;
    const work = { workload: workload as Workload, keys: keys as Keys, threads, keyCount, events };
    const journaled = cells.find((cell) => cellKey(cell) === cellKey({ ...beside, intake: 'journal' }))!;
    for (const peer of await runPeers(lab, { ...work, repeats, peers: racing })) {
      const { intake, eventsPerSecond } = keepsAccepted(peer) ? journaled : beside;
      const isRun = peer.skipped === null && peer.eventsPerSecond.median > 0;
      const keylaneOver = isRun ? eventsPerSecond.median / peer.eventsPerSecond.median : null;
      found.push({ ...peer, keylaneOver, keylaneIntake: intake });
    }
  }
  return found;
}

/** With the most threads that have a core each, or the fewest there are. */
function cellsBeside<Cell extends CellSpec>(cells: readonly Cell[]): Cell[] {
  const plain = cells.filter(({ payload, intake, durability, batchSizeMax }) => {
    const isDefault = batchSizeMax === cellOf({}).batchSizeMax;
    return payload === '100B' && intake === 'memory' && durability === 'process' && isDefault;
  });
  const counts = plain.map(({ threads }) => threads);
  const fitting = counts.filter((threads) => threads <= cores);
  const wanted = fitting.length > 0 ? Math.max(...fitting) : Math.min(...counts);
  return plain.filter(({ threads }) => threads === wanted);
}
