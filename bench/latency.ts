// Latency from publish to durable outcome, at a stated load: events are published on a schedule that does not wait for
// the processor, and an event counts from the moment at which it was due. Or one by one, the next when the one before
// is durable.

import { setTimeout as delay } from 'node:timers/promises';
import type { Outcome, Processor } from '../src/index.js';
import type { BenchEvent, BenchEvents } from './bench-events.js';

export interface Latency {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** Of the keys that are not hot; null when there are none. */
  readonly otherKeysP99: number | null;
}

type BenchProcessor = Processor<{ [Type in BenchEvent['type']]: BenchEvent['data'] }>;

interface Plan {
  readonly events: BenchEvents;
  /** The number of the first event; those before it have been published. */
  readonly first: number;
  readonly count: number;
}

/** Publishes `perSecond` events a second and waits until all are durable. */
export async function latencyAtLoad(processor: BenchProcessor, plan: Plan & { perSecond: number }): Promise<Latency> {
  const { events, first, count, perSecond } = plan;
  const taken = new Float64Array(count);
  const { done, stop } = heard(processor, plan, (index, nowMs) => {
    taken[index] = nowMs - dueMs(index);
  });
  const startMs = performance.now();
  const dueMs = (index: number): number => startMs + (index * 1000) / perSecond;
  const published: Promise<unknown>[] = [];
  for (let next = 0; next < count; await delay(1)) {
    for (const nowMs = performance.now(); next < count && dueMs(next) <= nowMs; next += 1) {
      published.push(processor.publish(events.event(first + next)));
    }
  }
  await Promise.all(published);
  await done;
  stop();
  return latencyOf(taken, plan);
}

/** Publishes the next event when the one before is durable. */
export async function latencyOneByOne(processor: BenchProcessor, plan: Plan): Promise<Latency> {
  const taken = new Float64Array(plan.count);
  let publishedMs = 0;
  let release = (): void => {};
  const { stop } = heard(processor, plan, (index, nowMs) => {
    taken[index] = nowMs - publishedMs;
    release();
  });
  for (let index = 0; index < plan.count; index += 1) {
    const durable = new Promise<void>((resolve) => {
      release = resolve;
    });
    publishedMs = performance.now();
    await processor.publish(plan.events.event(plan.first + index));
    await durable;
  }
  stop();
  return latencyOf(taken, plan);
}

/** Tells of each outcome of the plan; `done` resolves with the last. */
function heard(processor: BenchProcessor, { first, count }: Plan, tell: (index: number, nowMs: number) => void) {
  let left = count;
  let release = (): void => {};
  const done = new Promise<void>((resolve) => {
    release = resolve;
  });
  const listener = ({ identity }: Outcome): void => {
    // Positions count from 1, numbers of events from 0.
    const index = identity.position - 1 - first;
    if (index < 0 || index >= count) return;
    tell(index, performance.now());
    left -= 1;
    if (left === 0) release();
  };
  processor.on('outcome', listener);
  return { done, stop: () => processor.off('outcome', listener) };
}

function latencyOf(taken: Float64Array, { events, first }: Plan): Latency {
  const others = taken.filter((_, index) => !events.isHot(events.keyOf(first + index)));
  const sorted = taken.toSorted();
  return {
    p50: quantile(sorted, 0.5),
    p99: quantile(sorted, 0.99),
    max: sorted.at(-1) ?? 0,
    otherKeysP99: others.length === 0 ? null : quantile(others.toSorted(), 0.99),
  };
}

export function quantile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
