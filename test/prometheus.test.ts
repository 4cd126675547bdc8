// The text for Prometheus: its format, and that it has every figure of a snapshot.

import { describe, expect, test } from 'vitest';
import type { Health } from '../src/health.js';
import { prometheusText } from '../src/prometheus.js';
import type { Stats } from '../src/stats.js';

const health: Health = { status: 'degraded', reasons: [] };
const times = { averageMs: 2, p50Ms: 1, p95Ms: 3, p99Ms: 4, maxMs: 5 };
const tried = { succeeded: 5, failed: 1, cancelled: 2, retried: 3, postponed: 4, eventsPerSecond: 6, busyMs: 2500 };

/** A snapshot in which everything is known. */
const full = {
  ...{ phase: 'running', uptimeMs: 1500, slots: 100, slotsHeld: 10, bytesHeld: 1, bytesMax: 100, walBytes: 0 },
  ...{ accepted: 20, unmatched: 1, recovered: 2, duplicatesIgnored: 3, succeeded: 4, deadLettered: 5, cancelled: 6 },
  ...{ superseded: 7, retried: 8, postponed: 9, redriven: 10, waiting: 11, delayed: 4, inFlight: 12, backlog: 13 },
  ...{ unacknowledged: 14, parked: 15, publishersWaiting: 16, lanesLive: 17, lanesBusy: 18, lanesReady: 19 },
  ...{ lanesDelayed: 21, lanesParked: 22, threads: 2, batchSize: 23, eventUs: 24, groupSize: 25, commitMs: 26 },
  ...{ storeBytes: 27, eventsPerSecond: 28, busyShare: 0.25, writerBusyShare: 0.5, mainBusyShare: 0.75 },
  handlerThreads: [
    { threadId: 7, busyShare: 0.5 },
    { threadId: 8, busyShare: 0 },
  ],
  ...{ subscriptions: 29, listenersBehind: ['subscribe("a")'], storeShortBy: ['storeBytesMax'] },
  ...{ paused: ['b'], pausedByHand: [{ key: 'k' }] },
  handlers: { a: { ...tried, ...times }, b: { ...tried, p50Ms: null, p95Ms: null, p99Ms: null, maxMs: null } },
  types: { 'or"der': { succeeded: 1, failed: 2, retried: 3, busyMs: 4000, eventsPerSecond: 5 } },
  tries: { busyMs: 2500, ...times },
  latency: {
    count: 3,
    sumMs: 40,
    within: [
      { ms: 1, count: 1 },
      { ms: 25, count: 2 },
    ],
    ...times,
  },
} as unknown as Stats;

/** The text of a snapshot, held against the format: its samples by name and labels. */
function samplesOf(stats: Stats, labels: Record<string, string> = {}): Map<string, number> {
  const kinds = new Map<string, string>();
  const samples = new Map<string, number>();
  const text = prometheusText({ stats, health }, labels);
  expect(text.endsWith('\n')).toBe(true);
  let described = '';
  let current = '';
  for (const line of text.trimEnd().split('\n')) {
    const [, word, name, rest] = /^# (HELP|TYPE) ([a-z_]+) (.+)$/.exec(line) ?? [];
    if (word === 'HELP') {
      expect(kinds.has(name!)).toBe(false);
      described = name!;
    } else if (word === 'TYPE') {
      expect(name).toBe(described);
      kinds.set(name!, rest!);
      current = name!;
      expect(current.endsWith('_total')).toBe(rest === 'counter');
    } else {
      const pattern =
        /^([a-z_]+)((?:\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)+\})?) (-?\d+(?:\.\d+)?(?:e[+-]\d+)?)$/;
      const [, sample, own, value] = pattern.exec(line) ?? [line];
      const suffixes = { histogram: ['_bucket', '_sum', '_count'], summary: ['', '_sum', '_count'] };
      const allowed = suffixes[kinds.get(current) as keyof typeof suffixes] ?? [''];
      expect(allowed.map((suffix) => `${current}${suffix}`)).toContain(sample);
      expect(samples.has(`${sample}${own}`)).toBe(false);
      samples.set(`${sample}${own}`, Number(value));
    }
  }
  return samples;
}

test('the text for Prometheus has its format, and leaves out what is not known', () => {
  const samples = samplesOf({ ...full, eventUs: null, commitMs: null });
  const names = [...samples.keys()].join('\n');
  for (const name of [
    'event_seconds',
    'commit_seconds',
    'try_seconds{handler="b",quantile',
    'try_max_seconds{handler="b"',
  ])
    expect(names).not.toContain(`keylane_${name}`);
  expect(Object.fromEntries([...samples].filter(([name]) => name.startsWith('keylane_latency_seconds')))).toEqual({
    ...{ 'keylane_latency_seconds_bucket{le="0.001"}': 1, 'keylane_latency_seconds_bucket{le="0.025"}': 2 },
    ...{ 'keylane_latency_seconds_bucket{le="+Inf"}': 3, keylane_latency_seconds_sum: 0.04 },
    keylane_latency_seconds_count: 3,
  });
  expect(samplesOf({ ...full, handlers: {}, types: {} }).size).toBeGreaterThan(40);
});

test('the text for Prometheus has all that was counted, in seconds and bytes', () => {
  expect(Object.fromEntries(samplesOf(full))).toMatchObject({
    ...{ keylane_recovered_total: 2, keylane_duplicates_ignored_total: 3, keylane_handler_seconds_total: 2.5 },
    ...{ keylane_lanes_busy: 18, keylane_lanes_delayed: 21, keylane_lanes_parked: 22, keylane_subscriptions: 29 },
    ...{ keylane_listeners_behind: 1, keylane_store_full: 1 },
    ...{ keylane_slots: 100, keylane_slots_held: 10, keylane_held_bytes: 1, keylane_held_max_bytes: 100 },
    ...{ keylane_handler_threads_busy_ratio: 0.25, keylane_writer_thread_busy_ratio: 0.5 },
    ...{ 'keylane_handler_thread_busy_ratio{thread="7"}': 0.5, 'keylane_handler_thread_busy_ratio{thread="8"}': 0 },
    ...{ keylane_main_thread_busy_ratio: 0.75, keylane_commit_seconds: 0.026, keylane_event_seconds: 24e-6 },
    ...{ keylane_latency_max_seconds: 0.005, keylane_uptime_seconds: 1.5, keylane_pauses: 1 },
    ...{ 'keylane_tries_total{handler="a",result="postponed"}': 4, 'keylane_handler_paused{handler="b"}': 1 },
    ...{ 'keylane_try_seconds{handler="a",quantile="0.95"}': 0.003, 'keylane_try_seconds_sum{handler="b"}': 2.5 },
    ...{ 'keylane_try_seconds_count{handler="b"}': 15, 'keylane_try_max_seconds{handler="a"}': 0.005 },
    ...{ 'keylane_handler_events_per_second{handler="a"}': 6, 'keylane_type_seconds_total{type="or\\"der"}': 4 },
    'keylane_type_tries_total{type="or\\"der",result="failed"}': 2,
    'keylane_type_events_per_second{type="or\\"der"}': 5,
  });
});

test('the states of events add up to what has no outcome: what is delayed waits', () => {
  const samples = samplesOf(full);
  const states = [...samples].filter(([name]) => name.startsWith('keylane_events{'));
  const { waiting, inFlight, unacknowledged, backlog, parked } = full;
  const all = waiting + inFlight + unacknowledged + backlog + parked;
  expect(states.reduce((sum, [, value]) => sum + value, 0)).toBe(all);
  expect(samples.get('keylane_events_delayed')).toBe(4);
});

describe('labels for Prometheus', () => {
  const textWith = (labels: unknown) => () => prometheusText({ stats: full, health }, labels as Record<string, string>);

  test.each([
    [{ 'bad-name': 'x' }, 'a name in labels must be letters, digits and single underscores, got "bad-name"'],
    [{ '9lives': 'x' }, 'a name in labels must be letters, digits and single underscores, got "9lives"'],
    [{ __own: 'x' }, 'a name in labels must be letters, digits and single underscores, got "__own"'],
    [{ app: 7 }, 'labels.app must be a text, got 7'],
    [null, 'labels must be an object of texts by name, got null'],
  ])('that cannot be are refused: %j', (labels, message) => {
    expect(textWith(labels)).toThrow(expect.objectContaining({ code: 'bad-option', message }));
  });

  test('that a metric has of its own are refused', () => {
    const names = [...samplesOf(full).keys()].flatMap((sample) =>
      [...sample.matchAll(/([a-z]+)="/g)].map(([, name]) => name!),
    );
    expect(new Set(names)).toEqual(
      new Set(['handler', 'type', 'result', 'status', 'state', 'thread', 'quantile', 'le']),
    );
    for (const name of names)
      expect(textWith({ [name]: 'mine' })).toThrow(/a name in labels must be none that keylane uses/);
  });

  test('come with each sample', () => {
    for (const sample of samplesOf(full, { app: 'a\\"\n', _b2: '' }).keys()) {
      expect(sample).toContain('{app="a\\\\\\"\\n",_b2=""');
    }
  });
});
