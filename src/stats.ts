// The counts a processor gives when asked: one snapshot of plain values.

import type { DispatcherCounts } from './dispatch/dispatcher.js';
import type { Phase } from './phase.js';
import type { PumpCounts } from './pump.js';

/**
 * Counts at one moment. Every event, accepted or recovered, is in exactly one of waiting, in flight, unacknowledged,
 * backlog, parked, and done.
 */
export interface Stats {
  readonly phase: Phase;
  readonly uptimeMs: number;
  /** Events accepted since the start. */
  readonly accepted: number;
  /** Journaled events that were owed their outcomes at the start. */
  readonly recovered: number;
  /** Durable outcomes since the start, by verdict. */
  readonly succeeded: number;
  readonly deadLettered: number;
  /** Outcomes whose identity had one already: the new one was ignored. */
  readonly duplicatesIgnored: number;
  /** Events that wait in memory. */
  readonly waiting: number;
  /** Published events that wait in the store, as memory is full. */
  readonly backlog: number;
  /** Events owed to handlers that the module does not have; they stay in the store. */
  readonly parked: number;
  readonly inFlight: number;
  /** Events whose outcome is decided and not yet durable. */
  readonly unacknowledged: number;
  /** Calls of publish that wait for room. */
  readonly publishersWaiting: number;
  readonly lanesLive: number;
  readonly lanesReady: number;
  /** Encoded size of the events held. */
  readonly bytesHeld: number;
  readonly threads: number;
  /** The batch size chosen last. */
  readonly batchSize: number;
  /** Time of one event in its thread, in microseconds, as a running average; null before the first report. */
  readonly eventUs: number | null;
  /** Events and outcomes in the group stored last. */
  readonly groupSize: number;
  /** Size of the write-ahead log after the last group. */
  readonly walBytes: number;
  /** What is used of the store, and its log, after the last group. */
  readonly storeBytes: number;
}

/** Puts one snapshot together. */
export function statsFrom(parts: {
  phase: Phase;
  uptimeMs: number;
  threads: number;
  publishersWaiting: number;
  journal: { backlog: number; parked: number; recovered: number };
  held: DispatcherCounts;
  done: PumpCounts;
}): Stats {
  const { phase, uptimeMs, threads, publishersWaiting, journal, held, done } = parts;
  return {
    phase,
    uptimeMs,
    accepted: held.admitted + journal.backlog + journal.parked - journal.recovered,
    recovered: journal.recovered,
    succeeded: done.succeeded,
    deadLettered: done.deadLettered,
    duplicatesIgnored: done.duplicatesIgnored,
    waiting: held.buffered,
    backlog: journal.backlog,
    parked: journal.parked,
    inFlight: held.inFlight,
    unacknowledged: held.settled,
    publishersWaiting,
    lanesLive: held.lanesLive,
    lanesReady: held.lanesReady,
    bytesHeld: held.bytesHeld,
    threads,
    batchSize: held.batchSize,
    eventUs: held.eventUs,
    groupSize: done.groupSize,
    walBytes: done.gauges?.walBytes ?? 0,
    storeBytes: done.gauges?.storeBytes ?? 0,
  };
}
