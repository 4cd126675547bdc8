// What a processor of the bench does otherwise than an ordinary one, to see what that costs: how it is made, how events
// are published to it, and how to know that all of them are durable.

import { setTimeout as delay, setImmediate as nextRound } from 'node:timers/promises';
import { createProcessor, type Processor } from '../src/index.js';
import type { BenchEvents } from './bench-events.js';
import type handlers from './handlers.js';
import type { CellSpec } from './report.js';

/**
 * `unmarked`: its threads leave no marks in shared memory. `listed`: its handlers are a list, of which several could take
 * an event. `listening`: somebody listens for events of which there are none. `receipts`: events are published one by one,
 * each for a receipt that nobody asks, in place of `publishMany`, which makes none. `stateful`: its handlers keep state.
 * `beside-state`: another of its module does.
 */
export type Variant = 'ordinary' | 'unmarked' | 'listed' | 'listening' | 'receipts' | 'stateful' | 'beside-state';

export type BenchProcessor = Awaited<ReturnType<typeof createProcessor<typeof handlers>>>;

/** The modules of these. */
const handlersOf: Readonly<Record<Variant, string>> = {
  ...{ ordinary: './handlers.js', unmarked: './handlers-unmarked.js' },
  ...{ listed: './handlers-listed.js', listening: './handlers.js', receipts: './handlers.js' },
  ...{ stateful: './handlers-stateful.js', 'beside-state': './handlers-beside-state.js' },
};

/** As many as `publishMany` takes in before it lets others run: otherwise the two differ by more than by receipts. */
const eventsPerTurn = 512;

export async function openVariant(variant: Variant, spec: CellSpec, store: string): Promise<BenchProcessor> {
  const { threads, durability, intake, batchSizeMax } = spec;
  const processor = await createProcessor<typeof handlers>({
    ...{ handlers: new URL(handlersOf[variant], import.meta.url), store, threads, durability, intake, batchSizeMax },
  });
  if (variant === 'listening') processor.subscribe('none of them', () => {});
  return processor;
}

/** Resolves once all of these are taken in. */
export async function publishAs(
  variant: Variant,
  processor: BenchProcessor,
  events: ReturnType<BenchEvents['range']>,
): Promise<void> {
  if (variant === 'receipts') await publishEach(processor, events);
  else await processor.publishMany(events);
}

/** Each call gives the promise of a receipt, which nobody takes; it waits only where there is no room. */
async function publishEach(processor: BenchProcessor, events: ReturnType<BenchEvents['range']>): Promise<void> {
  let offered = 0;
  for (const event of events) {
    if (processor.tryPublish(event) === null) await processor.publish(event);
    offered += 1;
    if (offered % eventsPerTurn === 0) await nextRound();
  }
}

/**
 * Asking is cheaper for the main thread than a listener, to whom every outcome would be decoded. It asks seldom while
 * much is left, at a quarter of the time that this should take, and every millisecond at the end.
 */
export async function allDurable(processor: Pick<Processor, 'stats' | 'phase'>, count: number): Promise<void> {
  const startMs = performance.now();
  const before = processor.stats().succeeded;
  for (;;) {
    const { succeeded, deadLettered, phase } = processor.stats();
    if (succeeded + deadLettered >= count) return;
    if (phase !== 'running') throw new Error(`the processor is ${phase}: ${succeeded} of ${count} events are durable`);
    const leftMs = ((count - succeeded) * (performance.now() - startMs)) / Math.max(1, succeeded - before);
    await delay(Math.min(100, Math.max(1, leftMs / 4)));
  }
}
