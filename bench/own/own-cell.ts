// One cell of the user's own handlers, in a process of its own: so many of their events through a fresh store, then
// every outcome is checked. Called as `node own-cell.js '<OwnCellRequest as JSON>'`; leaves one OwnCellRun as JSON and
// the hashes of all results in its folder. The pool is started and warmed before the clock starts; it stops when the
// last outcome is durable. Latency is measured afterwards, at a load below the throughput found.

import { join } from 'node:path';
import type { Tuning } from '../../src/cli/tuning-flags.js';
import { createProcessor, type Outcome, type Processor } from '../../src/index.js';
import { ordersOf } from '../../src/policy.js';
import { quantile } from '../latency.js';
import { type Sampled, Sampler } from '../sampler.js';
import { type CpuSplit, cpuPerEvent, ThreadCpu } from '../thread-cpu.js';
import { checkOutcomes } from './outcome-check.js';
import { OwnEvents } from './own-events.js';
import { doWork, giveResult, hashesFile, type OwnPlace, ownRequest, resultFile } from './own-result.js';
import { OwnSource } from './own-source.js';
import type { OwnSubject } from './own-subject.js';
import { writeHashes } from './result-hash.js';

export interface OwnCellRequest extends OwnPlace {
  readonly subject: OwnSubject;
  /** Beside those that are the same in every cell, and over them. */
  readonly tuning: Tuning & { readonly threads: number };
  /** On the clock. */
  readonly events: number;
  readonly warming: number;
  /** Seconds for which latency is measured; 0: not at all. */
  readonly latencySeconds: number;
}

export interface OwnCellRun extends Sampled {
  /** From the first record taken to the last durable outcome. */
  readonly eventsPerSecond: number;
  readonly cpuUsPerEvent: CpuSplit;
  /** Whether the CPU of each thread is known; else handlers stand for all that is not main. */
  readonly isCpuKnown: boolean;
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly max: number } | null;
  readonly failed: number;
  readonly firstError: string | null;
  readonly parked: number;
  readonly retried: number;
  /** What the processor warned of; each text once, a few of them. */
  readonly warnings: readonly string[];
  readonly wrong: readonly string[];
}

/** Of the throughput found. */
const latencyShare = 0.7;
const warningsMax = 3;

const request = ownRequest<OwnCellRequest>();
await doWork(run(request).then((result) => giveResult(join(request.folder, resultFile), result)));

async function run({ subject, tuning, events: count, warming, latencySeconds, folder }: OwnCellRequest) {
  const events = await OwnEvents.load(subject);
  const store = join(folder, 'own.db');
  const cpu = new ThreadCpu();
  const options = { ...subject.tuning, ...tuning };
  const processor = await createProcessor({ ...options, handlers: new URL(subject.url), store });
  const warnings = warningsOf(processor);
  cpu.find({ handlers: tuning.threads, mayHaveOthers: true });
  // What stops a key while warming up would stop it on the clock as well.
  const parks = subject.table.policies.some(({ onDeadLetter }) => onDeadLetter === 'park');
  const warmUp = { events, partition: 'warm-up', count: warming, perSecond: null };
  await processor.consume(new OwnSource({ ...warmUp, ...(parks && { keyPrefix: 'warm-up ' }) }));
  const sampler = new Sampler(processor);
  const before = { cpu: cpu.read(), estimate: cpu.estimate(), retried: processor.stats().retried };
  const startMs = performance.now();
  await processor.consume(new OwnSource({ events, partition: 'measured', count, perSecond: null }));
  const eventsPerSecond = (count * 1000) / (performance.now() - startMs);
  const after = { cpu: cpu.read(), estimate: cpu.estimate() };
  const sampled = sampler.finish();
  const retried = processor.stats().retried - before.retried;
  const seconds = latencySeconds;
  const latencyMs = seconds === 0 ? null : await latencyOf(processor, { events, seconds, eventsPerSecond });
  await processor.drain();
  const { hashes, ...outcomes } = checkOutcomes(store, {
    ...{ partition: 'measured', count, handlers: subject.table.names },
    orders: ordersOf(subject.table, options.order ?? 'key'),
    routeAt: (position) => events.routeAt(position),
  });
  writeHashes(join(folder, hashesFile), hashes);
  // A thread that ended takes what it used with it.
  const isCpuKnown = cpu.isKnown;
  const of = isCpuKnown ? 'cpu' : 'estimate';
  const measured = { eventsPerSecond, cpuUsPerEvent: cpuPerEvent(before[of], after[of], count), isCpuKnown, latencyMs };
  return { ...measured, ...sampled, retried, warnings: [...warnings], ...outcomes } satisfies OwnCellRun;
}

function warningsOf(processor: Processor): ReadonlySet<string> {
  const warnings = new Set<string>();
  // A fatal one comes back from consume() as well.
  processor.on('fatal', () => {});
  processor.on('warning', ({ message }) => {
    if (warnings.size < warningsMax) warnings.add(message);
  });
  return warnings;
}

/** From the moment at which an event is due to its durable outcome. */
async function latencyOf(
  processor: Processor,
  { events, seconds, eventsPerSecond }: { events: OwnEvents; seconds: number; eventsPerSecond: number },
): Promise<OwnCellRun['latencyMs']> {
  const perSecond = eventsPerSecond * latencyShare;
  const count = Math.max(10, Math.ceil(perSecond * seconds));
  const source = new OwnSource({ events, partition: 'latency', count, perSecond });
  const taken: number[] = [];
  const listener = ({ identity }: Outcome): void => {
    if (identity.partition === source.partition) taken.push(performance.now() - source.dueMs(identity.position));
  };
  processor.on('outcome', listener);
  await processor.consume(source);
  processor.off('outcome', listener);
  const sorted = Float64Array.from(taken).sort();
  return { p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99), max: sorted.at(-1) ?? 0 };
}
