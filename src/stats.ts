// The counts a processor gives when asked: one snapshot of plain values.

import type { Engine } from './engine.js';
import type { PauseFilter } from './pausing.js';
import type { Phase } from './phase.js';

/**
 * Counts at one moment. Every event, accepted, recovered or redriven, is in exactly one of waiting, in flight,
 * unacknowledged, backlog, parked, and done.
 */
export interface Stats {
  readonly phase: Phase;
  readonly uptimeMs: number;
  /** Events accepted since the start, once for each handler that an outcome is owed to. */
  readonly accepted: number;
  /** Published events that were stored since the start and owe nothing, as no handler took them. */
  readonly unmatched: number;
  /** Journaled events that were owed their outcomes at the start. */
  readonly recovered: number;
  /** Durable outcomes since the start, by verdict. */
  readonly succeeded: number;
  readonly deadLettered: number;
  readonly cancelled: number;
  /** Tries that failed and were followed, or will be, by another. */
  readonly retried: number;
  /** Tries that their handlers asked to be postponed. */
  readonly postponed: number;
  /** Dead letters that were run again. */
  readonly redriven: number;
  /** Outcomes whose identity had one already: the new one was ignored. */
  readonly duplicatesIgnored: number;
  /** Events that wait in memory. */
  readonly waiting: number;
  /** Of these, those that wait for a next try, or behind one. */
  readonly delayed: number;
  /** Events that wait in the store, as memory is full. */
  readonly backlog: number;
  /** Events that stay in the store: behind a dead letter, or owed to handlers that the module does not have. */
  readonly parked: number;
  /** Handlers whose circuit breaker is not closed. */
  readonly paused: readonly string[];
  /** What `pause()` holds back, as it was asked for. */
  readonly pausedByHand: readonly PauseFilter[];
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
export function statsOf(
  engine: Engine,
  of: { phase: Phase; uptimeMs: number; threads: number; recovered: number; pendingAtStart: number },
): Stats {
  const { dispatcher, journal, away, pump, intake, deadLetters, names, policies } = engine;
  const { phase, uptimeMs, threads, recovered, pendingAtStart } = of;
  const held = dispatcher.counts();
  const done = pump.counts();
  const isPaused = (handler: number): boolean => dispatcher.breakerOf(handler).state !== 'closed';
  return {
    ...{ phase, uptimeMs, threads, recovered },
    accepted: held.admitted + journal.backlog + journal.parked + journal.withdrawn - pendingAtStart,
    unmatched: journal.unmatched,
    succeeded: done.succeeded,
    deadLettered: done.deadLettered,
    cancelled: done.cancelled,
    retried: done.retried,
    postponed: done.postponed,
    redriven: deadLetters.redriven,
    duplicatesIgnored: done.duplicatesIgnored,
    waiting: held.buffered,
    delayed: held.delayed,
    backlog: journal.backlog + away.backlog,
    parked: journal.parked + away.parked,
    paused: policies.flatMap((_, handler) => (isPaused(handler) ? [names.handler(handler)] : [])),
    pausedByHand: engine.pausing.list(),
    inFlight: held.inFlight,
    unacknowledged: held.settled,
    publishersWaiting: intake.publishersWaiting,
    lanesLive: held.lanesLive,
    lanesReady: held.lanesReady,
    bytesHeld: held.bytesHeld,
    batchSize: held.batchSize,
    eventUs: held.eventUs,
    groupSize: done.groupSize,
    walBytes: done.gauges?.walBytes ?? 0,
    storeBytes: done.gauges?.storeBytes ?? 0,
  };
}
