// What the core says of itself: how many events are where.

/** Counts of events by where they are, and what was chosen last. */
export interface DispatcherCounts {
  readonly admitted: number;
  readonly buffered: number;
  /** Of the buffered ones, those that wait for a next try, or behind one. */
  readonly delayed: number;
  readonly inFlight: number;
  /** Decided or to wait in the store, and not yet durable. */
  readonly settled: number;
  readonly lanesLive: number;
  readonly lanesReady: number;
  readonly bytesHeld: number;
  readonly batchSize: number;
  readonly eventUs: number | null;
}
