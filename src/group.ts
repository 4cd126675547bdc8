// What waits for the writer together: published events on their way into the journal, and what became of others,
// whole batches in the order in which they were settled. It is filled by Groups and sent off once.

import type { Slot } from './dispatch/ring-buffer.js';
import { type EncodedEvent, sizeOf } from './event.js';
import { EventsJoiner } from './joined-events.js';
import { type LeftStates, sizeOfStates } from './joined-states.js';
import type { Outcome } from './outcome.js';
import type { Route } from './routes.js';
import type { Emitters, GroupResult, JournalEvents, LaneParked } from './store/messages.js';

/** What became of a published event once it is stored. */
export interface Accepted {
  /** Its position; of a duplicate, that of the event that has its id. */
  readonly position: number;
  readonly duplicate: boolean;
  /** The outcome of the event that has its id, if there is one. */
  readonly outcome: Outcome | null;
}

/** Who is told what became of a published event. */
export interface Waiter {
  resolve(accepted: Accepted): void;
  reject(error: unknown): void;
}

/** A published event with the handlers it is owed to. */
export interface Owed {
  readonly event: EncodedEvent;
  readonly route: Route;
  readonly waiter: Waiter | null;
  /** The event that emitted it; left out where it was published. It exists if that one has its outcome by its try. */
  readonly emitter?: Slot;
}

/** What one batch, or the like, adds to a group. */
export interface GroupPart {
  /** Events that are decided, or wait in the store, once it is stored. */
  readonly slots: readonly Slot[];
  /** Rows that tell of them, and of tries that failed. */
  readonly rows: ArrayBuffer;
  readonly rowCount: number;
  readonly succeeded: number;
  readonly deadLettered: number;
  readonly cancelled: number;
  readonly superseded: number;
  readonly parked: readonly LaneParked[];
  /** What its events have changed states to; null, or left out, without any. */
  readonly states?: LeftStates | null;
  /** What its events have emitted; left out without any. */
  readonly emitted?: readonly Owed[];
  /** What to say once it is durable. */
  readonly announcement: (() => void) | null;
}

/** Durable outcomes by verdict. */
export interface Decided {
  succeeded: number;
  deadLettered: number;
  cancelled: number;
  superseded: number;
}

/** To begin a count with. */
export const undecided: Readonly<Decided> = { succeeded: 0, deadLettered: 0, cancelled: 0, superseded: 0 };

export class Group {
  /** Which one it is, counted from 1 in the order in which they are sent. */
  readonly number: number;
  /** When something could join it first, by the pump's clock. */
  readonly openedMs: number;
  readonly owed: Owed[] = [];
  readonly slots: (readonly Slot[])[] = [];
  readonly rows: ArrayBuffer[] = [];
  /** Lanes that stop with it. */
  readonly parked: LaneParked[] = [];
  /** What its parts have changed states to, each beside its rows. */
  readonly states: (LeftStates | null)[] = [];
  readonly decided: Decided = { ...undecided };
  /** What to say once it is durable. */
  readonly announcements: (() => void)[] = [];
  /** Told once it is stored, besides the events' own waiters. */
  readonly whenStored: { resolve(): void; reject(error: unknown): void }[] = [];
  #positionFirst = 0;
  #rowCount = 0;
  #bytes = 0;
  #eventBytes = 0;
  #outcomesOwed = 0;
  #emitted = 0;

  constructor(number: number, openedMs: number) {
    this.number = number;
    this.openedMs = openedMs;
  }

  /** Position of the first event in `owed`; the others follow. */
  get positionFirst(): number {
    return this.#positionFirst;
  }

  /** Rows it will store. */
  get count(): number {
    return this.#rowCount + this.owed.length;
  }

  /** Whether somebody is to be told when it is stored, besides those who published its events. */
  get isAwaited(): boolean {
    return this.announcements.length > 0 || this.whenStored.length > 0;
  }

  /** Size of its rows and states, and of what was emitted. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Size of its events. */
  get eventBytes(): number {
    return this.#eventBytes;
  }

  /** Outcomes that its events are owed: the slots that they will take. */
  get outcomesOwed(): number {
    return this.#outcomesOwed;
  }

  add(part: GroupPart): void {
    this.slots.push(part.slots);
    this.rows.push(part.rows);
    if (part.parked.length > 0) this.parked.push(...part.parked);
    if (part.announcement !== null) this.announcements.push(part.announcement);
    this.decided.succeeded += part.succeeded;
    this.decided.deadLettered += part.deadLettered;
    this.decided.cancelled += part.cancelled;
    this.decided.superseded += part.superseded;
    this.#rowCount += part.rowCount;
    this.#bytes += part.rows.byteLength;
    const { states = null } = part;
    this.states.push(states);
    if (states !== null) this.#bytes += sizeOfStates(states);
  }

  /** Adds an event that was published or emitted, at the position after that of the one before. */
  accept(owed: Owed, position: number): void {
    if (this.owed.length === 0) this.#positionFirst = position;
    this.owed.push(owed);
    this.#outcomesOwed += owed.route.length;
    const size = sizeOf(owed.event);
    this.#eventBytes += size;
    if (owed.emitter === undefined) return;
    this.#emitted += 1;
    this.#bytes += size;
  }

  /** Its events as they cross to the writer; null when it has none. */
  joinedEvents(acceptedAtUs: number): JournalEvents | null {
    const { owed, positionFirst } = this;
    if (owed.length === 0) return null;
    const joiner = new EventsJoiner(owed.length);
    const handlers = new Int32Array(owed.length);
    const routes: Route[] = [];
    for (let index = 0; index < owed.length; index += 1) {
      const { event, route } = owed[index]!;
      joiner.add(event);
      handlers[index] = route.length === 1 ? route[0]! : -1 - indexIn(routes, route);
    }
    const events = { ...joiner.finish(), positionFirst, handlers, routes, acceptedAtUs };
    return this.#emitted === 0 ? events : { ...events, emitters: emittersOf(owed) };
  }

  /** Tells those who wait that it is stored. */
  tellStored(result: GroupResult): void {
    const duplicates = new Map(result.duplicates.map((duplicate) => [duplicate.index, duplicate]));
    for (let index = 0; index < this.owed.length; index += 1) {
      const { waiter } = this.owed[index]!;
      if (waiter === null) continue;
      const original = duplicates.get(index);
      if (original === undefined) {
        waiter.resolve({ position: this.positionFirst + index, duplicate: false, outcome: null });
      } else {
        waiter.resolve({ position: original.position, duplicate: true, outcome: original.outcome });
      }
    }
    for (const { resolve } of this.whenStored) resolve();
  }

  /** Tells those who wait that it will not be known whether it was stored. */
  refuse(error: unknown): void {
    for (const { waiter } of this.owed) waiter?.reject(error);
    for (const { reject } of this.whenStored) reject(error);
  }
}

/** Which of the events were emitted, and by which. */
function emittersOf(owed: readonly Owed[]): Emitters {
  const emitted = [...owed.entries()].filter(([, { emitter }]) => emitter !== undefined);
  const slots = emitted.map(([, { emitter }]) => emitter!);
  return {
    indexes: Int32Array.from(emitted, ([index]) => index),
    partitions: Int32Array.from(slots, ({ partition }) => partition),
    positions: Float64Array.from(slots, ({ position }) => position),
    handlers: Int32Array.from(slots, ({ handler }) => handler),
  };
}

/** Where a route stands in a list of few; it is added if it is new. */
function indexIn(routes: Route[], route: Route): number {
  const index = routes.indexOf(route);
  return index === -1 ? routes.push(route) - 1 : index;
}
