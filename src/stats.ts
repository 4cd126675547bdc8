// The counts a processor gives when asked: one snapshot of plain values.

import type { BatchSizeBy } from './dispatch/batch-size.js';
import type { Engine } from './engine.js';
import { type HandlerFigures, type HandlerTimes, timesOf } from './handler-tallies.js';
import type { Histogram } from './histogram.js';
import type { PauseFilter } from './pausing.js';
import type { Phase } from './phase.js';
import type { RoomLimit } from './room.js';
import type { ThreadShare } from './thread-shares.js';
import type { TypeFigures } from './type-tallies.js';

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
  /** By a newer event of their key, where the handler has `waiting: 'latest'`. */
  readonly superseded: number;
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
  /** Of these, those that wait for a next try or for the rate of their key, or behind one that does. */
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
  /** Keys with events in memory; of these, those that run, could run, wait for a next try; and stopped ones. */
  readonly lanesLive: number;
  readonly lanesBusy: number;
  readonly lanesReady: number;
  readonly lanesDelayed: number;
  readonly lanesParked: number;
  /** Events that memory may hold, and holds. */
  readonly slots: number;
  readonly slotsHeld: number;
  /** Encoded size of the events held. */
  readonly bytesHeld: number;
  readonly bytesMax: number;
  readonly threads: number;
  /** The batch size chosen last. */
  readonly batchSize: number;
  /** What decided it. */
  readonly batchSizeBy: BatchSizeBy;
  /** Time of one event in its thread, in microseconds, as a running average; null before the first report. */
  readonly eventUs: number | null;
  /** Events and outcomes in the group stored last. */
  readonly groupSize: number;
  /** How long the writer thread took for it, in milliseconds; null before the first. */
  readonly commitMs: number | null;
  /** Size of the write-ahead log after the last group. */
  readonly walBytes: number;
  /** What is used of the store, and its log, after the last group. */
  readonly storeBytes: number;
  /** Limits of the store that are reached: nothing new is taken in until there is room again. */
  readonly storeShortBy: readonly RoomLimit[];
  /** Outcomes that became durable a second, over the last ten seconds. */
  readonly eventsPerSecond: number;
  /**
   * Shares of their time that handler threads and the writer thread were busy, over the last ten seconds; of the
   * former, what runs at this moment included.
   */
  readonly busyShare: number;
  /** The same of each handler thread that lives, or still runs something. */
  readonly handlerThreads: readonly ThreadShare[];
  readonly writerBusyShare: number;
  /** The same of the main thread, since somebody asked five seconds ago or more; before, since the start. */
  readonly mainBusyShare: number;
  /** Listeners of outcomes that hold a queue: subscriptions and iterators. */
  readonly subscriptions: number;
  /** Those whose queue is full, as `subscribe("order.*")`: no batch starts until they have taken half of it. */
  readonly listenersBehind: readonly string[];
  /**
   * From the acceptance of published events to their durable outcomes: with intake `memory` of each sixteenth, with the
   * journal from when their group was begun; not of those that were accepted by another process or came back from disk.
   */
  readonly latency: Latency;
  /** What tries gave and took, by the name of their handler. */
  readonly handlers: Readonly<Record<string, HandlerFigures>>;
  /** The same by the type of the event, of the first thousand types; what comes after them is `(others)`. */
  readonly types: Readonly<Record<string, TypeFigures>>;
  /** How long tries took in their threads, all handlers together. */
  readonly tries: HandlerTimes;
}

/** How long something took; null before the first. Quantiles are at most an eighth too high. */
export interface Latency extends Omit<HandlerTimes, 'busyMs'> {
  readonly count: number;
  readonly sumMs: number;
  /** How many were within so many milliseconds, the bounds rising. */
  readonly within: readonly { readonly ms: number; readonly count: number }[];
}

const latencyBoundsMs = [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 60_000];

/** Puts one snapshot together. */
export function statsOf(
  engine: Engine,
  of: Pick<Stats, 'phase' | 'uptimeMs' | 'threads' | 'recovered' | 'mainBusyShare'> & {
    readonly pendingAtStart: number;
    readonly nowMs: number;
  },
): Stats {
  const { dispatcher, journal, away, pump, intake, deadLetters, names } = engine;
  const { phase, uptimeMs, threads, recovered, mainBusyShare, pendingAtStart, nowMs } = of;
  const held = dispatcher.counts();
  const done = pump.counts();
  const isPaused = (handler: number): boolean => dispatcher.breakerOf(handler).state !== 'closed';
  return {
    ...{ phase, uptimeMs, threads, recovered, mainBusyShare },
    accepted: held.admitted + journal.backlog + journal.parked + journal.withdrawn - pendingAtStart,
    unmatched: journal.unmatched,
    succeeded: done.succeeded,
    deadLettered: done.deadLettered,
    cancelled: done.cancelled,
    superseded: done.superseded,
    retried: done.retried,
    postponed: done.postponed,
    redriven: deadLetters.redriven,
    duplicatesIgnored: done.duplicatesIgnored,
    waiting: held.buffered,
    delayed: held.delayed,
    backlog: journal.backlog + away.backlog,
    parked: journal.parked + away.parked,
    paused: engine.handlers.present.flatMap((handler) => (isPaused(handler) ? [names.handler(handler)] : [])),
    pausedByHand: engine.pausing.list(),
    inFlight: held.inFlight,
    unacknowledged: held.settled,
    publishersWaiting: intake.publishersWaiting,
    ...{ lanesLive: held.lanesLive, lanesBusy: held.lanesBusy, lanesReady: held.lanesReady },
    ...{ lanesDelayed: held.lanesDelayed, lanesParked: away.parkedLanes },
    ...{ slots: held.slots, slotsHeld: dispatcher.held, bytesHeld: held.bytesHeld, bytesMax: held.bytesMax },
    ...{ batchSize: held.batchSize, batchSizeBy: held.batchSizeBy },
    eventUs: held.eventUs,
    groupSize: done.groupSize,
    walBytes: done.gauges?.walBytes ?? 0,
    storeBytes: done.gauges?.storeBytes ?? 0,
    storeShortBy: engine.acceptance.storeShortBy,
    commitMs: done.commitUs === null ? null : done.commitUs / 1000,
    ...{ subscriptions: engine.audience.size, listenersBehind: engine.audience.behind },
    ...figuresOf(engine, { threads, nowMs }),
  };
}

type Measured =
  | 'eventsPerSecond'
  | 'busyShare'
  | 'handlerThreads'
  | 'writerBusyShare'
  | 'handlers'
  | 'types'
  | 'tries'
  | 'latency';

/** What was measured on the way. */
function figuresOf(
  { pump, flights, names, handlers }: Engine,
  { threads, nowMs }: { threads: number; nowMs: number },
): Pick<Stats, Measured> {
  const { tallies, types, rates, latency, threads: shares } = pump.figures;
  const running = flights.allRunning();
  const runningMs = running.map(({ forMs }) => forMs);
  return {
    eventsPerSecond: rates.outcomes.perSecond(nowMs),
    busyShare: Math.min(1, rates.handlersUs.perSecond(nowMs, runningMs) / 1e6 / threads),
    handlerThreads: shares.of(flights.threadIds, { running, nowMs }),
    writerBusyShare: Math.min(1, rates.writerUs.perSecond(nowMs) / 1e6),
    handlers: Object.fromEntries(handlers.present.map((index) => [names.handler(index), tallies.of(index, nowMs)])),
    types: types.figures(nowMs),
    tries: timesOf(tallies.times),
    latency: latencyOf(latency),
  };
}

function latencyOf(latency: Histogram): Latency {
  const { busyMs: sumMs, ...times } = timesOf(latency);
  const counts = latency.within(latencyBoundsMs.map((ms) => ms * 1000));
  const within = latencyBoundsMs.map((ms, index) => ({ ms, count: counts[index]! }));
  return { ...times, sumMs, count: latency.count, within };
}
