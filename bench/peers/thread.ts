// The handler of every peer, and the default export that a thread pool calls.

import { seedOf } from '../handlers.js';
import { roundsOf, type Workload, work } from '../workloads.js';
import type { PeerEvent } from './events.js';

export interface PeerOutcome {
  readonly n: number;
  readonly type: Workload;
  readonly key: string | null;
  readonly result: number;
  readonly startedAtUs: number;
  readonly durationUs: number;
}

export default function handle({ n, type, key, data }: PeerEvent): PeerOutcome {
  const startMs = performance.now();
  const result = work(seedOf(data), roundsOf[type]);
  return {
    ...{ n, type, key, result },
    startedAtUs: Math.round((performance.timeOrigin + startMs) * 1000),
    durationUs: Math.round((performance.now() - startMs) * 1000),
  };
}
