// One cell of the bench, in a process of its own: so many events through a fresh store, then every result is checked.
// Called as `node cell.js '<CellRequest as JSON>'`; prints one CellRun as JSON. The pool is started and warmed before
// the clock starts, with a tenth of the events; the clock stops when the last outcome is durable. Latency is measured
// afterwards, in the same processor, at a load below the throughput that was found.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BenchEvents } from './bench-events.js';
import { checkStore } from './check.js';
import { type Latency, latencyAtLoad, latencyOneByOne } from './latency.js';
import type { CellSpec } from './report.js';
import { type Sampled, Sampler } from './sampler.js';
import { type CpuSplit, cpuPerEvent, ThreadCpu } from './thread-cpu.js';
import { allDurable, type BenchProcessor, openVariant, publishAs, type Variant } from './variant.js';

/** How latency is measured: at a share of the throughput found, at a rate, or one event at a time. */
export type LatencyPlan =
  | { readonly kind: 'share'; readonly share: number; readonly seconds: number }
  | { readonly kind: 'rate'; readonly perSecond: number; readonly seconds: number }
  | { readonly kind: 'one-by-one'; readonly count: number };

export interface CellRequest {
  readonly spec: CellSpec;
  /** Null: not at all. */
  readonly latency: LatencyPlan | null;
  /** What it does otherwise than an ordinary cell, to see what that costs. */
  readonly variant?: Variant;
}

export interface CellRun extends Sampled {
  /** From the first publish to the last durable outcome. */
  readonly eventsPerSecond: number;
  readonly cpuUsPerEvent: CpuSplit;
  /** Of the main thread's share, what it took to make the events; they are made as they are published. */
  readonly makingUsPerEvent: number;
  /** By how much resident memory was above that of the beginning, at the most. */
  readonly rssGrowthBytes: number;
  readonly latencyMs: Latency | null;
  /** What is wrong with the stored outcomes; empty when nothing is. */
  readonly wrong: readonly string[];
}

const request = JSON.parse(process.argv[2] ?? 'null') as CellRequest | null;
if (request === null) throw new Error('expected a cell as JSON; run `npm run bench`');
const folder = await mkdtemp(join(tmpdir(), 'keylane-bench-'));
try {
  console.log(JSON.stringify(await run(request, join(folder, 'bench.db'))));
} finally {
  await rm(folder, { recursive: true });
}

async function run({ spec, latency, variant = 'ordinary' }: CellRequest, store: string): Promise<CellRun> {
  const events = new BenchEvents(spec);
  const warming = Math.ceil(spec.events / 10);
  const end = warming + spec.events;
  const makingUsPerEvent = makingUs(events, warming);
  const cpu = new ThreadCpu();
  const processor = await openVariant(variant, spec, store);
  cpu.find({ handlers: spec.threads });
  await processor.publishMany(events.range(0, warming));
  await allDurable(processor, warming);
  const rssBefore = process.memoryUsage.rss();
  const sampler = new Sampler(processor);
  const cpuBefore = cpu.read();
  const startMs = performance.now();
  await publishAs(variant, processor, events.range(warming, end));
  await allDurable(processor, end);
  const eventsPerSecond = (spec.events * 1000) / (performance.now() - startMs);
  const cpuUsPerEvent = cpuPerEvent(cpuBefore, cpu.read(), spec.events);
  const sampled = sampler.finish();
  const [count, latencyMs] = await latencyPhase(processor, { plan: latency, events, first: end, eventsPerSecond });
  await processor.drain();
  const wrong = checkStore(store, { events, count: end + count });
  const rssGrowthBytes = sampled.rssBytes - rssBefore;
  return { eventsPerSecond, cpuUsPerEvent, makingUsPerEvent, ...sampled, rssGrowthBytes, latencyMs, wrong };
}

async function latencyPhase(
  processor: BenchProcessor,
  of: { plan: LatencyPlan | null; events: BenchEvents; first: number; eventsPerSecond: number },
): Promise<[count: number, latency: Latency | null]> {
  const { plan, events, first } = of;
  if (plan === null) return [0, null];
  if (plan.kind === 'one-by-one') {
    return [plan.count, await latencyOneByOne(processor, { events, first, count: plan.count })];
  }
  const perSecond = plan.kind === 'rate' ? plan.perSecond : of.eventsPerSecond * plan.share;
  const count = Math.max(10, Math.ceil(perSecond * plan.seconds));
  return [count, await latencyAtLoad(processor, { events, first, count, perSecond })];
}

function makingUs(events: BenchEvents, count: number): number {
  const { user, system } = process.cpuUsage();
  let keyed = 0;
  for (const event of events.range(0, count)) if (event.key !== null) keyed += 1;
  const after = process.cpuUsage();
  // Used, so that the loop stays.
  if (keyed > count) throw new Error('more events than were made');
  return (after.user + after.system - user - system) / count;
}
