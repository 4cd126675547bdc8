// The handler of every peer, and the default export that a thread pool calls.

import { rounds, type Workload, work } from '../work.js';
import type { PeerEvent } from './events.js';

export interface PeerOutcome {
  readonly n: number;
  readonly type: Workload;
  readonly key: string | null;
  /** The event's number plus what the work gave, so that a run can be checked by a sum. */
  readonly result: number;
  readonly startedAtUs: number;
  readonly durationUs: number;
}

export default function handle({ n, type, key, data }: PeerEvent): PeerOutcome {
  const startMs = performance.now();
  const result = data.n + work(rounds[type]);
  return {
    ...{ n, type, key, result },
    startedAtUs: Math.round((performance.timeOrigin + startMs) * 1000),
    durationUs: Math.round((performance.now() - startMs) * 1000),
  };
}
