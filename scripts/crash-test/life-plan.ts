// What one life of the crash test does and how it ends, drawn from the seed before it begins.

import type { Durability } from '../../src/index.js';
import type { Random } from '../random.js';
import { numbersPerLife } from './workload.js';

/** What the child is told. Plain values: they cross as JSON. */
export interface LifePlan {
  readonly seed: number;
  readonly life: number;
  readonly folder: string;
  readonly store: string;
  readonly durability: Durability;
  readonly ringSize: number;
  readonly batchSizeMax: number;
  /** Path of a file to consume, or null. */
  readonly input: string | null;
  /** Numbers of the new events to publish: from the first on, so many. */
  readonly numberFirst: number;
  readonly count: number;
  /** Receipts that may be awaited at once. */
  readonly window: number;
  /** Events after which it waits until nothing waits on disk; 0 for never. */
  readonly wave: number;
  /** Numbers of events with ids that are published again first. */
  readonly republish: readonly number[];
  /** Whether it finishes everything and ends by itself. */
  readonly drains: boolean;
}

/** When a life is killed: `ms` after the start or after it was ready, or at the n-th write or sync of the store. */
export type Death =
  | { readonly at: 'start-up'; readonly ms: number }
  | { readonly at: 'recovery'; readonly ms: number }
  | { readonly at: 'steady state'; readonly ms: number }
  | { readonly at: 'system call'; readonly n: number };

export interface PlanLimits {
  readonly eventsMax: number;
  readonly durability: Durability | null;
}

export function drawPlan(
  random: Random,
  base: Pick<LifePlan, 'seed' | 'life' | 'folder' | 'store' | 'republish'> & { input: string },
  { eventsMax, durability }: PlanLimits,
): LifePlan {
  return {
    ...base,
    durability: durability ?? (random() < 0.5 ? 'process' : 'power'),
    ringSize: oneOf(random, [16, 64, 64, 1024, 16_384]),
    batchSizeMax: oneOf(random, [1, 8, 64, 1024]),
    input: random() < 0.4 ? base.input : null,
    numberFirst: base.life * numbersPerLife,
    count: 20 + Math.floor(random() * (eventsMax - 20)),
    window: oneOf(random, [1, 50, 200, 1000]),
    wave: oneOf(random, [0, 0, 50, 300]),
    drains: false,
  };
}

/** The life that finishes everything: it publishes nothing that is new. */
export function lastPlan(plan: LifePlan, input: string): LifePlan {
  return { ...plan, input, count: 0, wave: 0, drains: true };
}

/** One life in four dies at a system call, where that can be had; half of all others before they are well. */
export function drawDeath(random: Random, { atCalls }: { atCalls: boolean }): Death {
  // Small counts lie in start-up and recovery: as likely as all of the others.
  if (atCalls && random() < 0.25) return { at: 'system call', n: Math.floor(500 ** random()) };
  const kind = random();
  if (kind < 0.25) return { at: 'start-up', ms: random() * 350 };
  if (kind < 0.55) return { at: 'recovery', ms: random() ** 2 * 80 };
  return { at: 'steady state', ms: 20 + random() * 450 };
}

function oneOf<T>(random: Random, choices: readonly T[]): T {
  return choices[Math.floor(random() * choices.length)]!;
}
