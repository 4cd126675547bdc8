// A snapshot of counts as text that Prometheus scrapes: the text exposition format, version 0.0.4.

import type { Health } from './health.js';
import type { Stats } from './stats.js';

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly samples: readonly {
    readonly labels?: Readonly<Record<string, string>>;
    readonly value: number | null;
    /** Behind the metric's name. */
    readonly suffix?: string;
  }[];
}

/** The content type of what `prometheusText` gives. */
export const prometheusContentType = 'text/plain; version=0.0.4; charset=utf-8';

/**
 * The metrics of a processor, all beginning with `keylane_`; `labels` are added to each, to tell processors apart. What
 * is not known yet is left out.
 */
export function prometheusText(
  { stats, health }: { readonly stats: Stats; readonly health: Health },
  labels: Readonly<Record<string, string>> = {},
): string {
  const metrics = [...countersOf(stats), ...gaugesOf(stats, health), latencyOf(stats)];
  return metrics.flatMap((metric) => linesOf(metric, labels)).join('');
}

function countersOf(stats: Stats): Metric[] {
  const counter = (name: string, help: string, value: number): Metric => {
    return { name: `keylane_${name}_total`, help, type: 'counter', samples: [{ value }] };
  };
  const outcomes = {
    succeeded: stats.succeeded,
    'dead-lettered': stats.deadLettered,
    cancelled: stats.cancelled,
    superseded: stats.superseded,
  };
  const handlers = Object.entries(stats.handlers).flatMap(([handler, of]) =>
    (['succeeded', 'failed', 'cancelled', 'retried'] as const).map((result) => {
      return { labels: { handler, result }, value: of[result] };
    }),
  );
  return [
    counter('accepted', 'Events accepted, once for each handler that an outcome is owed to.', stats.accepted),
    counter('unmatched', 'Published events that no handler took.', stats.unmatched),
    {
      ...{ name: 'keylane_outcomes_total', help: 'Durable outcomes.', type: 'counter' },
      samples: Object.entries(outcomes).map(([status, value]) => ({ labels: { status }, value })),
    },
    counter('retries', 'Tries that failed and are followed by another.', stats.retried),
    counter('postponed', 'Tries that their handlers asked to be postponed.', stats.postponed),
    counter('redriven', 'Dead letters that were run again.', stats.redriven),
    { name: 'keylane_tries_total', help: 'What tries gave, by handler.', type: 'counter', samples: handlers },
    {
      ...{ name: 'keylane_handler_seconds_total', help: 'Time of events in their threads.', type: 'counter' },
      samples: [{ value: stats.tries.busyMs / 1000 }],
    },
    {
      ...{ name: 'keylane_uptime_seconds', help: 'Time since the processor was made.', type: 'gauge' },
      samples: [{ value: stats.uptimeMs / 1000 }],
    },
  ];
}

function gaugesOf(stats: Stats, health: Health): Metric[] {
  const gauge = (name: string, help: string, value: number | null): Metric => {
    return { name: `keylane_${name}`, help, type: 'gauge', samples: [{ value }] };
  };
  const events = (['waiting', 'delayed', 'inFlight', 'unacknowledged', 'backlog', 'parked'] as const).map((state) => {
    return { labels: { state: state === 'inFlight' ? 'in-flight' : state }, value: stats[state] };
  });
  return [
    {
      name: 'keylane_events',
      help: 'Events without a durable outcome, by where they are.',
      type: 'gauge',
      samples: events,
    },
    gauge('events_per_second', 'Outcomes that became durable a second, of late.', stats.eventsPerSecond),
    gauge('lanes_live', 'Keys with events that wait or run.', stats.lanesLive),
    gauge('lanes_ready', 'Keys that could give a run now.', stats.lanesReady),
    gauge('publishers_waiting', 'Calls of publish that wait for room.', stats.publishersWaiting),
    gauge('handler_threads', 'Handler threads.', stats.threads),
    gauge(
      'handler_threads_busy_ratio',
      'Share of their time that handler threads ran events, of late.',
      stats.busyShare,
    ),
    gauge('batch_size', 'Events in the batch that was sent last.', stats.batchSize),
    gauge('event_seconds', 'Time of one event in its thread, a running average.', secondsOf(stats.eventUs)),
    gauge('group_size', 'Events and outcomes in the group that was stored last.', stats.groupSize),
    gauge('held_bytes', 'Encoded size of the events in memory.', stats.bytesHeld),
    gauge('wal_bytes', 'Size of the write-ahead log.', stats.walBytes),
    gauge('store_bytes', 'What is used of the store.', stats.storeBytes),
    gauge('healthy', '1 when healthy, 0.5 when degraded, 0 when failed.', healthValue[health.status]),
    gauge('running', '1 while events run.', stats.phase === 'running' || stats.phase === 'draining' ? 1 : 0),
  ];
}

function latencyOf({ latency }: Stats): Metric {
  const buckets = latency.within.map(({ ms, count }) => ({ le: String(ms / 1000), value: count }));
  const all = [...buckets, { le: '+Inf', value: latency.count }];
  return {
    ...{ name: 'keylane_latency_seconds', help: 'From acceptance to the durable outcome.', type: 'histogram' },
    samples: [
      ...all.map(({ le, value }) => ({ suffix: '_bucket', labels: { le }, value })),
      { suffix: '_sum', value: latency.sumMs / 1000 },
      { suffix: '_count', value: latency.count },
    ],
  };
}

const healthValue = { healthy: 1, degraded: 0.5, failed: 0 } as const;

function secondsOf(us: number | null): number | null {
  return us === null ? null : us / 1e6;
}

function linesOf({ name, help, type, samples }: Metric, common: Readonly<Record<string, string>>): string[] {
  const lines = samples.flatMap(({ labels = {}, value, suffix = '' }) => {
    return value === null ? [] : [`${name}${suffix}${labelsText({ ...common, ...labels })} ${value}\n`];
  });
  return lines.length === 0 ? [] : [`# HELP ${name} ${help}\n`, `# TYPE ${name} ${type}\n`, ...lines];
}

function labelsText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
