// How many of the events that wait in the store may come into memory, and when to look again where none may: of those
// that can run, as many as there is room for; of those that cannot run yet, only until such events hold a quarter of
// the memory. Both follow from what is in memory: nothing of the store is known here.

import type { Breakers } from './breakers.js';
import type { Lanes } from './lanes.js';
import type { Pauses } from './pauses.js';
import type { RingBuffer, Slot } from './ring-buffer.js';
import type { Stand } from './stand.js';

interface Parts {
  readonly lanes: Lanes;
  readonly ring: RingBuffer;
  readonly breakers: Breakers | null;
  readonly pauses: Pauses;
}

/** Events that are on their way from the store. */
export interface OnTheWay {
  readonly all: number;
  /** Those of the handler that is asked about. */
  readonly ofHandler: number;
}

/** Part of the memory, in events and bytes. */
interface Share {
  events: number;
  bytes: number;
}

/** How often what somebody has paused is looked at. */
export const pausedLookMs = 1000;
/** The longest time between two looks at what waits for its rate, and the shortest. */
const limitedLookMs = { most: 250, least: 1 };

export class Returns {
  readonly #lanes: Lanes;
  readonly #ring: RingBuffer;
  readonly #breakers: Breakers | null;
  readonly #pauses: Pauses;

  constructor({ lanes, ring, breakers, pauses }: Parts) {
    this.#lanes = lanes;
    this.#ring = ring;
    this.#breakers = breakers;
    this.#pauses = pauses;
  }

  /** What may not run for a while; bytes of what waits for its handler's rate are those of an average event. */
  get idle(): Share {
    const { stuck, spentEvents } = this.#lanes;
    const bytesEach = spentEvents === 0 ? 0 : this.#ring.bytes / this.#ring.held;
    return { events: stuck.events + spentEvents, bytes: stuck.bytes + spentEvents * bytesEach };
  }

  /** Whether so much is at least one part of the memory. */
  isShare({ events, bytes }: Readonly<Share>, parts: number): boolean {
    return events * parts >= this.#ring.capacity || bytes * parts >= this.#ring.bytesMax;
  }

  /** How many events that cannot run yet may come all the same: until such events hold a quarter of the memory. */
  get roomToWait(): number {
    const idle = this.idle;
    if (this.isShare(idle, 4)) return 0;
    const { capacity } = this.#ring;
    // Never so many that they would be sent away for it.
    return Math.min(Math.ceil(capacity / 4), Math.ceil(capacity / 2) - 1) - idle.events;
  }

  /** How many events of a handler may come, as far as that depends on nothing else; -1 is what order `global` has. */
  roomOf(handler: number, onTheWay: OnTheWay, nowMs: number): number {
    if (this.#isPaused(handler, null)) return this.#roomToWaitBeside(onTheWay);
    if (handler < 0) return Number.POSITIVE_INFINITY;
    if (this.#isShut(handler)) {
      // One has to show whether the handler is well.
      const least = this.#lanes.oldestGated(handler) === null ? 1 : 0;
      return Math.max(least, this.#roomToWaitBeside(onTheWay));
    }
    const stand = this.#lanes.standOf(handler);
    if (!stand.isLimited) return Number.POSITIVE_INFINITY;
    this.#lanes.refill(nowMs);
    const spare = stand.triesSpare - onTheWay.ofHandler;
    const idleSoon = stand.isOut ? 0 : Math.max(0, -spare);
    return Math.max(0, spare) + Math.max(0, this.#roomToWaitBeside(onTheWay) - idleSoon);
  }

  /** The same of one key of it. */
  roomOfKey(handler: number, key: string, { onTheWay, nowMs }: { onTheWay: OnTheWay; nowMs: number }): number {
    if (this.#isPaused(handler, key)) return this.#roomToWaitBeside(onTheWay);
    const tries = this.#lanes.keyRates?.left({ handler, key }, nowMs) ?? Number.POSITIVE_INFINITY;
    if (tries === Number.POSITIVE_INFINITY) return tries;
    const waiting = this.#lanes.find(handler, key)?.waiting ?? 0;
    return Math.max(0, tries - waiting) + this.#roomToWaitBeside(onTheWay);
  }

  /** When to look again at events of a handler, where none may come now; `nowMs` where some may. */
  lookAgainMs(handler: number, nowMs: number): number {
    if (this.#isPaused(handler, null)) return nowMs + pausedLookMs;
    if (handler < 0) return nowMs;
    if (this.#isShut(handler)) return this.#breakers!.lookAgainMs(handler, nowMs);
    const stand = this.#lanes.standOf(handler);
    return stand.isLimited ? limitedLook(stand, nowMs) : nowMs;
  }

  /** The same of one key of it. */
  lookAgainAtKeyMs(handler: number, key: string, nowMs: number): number {
    if (this.#isPaused(handler, key)) return nowMs + pausedLookMs;
    const lane = this.#lanes.find(handler, key);
    // What is there has to run before.
    if (lane?.state === 'delayed') return Math.max(nowMs + limitedLookMs.least, lane.rank);
    const rates = this.#lanes.keyRates;
    if (rates === null) return nowMs + limitedLookMs.least;
    const halfMs = rates.nextMs({ handler, key }) + ((lane?.waiting ?? 0) / 2) * rates.everyMs(handler);
    return nowMs + between(halfMs - nowMs, limitedLookMs);
  }

  /** Whether somebody has paused the key of an event. */
  isKeyPaused({ handler, event }: Slot): boolean {
    return this.#pauses.holdsKey(handler, event!.key);
  }

  #roomToWaitBeside({ all }: OnTheWay): number {
    return Math.max(0, this.roomToWait - all);
  }

  #isPaused(handler: number, key: string | null): boolean {
    return !this.#pauses.isNone && this.#pauses.holds(handler, key);
  }

  #isShut(handler: number): boolean {
    return this.#breakers !== null && this.#breakers.stateOf(handler) !== 'closed';
  }
}

/** By then half of what waits in memory has started. */
function limitedLook(stand: Stand, nowMs: number): number {
  return nowMs + between(stand.halfStartedMs - nowMs, limitedLookMs);
}

function between(ms: number, { least, most }: { readonly least: number; readonly most: number }): number {
  return Math.min(most, Math.max(least, ms));
}
