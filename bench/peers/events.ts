// The events that every peer handles: those of the bench's cells, about 100 bytes when encoded, numbered.

import { type BenchEvent, BenchEvents, type Keys } from '../bench-events.js';
import type { Workload } from '../workloads.js';

export interface PeerCell {
  readonly workload: Workload;
  readonly threads: number;
  readonly events: number;
  readonly keys: Keys;
  readonly keyCount: number;
}

export interface PeerEvent extends BenchEvent {
  readonly n: number;
}

/** The same events in the same order for the same cell. */
export function* peerEvents(cell: PeerCell): Generator<PeerEvent> {
  const events = new BenchEvents({ ...cell, payload: '100B' });
  for (let n = 0; n < cell.events; n += 1) yield { n, ...events.event(n) };
}

/** What the results of a cell must add up to. */
export function expectedChecksum(cell: PeerCell): number {
  const events = new BenchEvents({ ...cell, payload: '100B' });
  let sum = 0;
  for (let n = 0; n < cell.events; n += 1) sum += events.resultOf(n);
  return sum;
}
