// What the core says of itself: how many events are where.

import type { BatchSizeBy } from './batch-size.js';
import type { Departures } from './departures.js';
import type { Lanes } from './lanes.js';
import type { RingBuffer } from './ring-buffer.js';

/** Counts of events by where they are, and what was chosen last. */
export interface DispatcherCounts {
  readonly admitted: number;
  readonly buffered: number;
  /** Of the buffered ones, those that wait for a next try, or behind one. */
  readonly delayed: number;
  readonly inFlight: number;
  /** Decided or to wait in the store, and not yet durable. */
  readonly settled: number;
  readonly slots: number;
  readonly bytesMax: number;
  readonly lanesLive: number;
  readonly lanesBusy: number;
  readonly lanesDelayed: number;
  readonly lanesReady: number;
  readonly bytesHeld: number;
  readonly batchSize: number;
  readonly batchSizeBy: BatchSizeBy;
  readonly eventUs: number | null;
}

interface Parts {
  readonly ring: RingBuffer;
  readonly lanes: Lanes;
  readonly departures: Departures;
  readonly admitted: number;
  readonly settled: number;
}

export function countsOf({ ring, lanes, departures, admitted, settled }: Parts): DispatcherCounts {
  const { inFlight, size } = departures;
  const { live, busy, delayed } = lanes.counts();
  return {
    admitted,
    buffered: ring.held - inFlight - settled,
    delayed: lanes.stuck.delayedEvents,
    inFlight,
    settled,
    slots: ring.capacity,
    bytesMax: ring.bytesMax,
    lanesLive: live,
    lanesBusy: busy,
    lanesDelayed: delayed,
    lanesReady: lanes.ready,
    bytesHeld: ring.bytes,
    batchSize: size.latest,
    batchSizeBy: size.latestBy,
    eventUs: size.eventUs,
  };
}
