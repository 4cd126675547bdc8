// A report that was never measured: cells, peers and figures made up to fill every table and chart.

import { type BenchReport, type CellSummary, type PeerSummary, reportVersion, type Sample } from '../bench/report.js';

export function sample(median: number, spread = 0.04): Sample {
  const runs = [-0.5, -0.2, 0, 0.3, 0.5].map((part) => median * (1 + part * spread));
  return { median, spread, runs };
}

export function cell(of: Partial<Omit<CellSummary, 'eventsPerSecond'>> & { readonly rate?: Sample } = {}): CellSummary {
  const { rate = sample(412_000), ...rest } = of;
  return {
    ...{ workload: 'no-op', threads: 2, events: 500_000, keys: 'uniform', keyCount: 1000, payload: '100 B' },
    ...{ intake: 'memory', durability: 'process', batchSizeMax: 256, isOverCores: false, eventsPerSecond: rate },
    ...{ speedUp: 1.9, efficiency: null, ofInsertLimit: null, latencyMs: { p50: 4.2, p99: 18.1, max: 40 } },
    ...{ otherKeysP99Ms: null, cpuUsPerEvent: { main: 1.4, handlers: 1.1, writer: 1.9, other: 0.4 } },
    ...{ batchSizeMean: 210.4, groupSizeMean: 3100, rssBytes: 96_000_000, walBytes: 8_200_000 },
    ...rest,
  };
}

export function peer(of: Partial<Omit<PeerSummary, 'eventsPerSecond'>> & { readonly rate?: number } = {}): PeerSummary {
  const { rate = 41_000, ...rest } = of;
  return {
    ...{ name: 'hash-sharded', version: '', workload: 'no-op', threads: 2, keys: 'uniform' },
    ...{
      eventsPerSecond: sample(rate),
      lacks: ['crash recovery'],
      keylaneIntake: 'memory',
      keylaneOver: 412_000 / rate,
      skipped: null,
    },
    ...rest,
  };
}

export function emptyReport(of: Partial<BenchReport> = {}): BenchReport {
  return {
    ...{ version: reportVersion, startedAt: '2026-11-24T15:00:00.000Z', command: 'npm run bench' },
    machine: {
      ...{ cpu: 'AMD EPYC 7B13', cores: 2, memoryBytes: 25_769_803_776, os: 'linux 6.1', node: 'v20.20.2' },
      loadAtStart: 0.12,
    },
    subject: { keylane: '0.1.0', commit: 'de6bdaa', versions: { piscina: '5.3.2', 'better-sqlite3': '12.11.1' } },
    ...{ cells: [], limits: [], peers: [], targets: [], model: null, own: null, wrong: [] },
    ...of,
  };
}

export function fullReport(): BenchReport {
  return emptyReport({ cells: cells(), limits: limits(), peers: peers(), targets: targets(), model: model() });
}

function cells(): CellSummary[] {
  const computing = [
    { workload: '60us', one: 15_900, ideal: 16_900, events: 100_000, wait: 9 },
    { workload: '600us', one: 1670, ideal: 1700, events: 10_000, wait: 60 },
    { workload: '5ms', one: 198, ideal: 200, events: 1200, wait: 420 },
  ];
  const threads = [1, 2, 4];
  const noOp = [231_000, 412_000, 370_000].map((rate, index) => {
    const count = threads[index] ?? 1;
    return cell({
      threads: count,
      isOverCores: count > 2,
      rate: sample(rate),
      speedUp: rate / 231_000,
      ofInsertLimit: rate / 640_000,
    });
  });
  const work = computing.flatMap(({ workload, one, ideal, events, wait }) => {
    return threads.map((count) => {
      const rate = one * (count === 1 ? 1 : count === 2 ? 1.93 : 1.88);
      const efficiency = rate / (ideal * Math.min(2, count));
      const latencyMs = { p50: wait, p99: wait * 3.1, max: wait * 4 };
      const cpuUsPerEvent = { main: 1.5, handlers: 1e6 / ideal, writer: 2.1, other: 0.3 };
      return cell({
        ...{ workload, events, threads: count, isOverCores: count > 2, rate: sample(rate, 0.02), speedUp: rate / one },
        ...{ efficiency, latencyMs, cpuUsPerEvent, batchSizeMean: 31.2 },
      });
    });
  });
  const ladder = (
    [
      ['memory', 'power', 250_000],
      ['journal', 'process', 190_000],
      ['journal', 'power', 171_000],
    ] as const
  ).map(([intake, durability, rate]) => cell({ intake, durability, rate: sample(rate, 0.06), ofInsertLimit: 0.58 }));
  const batches = [
    [16, 98_000],
    [64, 221_000],
    [1024, 431_000],
  ].map(([batchSizeMax = 1, rate = 1]) => {
    return cell({ batchSizeMax, rate: sample(rate), batchSizeMean: batchSizeMax * 0.9 });
  });
  const skewed = ['zipf', 'one-hot'].map((keys) => {
    return cell({
      workload: '60us',
      keys,
      events: 100_000,
      rate: sample(29_000),
      efficiency: 0.86,
      otherKeysP99Ms: 21,
    });
  });
  return [...noOp, ...work, ...ladder, ...batches, ...skewed];
}

function limits(): BenchReport['limits'] {
  return [
    { name: 'insert', of: 'memory / process', value: sample(640_000) },
    { name: 'insert', of: 'journal / power', value: sample(318_000) },
    { name: 'ideal', of: '60us, 2 processes', value: sample(33_800, 0.01) },
    { name: 'hand-over', of: 'one message there and back', value: sample(58.4, 0.2) },
  ];
}

function peers(): PeerSummary[] {
  const noOrder = ['order per key', 'durable outcome', 'crash recovery'];
  return [
    peer({ name: 'by hand', rate: 18_000, lacks: ['crash recovery'] }),
    peer(),
    peer({ name: 'piscina', version: '5.3.2', rate: 24_000, lacks: noOrder }),
    peer({ name: 'poolifier', version: '5.1.0', rate: 52_000, lacks: noOrder }),
    peer({ name: 'plainjob', version: '0.0.14', rate: 11_000, lacks: ['parallel CPU', 'order per key'] }),
    peer({ workload: '60us', rate: 17_100, keylaneIntake: 'memory', keylaneOver: 1.79 }),
    peer({ workload: '60us', rate: 14_800, keys: 'zipf', keylaneIntake: 'memory', keylaneOver: 1.96 }),
    peer({ workload: '60us', rate: 15_600, keys: 'one-hot', keylaneIntake: 'memory', keylaneOver: 1.86 }),
    peer({
      name: 'one thread in a loop',
      workload: '60us',
      threads: 1,
      rate: 16_900,
      lacks: ['parallel CPU', ...noOrder],
      keylaneIntake: 'memory',
      keylaneOver: 0.94,
    }),
    peer({
      name: 'BullMQ',
      version: '6.0.0',
      lacks: [],
      keylaneIntake: 'memory',
      keylaneOver: null,
      skipped: 'no Redis on this machine',
    }),
  ];
}

function targets(): BenchReport['targets'] {
  const figure = '0.64 of the insert limit, 22.9x by hand, 10.0x hash-sharded';
  const wanted = '>= 0.60 of the insert limit, >= 20x, >= 8x';
  const note = 'the writer is busy 96 % of the time, two thirds of it in SQLite; multi-row statements brought 12 %';
  return [
    { target: 'T1', what: 'no-op, memory / process', figure, wanted, isMet: true, note: null },
    { target: 'T2', what: 'default settings: journal / power', figure: '0.54', wanted: '>= 0.60', isMet: false, note },
    { target: 'T9', what: 'start over bare Node', figure: '212 ms', wanted: '<= 300 ms', isMet: true, note: null },
  ];
}

function model(): BenchReport['model'] {
  return {
    ...{ workload: '60us', mainUs: 1.5, writerUs: 2.1, handlerUs: 60.4, saturatesAt: { threads: 28.8, by: 'writer' } },
    predicted: [1, 2, 4, 8, 16, 32].map((threads) => {
      const measured = threads === 1 ? 15_900 : threads === 2 ? 30_700 : null;
      const here = measured === null ? null : Math.min(threads, 2) / 64e-6;
      return { threads, eventsPerSecond: Math.min(threads / 60.4e-6, 1 / 2.1e-6), here, measured };
    }),
  };
}
