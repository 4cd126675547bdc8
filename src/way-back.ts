// When a lane that waits in the store may come back, and how much of it: for what can run, at once; for what cannot run
// yet, only while that takes no memory from others.

import type { AwayLane } from './away-lane.js';
import type { Clock } from './clock.js';
import type { Dispatcher } from './dispatch/dispatcher.js';
import type { DueTimes } from './due-times.js';
import { isWithoutOrder, type LaneName, spanOf, withoutOrder } from './store-lanes.js';

interface Parts {
  readonly dispatcher: Dispatcher;
  readonly clock: Clock;
  readonly dueTimes: DueTimes;
}

/** By how much two clocks that nobody sets may seem to differ from one moment to another. */
const clocksDifferMs = 2;

/** How often a lane is looked at, while its span lasts, for which memory has no room yet. */
const looksPerSpan = 4;

export class WayBack {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** When a lane is due, and when all of its events are, as far as its name tells. */
  timesOf(name: LaneName): Pick<AwayLane, 'dueMs' | 'endMs'> {
    const span = spanOf(name);
    return span === null ? { dueMs: this.#parts.clock.nowMs(), endMs: null } : this.#parts.dueTimes.spanMs(span);
  }

  /** When a lane is due that one more event without an order goes to. */
  joinedMs({ name, dueMs }: AwayLane, handler: number): number {
    const { dispatcher, clock } = this.#parts;
    const nowMs = clock.nowMs();
    if (spanOf(name) === null) return dueMs > nowMs ? dueMs : dispatcher.away.lookAgainMs(handler, nowMs);
    // Where the wall clock was set meanwhile: none is to be late.
    const earlierMs = this.timesOf(name).dueMs;
    return earlierMs < dueMs - clocksDifferMs ? earlierMs : dueMs;
  }

  /** When a lane that is due may come back, while so much room is kept for others; `nowMs` when it may now. */
  comeBackMs(away: AwayLane, { reserved, nowMs }: { reserved: number; nowMs: number }): number {
    const { handler } = away.name;
    const name = isWithoutOrder(away.name) ? { ...away.name, handler: withoutOrder(handler) } : away.name;
    const comeBackMs = this.#parts.dispatcher.away.comeBackMs(name, nowMs);
    const span = spanOf(away.name);
    if (span === null || this.roomFor(away, { reserved, nowMs }) > 0) return comeBackMs;
    const lookMs = nowMs + Math.max(1, span.widthMs / looksPerSpan);
    return Math.max(comeBackMs, Math.min(lookMs, away.endMs ?? nowMs));
  }

  /** How many events of a lane that is due may come back. */
  roomFor({ endMs }: AwayLane, { reserved, nowMs }: { reserved: number; nowMs: number }): number {
    if (endMs === null || endMs <= nowMs) return Number.POSITIVE_INFINITY;
    return this.#parts.dispatcher.away.roomToWait - reserved;
  }
}
