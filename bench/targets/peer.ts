// The two peers that targets are told against: programs that do the same work with the same packages, each called as
// `node peers/<name>.js '<PeerRequest as JSON>'`.

import type { Lab } from '../lab.js';
import type { CellSpec } from '../report.js';

export type PeerName = 'by-hand' | 'hash-sharded';

export interface PeerRequest {
  readonly workload: string;
  readonly threads: number;
  readonly events: number;
  readonly keys: string;
  readonly keyCount: number;
}

/** Events per second of a peer at a cell's work; null where the peer is not there. */
export async function peerRate(
  lab: Lab,
  peer: PeerName,
  { workload, threads, keys, keyCount, ...spec }: CellSpec,
  events = spec.events,
): Promise<number | null> {
  const script = `peers/${peer}.js`;
  if (!lab.has(script)) return null;
  const argument: PeerRequest = { workload, threads, keys, keyCount, events };
  return (await lab.run<{ eventsPerSecond: number }>(script, { argument, name: peer })).eventsPerSecond;
}

/** All rates, or null if one is missing. */
export function allRates(rates: readonly (number | null)[]): number[] | null {
  const found = rates.filter((rate) => rate !== null);
  return found.length === rates.length ? found : null;
}
