// The peers at the same work as the plain cells of two threads, each with keylane's rate over its own.

import type { Keys } from '../bench-events.js';
import type { Lab } from '../lab.js';
import { cellOf } from '../plan.js';
import type { CellSummary, PeerSummary } from '../report.js';
import type { Workload } from '../workloads.js';
import { runPeers } from './catalogue.js';

const threads = 2;

export async function peersBeside(
  lab: Lab,
  cells: readonly CellSummary[],
  repeats: number,
): Promise<readonly PeerSummary[]> {
  const beside = cells.filter((cell) => {
    const isPlain = cell.payload === '100B' && cell.intake === 'memory' && cell.durability === 'process';
    return isPlain && cell.threads === threads && cell.batchSizeMax === cellOf({}).batchSizeMax;
  });
  const found: PeerSummary[] = [];
  for (const { workload, keys, keyCount, events, eventsPerSecond } of beside) {
    const request = { threads, events, repeats, keys: keys as Keys, keyCount, say: (line: string) => lab.say(line) };
    const onWrong = (what: string): void => void lab.wrong.push(what);
    for (const peer of await runPeers({ ...request, onWrong, workloads: [workload as Workload] })) {
      const isRun = peer.skipped === null && peer.eventsPerSecond.median > 0;
      found.push({ ...peer, keylaneOver: isRun ? eventsPerSecond.median / peer.eventsPerSecond.median : null });
    }
  }
  return found;
}
