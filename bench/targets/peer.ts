// The two peers that targets are told against: programs that do the same work with the same packages, each called as
// `node peers/<name>.js '<PeerCell as JSON>'`.

import type { Keys } from '../bench-events.js';
import type { Lab } from '../lab.js';
import type { PeerCell } from '../peers/events.js';
import type { CellSpec } from '../report.js';
import type { Workload } from '../workloads.js';

export type PeerName = 'by-hand' | 'hash-sharded';

/** Events per second of a peer at a cell's work. */
export async function peerRate(
  lab: Lab,
  peer: PeerName,
  { workload, threads, keys, keyCount, ...spec }: CellSpec,
  events = spec.events,
): Promise<number> {
  const argument: PeerCell = { workload: workload as Workload, threads, keys: keys as Keys, keyCount, events };
  return (await lab.run<{ eventsPerSecond: number }>(`peers/${peer}.js`, { argument, name: peer })).eventsPerSecond;
}
