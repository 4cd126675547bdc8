// When a lane that waits in the store may come back, and how much of it: for what can run, at once; for what cannot run
// yet, only while that takes no memory from others.

import type { AwayLane } from './away-lane.js';
import type { Clock } from './clock.js';
import type { Dispatcher } from './dispatch/dispatcher.js';
import type { OnTheWay } from './dispatch/returns.js';
import type { DueTimes } from './due-times.js';
import { isWithoutOrder, type LaneName, pausedKeyOf, spanOf } from './store-lanes.js';

interface Parts {
  readonly dispatcher: Dispatcher;
  readonly clock: Clock;
  readonly dueTimes: DueTimes;
}

/** How many events of a lane may come back. */
interface Look {
  readonly room: number;
  /** Where none may, until when, and whether that holds for all lanes of its handler; null where some may. */
  readonly held: { readonly untilMs: number; readonly isOfAll: boolean } | null;
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
    const { returns } = dispatcher.away;
    if (spanOf(name) === null) {
      const key = pausedKeyOf(name);
      if (dueMs > nowMs) return dueMs;
      return key === null ? returns.lookAgainMs(handler, nowMs) : returns.lookAgainAtKeyMs(handler, key, nowMs);
    }
    // Where the wall clock was set meanwhile: none is to be late.
    const earlierMs = this.timesOf(name).dueMs;
    return earlierMs < dueMs - clocksDifferMs ? earlierMs : dueMs;
  }

  /** How many events of a lane that is due may come back, beside those that are on their way. */
  look(away: AwayLane, onTheWay: OnTheWay): Look {
    const nowMs = this.#parts.clock.nowMs();
    const { returns } = this.#parts.dispatcher.away;
    const { group: handler, name, endMs } = away;
    const room = returns.roomOf(handler, onTheWay, nowMs);
    if (room <= 0) return heldUntil(returns.lookAgainMs(handler, nowMs), { isOfAll: true });
    const key = isWithoutOrder(name) ? pausedKeyOf(name) : name.key;
    if (key !== null) {
      const ofKey = returns.roomOfKey(handler, key, { onTheWay, nowMs });
      if (ofKey > 0) return { room: Math.min(room, ofKey), held: null };
      return heldUntil(returns.lookAgainAtKeyMs(handler, key, nowMs), { isOfAll: false });
    }
    if (endMs === null || endMs <= nowMs) return { room, held: null };
    const ofSpan = returns.roomToWait - onTheWay.all;
    if (ofSpan > 0) return { room: Math.min(room, ofSpan), held: null };
    const lookMs = nowMs + Math.max(1, spanOf(name)!.widthMs / looksPerSpan);
    return heldUntil(Math.min(lookMs, endMs), { isOfAll: false });
  }
}

function heldUntil(untilMs: number, { isOfAll }: { isOfAll: boolean }): Look {
  return { room: 0, held: { untilMs, isOfAll } };
}
