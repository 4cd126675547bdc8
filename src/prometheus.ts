// A snapshot of counts as metrics for Prometheus: every figure of it. What a sum over a label would count twice is a
// metric of its own.

import { expositionOf, type Metric, type Sample } from './exposition.js';
import type { HandlerFigures } from './handler-tallies.js';
import type { Health } from './health.js';
import type { Stats } from './stats.js';

/** The content type of what `prometheusText` gives. */
export const prometheusContentType = 'text/plain; version=0.0.4; charset=utf-8';

/**
 * The metrics of a processor, all beginning with `keylane_`; `labels` are added to each, to tell processors apart. What
 * is not known yet is left out. Throws a KeylaneError `bad-option` for labels that cannot be, or that metrics have.
 */
export function prometheusText(
  { stats, health }: { readonly stats: Stats; readonly health: Health },
  labels: Readonly<Record<string, string>> = {},
): string {
  const metrics = [
    ...countersOf(stats),
    ...eventsOf(stats),
    ...memoryOf(stats),
    ...threadsOf(stats),
    ...stateOf(stats, health),
    ...handlersOf(stats),
    ...typesOf(stats),
    latencyOf(stats),
  ];
  return expositionOf(metrics, labels);
}

function countersOf(stats: Stats): Metric[] {
  const outcomes = {
    succeeded: stats.succeeded,
    'dead-lettered': stats.deadLettered,
    cancelled: stats.cancelled,
    superseded: stats.superseded,
  };
  return [
    counter('accepted', 'Events accepted, once for each handler that an outcome is owed to.', stats.accepted),
    counter('unmatched', 'Published events that no handler took.', stats.unmatched),
    counter('recovered', 'Events that were owed their outcomes at the start.', stats.recovered),
    counter(
      'outcomes',
      'Durable outcomes.',
      Object.entries(outcomes).map(([status, value]) => ({ labels: { status }, value })),
    ),
    counter('duplicates_ignored', 'Outcomes of events that had one already.', stats.duplicatesIgnored),
    counter('retries', 'Tries that failed and are followed by another.', stats.retried),
    counter('postponed', 'Tries that their handlers asked to be postponed.', stats.postponed),
    counter('redriven', 'Dead letters that were run again.', stats.redriven),
    counter('handler_seconds', 'Time of events in their threads.', stats.tries.busyMs / 1000),
  ];
}

/** Where events are, and how they come and go. */
function eventsOf(stats: Stats): Metric[] {
  const places = (['waiting', 'inFlight', 'unacknowledged', 'backlog', 'parked'] as const).map((state) => {
    return { labels: { state: state === 'inFlight' ? 'in-flight' : state }, value: stats[state] };
  });
  const { latency } = stats;
  return [
    gauge('events', 'Events without a durable outcome, by where they are.', places),
    gauge(
      'events_delayed',
      'Of those that wait, the ones that wait for a next try or a rate, or behind one that does.',
      stats.delayed,
    ),
    gauge('events_per_second', 'Outcomes that became durable a second, of late.', stats.eventsPerSecond),
    gauge('latency_max_seconds', 'The longest from acceptance to the durable outcome.', secondsOf(latency.maxMs)),
    gauge('lanes_live', 'Keys with events that wait or run.', stats.lanesLive),
    gauge('lanes_busy', 'Keys with an event that runs.', stats.lanesBusy),
    gauge('lanes_ready', 'Keys that could give a run now.', stats.lanesReady),
    gauge('lanes_delayed', 'Keys that wait for a next try or a rate.', stats.lanesDelayed),
    gauge('lanes_parked', 'Keys that are stopped behind a dead letter.', stats.lanesParked),
    gauge('publishers_waiting', 'Calls of publish that wait for room.', stats.publishersWaiting),
    gauge('subscriptions', 'Listeners of outcomes that hold a queue.', stats.subscriptions),
    gauge('listeners_behind', 'Of these, those whose queue is full: no batch starts.', stats.listenersBehind.length),
  ];
}

function memoryOf(stats: Stats): Metric[] {
  return [
    gauge('slots', 'Events that memory may hold.', stats.slots),
    gauge('slots_held', 'Events that memory holds.', stats.slotsHeld),
    gauge('held_bytes', 'Encoded size of the events in memory.', stats.bytesHeld),
    gauge('held_max_bytes', 'What it may be.', stats.bytesMax),
    gauge('group_size', 'Events and outcomes in the group that was stored last.', stats.groupSize),
    gauge('commit_seconds', 'How long the writer thread took for it.', secondsOf(stats.commitMs)),
    gauge('wal_bytes', 'Size of the write-ahead log.', stats.walBytes),
    gauge('store_bytes', 'What is used of the store.', stats.storeBytes),
    gauge('store_full', '1 while nothing is taken in for want of room in it.', stats.storeShortBy.length > 0 ? 1 : 0),
  ];
}

function threadsOf(stats: Stats): Metric[] {
  const busy = (thread: string, what: string, value: number): Metric => {
    return gauge(`${thread}_busy_ratio`, `Share of its time that ${what}, of late.`, value);
  };
  return [
    gauge('handler_threads', 'Handler threads.', stats.threads),
    busy('handler_threads', 'a handler thread ran events', stats.busyShare),
    gauge(
      'handler_thread_busy_ratio',
      'Share of its time that one handler thread ran events, of late.',
      stats.handlerThreads.map(({ threadId, busyShare }) => ({
        labels: { thread: String(threadId) },
        value: busyShare,
      })),
    ),
    busy('writer_thread', 'the writer thread was busy', stats.writerBusyShare),
    busy('main_thread', 'the main thread was busy', stats.mainBusyShare),
    gauge('batch_size', 'Events in the batch that was sent last.', stats.batchSize),
    gauge(
      'event_seconds',
      'Time of one event in its thread, a running average.',
      stats.eventUs === null ? null : stats.eventUs / 1e6,
    ),
  ];
}

function stateOf(stats: Stats, health: Health): Metric[] {
  return [
    gauge('uptime_seconds', 'Time since the processor was made.', stats.uptimeMs / 1000),
    gauge('healthy', '1 when healthy, 0.5 when degraded, 0 when failed.', healthValue[health.status]),
    gauge('running', '1 while events run.', stats.phase === 'running' || stats.phase === 'draining' ? 1 : 0),
    gauge('pauses', 'Pauses in force that somebody asked for.', stats.pausedByHand.length),
  ];
}

function handlersOf({ handlers, paused }: Stats): Metric[] {
  const samples = (of: (figures: HandlerFigures, handler: string) => Sample[]): Sample[] => {
    return Object.entries(handlers).flatMap(([handler, figures]) =>
      of(figures, handler).map((sample) => ({ ...sample, labels: { handler, ...sample.labels } })),
    );
  };
  const results = ['succeeded', 'failed', 'cancelled', 'retried', 'postponed'] as const;
  const times = samples((figures) => [
    ...quantilesOf(figures).map(([quantile, ms]) => ({ labels: { quantile }, value: secondsOf(ms) })),
    { suffix: '_sum', value: figures.busyMs / 1000 },
    { suffix: '_count', value: results.reduce((sum, result) => sum + figures[result], 0) },
  ]);
  return [
    counter(
      'tries',
      'What tries gave, by handler.',
      samples((figures) => results.map((result) => ({ labels: { result }, value: figures[result] }))),
    ),
    {
      name: 'keylane_try_seconds',
      help: 'Times of tries since the start, by handler.',
      type: 'summary',
      samples: times,
    },
    gauge(
      'try_max_seconds',
      'The longest try since the start, by handler.',
      samples(({ maxMs }) => [{ value: secondsOf(maxMs) }]),
    ),
    gauge(
      'handler_events_per_second',
      'Events that were decided a second, of late, by handler.',
      samples(({ eventsPerSecond }) => [{ value: eventsPerSecond }]),
    ),
    gauge(
      'handler_paused',
      '1 while the circuit breaker of a handler is not closed.',
      samples((_, handler) => [{ value: paused.includes(handler) ? 1 : 0 }]),
    ),
  ];
}

function typesOf({ types }: Stats): Metric[] {
  const all = Object.entries(types);
  const results = (['succeeded', 'failed', 'retried'] as const).flatMap((result) =>
    all.map(([type, figures]) => ({ labels: { type, result }, value: figures[result] })),
  );
  const busy = all.map(([type, { busyMs }]) => ({ labels: { type }, value: busyMs / 1000 }));
  const rates = all.map(([type, { eventsPerSecond }]) => ({ labels: { type }, value: eventsPerSecond }));
  return [
    counter('type_tries', 'What tries gave, by event type.', results),
    counter('type_seconds', 'Time of events in their threads, by event type.', busy),
    gauge('type_events_per_second', 'Events that were decided a second, of late, by event type.', rates),
  ];
}

function latencyOf({ latency }: Stats): Metric {
  const buckets = latency.within.map(({ ms, count }) => ({ le: String(ms / 1000), value: count }));
  const all = [...buckets, { le: '+Inf', value: latency.count }];
  return {
    ...{ name: 'keylane_latency_seconds', help: 'From acceptance to the durable outcome.', type: 'histogram' },
    samples: [
      ...all.map(({ le, value }) => ({ suffix: '_bucket' as const, labels: { le }, value })),
      { suffix: '_sum', value: latency.sumMs / 1000 },
      { suffix: '_count', value: latency.count },
    ],
  };
}

const healthValue = { healthy: 1, degraded: 0.5, failed: 0 } as const;

function quantilesOf({ p50Ms, p95Ms, p99Ms }: HandlerFigures): [quantile: string, ms: number | null][] {
  return [
    ['0.5', p50Ms],
    ['0.95', p95Ms],
    ['0.99', p99Ms],
  ];
}

function counter(name: string, help: string, of: number | readonly Sample[]): Metric {
  return { name: `keylane_${name}_total`, help, type: 'counter', samples: samplesOf(of) };
}

function gauge(name: string, help: string, of: number | null | readonly Sample[]): Metric {
  return { name: `keylane_${name}`, help, type: 'gauge', samples: samplesOf(of) };
}

function samplesOf(of: number | null | readonly Sample[]): readonly Sample[] {
  return typeof of === 'object' && of !== null ? of : [{ value: of }];
}

function secondsOf(ms: number | null): number | null {
  return ms === null ? null : ms / 1000;
}
