// Whether a published event can be accepted now, and where it goes then: to the journal, or straight into memory. It is
// also what holds everything new back while the store is short of room, and looks again from time to time.

import type { AwayLanes } from './away-lanes.js';
import type { Clock } from './clock.js';
import type { Dispatcher } from './dispatch/dispatcher.js';
import { notMeasured } from './dispatch/ring-buffer.js';
import type { KeylaneError } from './errors.js';
import type { Owed } from './group.js';
import type { Journal } from './journal.js';
import type { IntakeMode } from './options.js';
import type { Pump } from './pump.js';
import { type RoomLimit, type StoreLimits, StoreRoom } from './room.js';
import type { Route } from './routes.js';

interface Parts {
  readonly limits: StoreLimits & {
    readonly intake: IntakeMode;
    readonly groupSizeMax: number;
    readonly ringBytesMax: number;
  };
  readonly dispatcher: Dispatcher;
  /** How many events may be admitted now, besides those that others have asked for. */
  room(): number;
  readonly journal: Journal;
  readonly away: AwayLanes;
  readonly pump: Pump;
  readonly clock: Clock;
  onWarning(error: KeylaneError): void;
}

/**
 * Groups whose events may be on their way to the store: one is being stored, one grows. Four kept the writer no busier
 * and took 75 MB more while a million events were published.
 */
const unstoredGroupsMax = 2;

/** Of events that go straight into memory, the latency of one of so many is measured. */
const measuredEvery = 16;

/** How often the store is asked for its sizes while intake waits for room in it. */
const probeMs = 500;

/**
 * How long a full memory is waited for before events stay on disk: to read them back costs more than a short wait, and
 * memory that empties at all empties sooner. Nobody waits for memory that nothing empties, nor behind a backlog.
 */
const spillAfterMs = 100;

export class Acceptance {
  readonly #parts: Parts;
  readonly #room: StoreRoom;
  #cancelProbe: (() => void) | null = null;
  #isClosed = false;
  /** Since when memory has had no room; null while it has. */
  #fullSinceMs: number | null = null;
  #cancelSpill: (() => void) | null = null;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#room = new StoreRoom(parts.limits, (error) => parts.onWarning(error));
  }

  /** Takes a published event in if there is room for it now; says whether it did. */
  accept(owed: Owed): boolean {
    if (!this.hasRoomFor(owed.route)) return false;
    if (this.#parts.limits.intake === 'journal') this.#parts.pump.journal(owed);
    else this.#toMemory(owed);
    return true;
  }

  /** Whether there is room now for an event that is owed to these handlers. */
  hasRoomFor(route: Route): boolean {
    return this.#parts.limits.intake === 'journal' ? this.#mayGoToJournal(route) : this.#mayGoToMemory(route);
  }

  /** How many events of sources may be admitted now. */
  get roomForSources(): number {
    const { journal, away, room, limits } = this.#parts;
    // What is parked of a source waits in the store like what was published.
    if (this.#room.isShort || away.parked >= limits.backlogMax) return 0;
    return Math.max(0, room() - journal.reserved);
  }

  /** Why the store has no room for anything new; empty while it has. */
  get storeShortBy(): readonly RoomLimit[] {
    return this.#room.shortBy;
  }

  /** Takes in how the store is. Called once a turn. */
  look(): void {
    const { pump, clock } = this.#parts;
    this.#room.look({ backlog: this.#backlogWith(0), gauges: pump.counts().gauges });
    if (!this.#room.isShort || this.#isClosed) return;
    // While nothing comes in, no group may go out that would tell when there is room again.
    this.#cancelProbe ??= clock.alarm(probeMs, () => {
      this.#cancelProbe = null;
      pump.probe();
    });
  }

  /** Nothing more is asked of the store. */
  close(): void {
    this.#isClosed = true;
    this.#cancelProbe?.();
    this.#cancelProbe = null;
    this.#cancelSpill?.();
    this.#cancelSpill = null;
  }

  /** Not while too much is on its way to the store already. */
  #mayGoToJournal(route: Route): boolean {
    const { limits, pump, journal, room } = this.#parts;
    const { events, bytes, outcomesOwed } = pump.unstored;
    if (this.#room.isFull || events >= unstoredGroupsMax * limits.groupSizeMax || bytes >= limits.ringBytesMax)
      return false;
    if (journal.isInStep && room() >= outcomesOwed + route.length) {
      this.#fullSinceMs = null;
      return true;
    }
    return this.#backlogWith(outcomesOwed) < limits.backlogMax && !this.#mayBecomeRoom();
  }

  /** What waits in the store, with what is on its way there and finds no room in memory. */
  #backlogWith(outcomesOwed: number): number {
    const { journal, away, room } = this.#parts;
    const beyond = journal.isInStep ? Math.max(0, outcomesOwed - room()) : outcomesOwed;
    return journal.backlog + away.backlog + away.parked + beyond;
  }

  /** Whether memory, which has no room for one more event besides those on their way, may have some soon. */
  #mayBecomeRoom(): boolean {
    const { journal, pump, clock } = this.#parts;
    if (!journal.isInStep || !pump.isOpen) {
      this.#fullSinceMs = null;
      return false;
    }
    this.#fullSinceMs ??= clock.nowMs();
    const waitMs = this.#fullSinceMs + spillAfterMs - clock.nowMs();
    if (waitMs <= 0) return false;
    this.#cancelSpill ??= clock.alarm(waitMs, () => {
      this.#cancelSpill = null;
      pump.wake();
    });
    return true;
  }

  /** Only once what the store is owed from before is in memory too. */
  #mayGoToMemory(route: Route): boolean {
    const { journal, room } = this.#parts;
    return !this.#room.isShort && journal.isInStep && room() >= route.length;
  }

  #toMemory({ event, route, waiter }: Owed): void {
    const { dispatcher, journal, clock } = this.#parts;
    const position = journal.take();
    // A look at the clock for each would be the dearest part of it.
    const acceptedMs = position % measuredEvery === 0 ? clock.nowMs() : notMeasured;
    const { partition } = journal;
    for (const handler of route) dispatcher.admit(event, { partition, position, handler, acceptedMs });
    waiter?.resolve({ position, duplicate: false, outcome: null });
  }
}
