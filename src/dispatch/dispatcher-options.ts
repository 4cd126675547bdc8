// What the core is told once: limits, and what holds for each handler.

import type { OrderMode } from '../options.js';
import type { LaneOrder } from '../policy.js';
import type { RateLimit } from '../rate-options.js';
import type { BreakerLimits } from './breaker.js';
import type { LaneStatesOptions } from './lane-states.js';
import type { Claim } from './stand.js';
import type { Volatile } from './superseding.js';

/** One handler that is added later. */
export interface AddedHandler {
  readonly order: LaneOrder;
  readonly claim: Claim;
  /** Whether a dead letter stops its lane. */
  readonly parks: boolean;
  /** Whether a newer event supersedes one that waits. */
  readonly isLatest: boolean;
  /** Size of the states that are held in memory, where it keeps state; null where it keeps none. */
  readonly stateBytesMax: number | null;
}

export interface DispatcherOptions {
  readonly order: OrderMode;
  readonly handlerCount: number;
  /** The most handlers that one event may be owed to. */
  readonly widest: number;
  readonly threads: number;
  readonly ringSize: number;
  readonly ringBytesMax: number;
  readonly batchSizeMax: number;
  readonly batchTargetMs: number;
  readonly batchBytesMax: number;
  /** By handler, whether a dead letter stops its lane. */
  readonly parks: readonly boolean[];
  /** By handler, where they are not all alike: what each may claim, and its order. */
  readonly claims?: readonly Claim[];
  readonly orders?: readonly LaneOrder[];
  /** By handler, whether a newer event supersedes one that waits; left out where none does. */
  readonly supersedes?: readonly boolean[];
  /** The events that memory alone has, unless they wait in the store; left out where there are none. */
  readonly volatile?: Volatile | null;
  readonly states?: LaneStatesOptions | null;
  readonly rateLimit?: RateLimit | null;
  /** Null: there is none. */
  readonly breaker: BreakerLimits | null;
}
