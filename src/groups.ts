// Groups on their way to the writer: the ones that still fill, and the ones that were sent. A group leaves when it is
// full or has waited long enough; at once when nothing else would join it, or when it has events and no other group is
// on its way, as somebody may be waiting for them to be stored. So while one is being stored, the next one grows. One
// for which nobody waits grows for longer, as each costs the waking of two threads.

import type { Clock } from './clock.js';
import { Group, type GroupPart, type Owed } from './group.js';
import { invariant } from './invariant.js';

export interface GroupLimits {
  readonly groupSizeMax: number;
  readonly groupWaitMs: number;
  readonly ringSize: number;
  readonly unacknowledgedBytesMax: number;
}

interface Parts {
  readonly clock: Clock;
  readonly limits: GroupLimits;
  /** Gives the next event its position. */
  takePosition(): number;
  /** Sends a group; what comes of it comes back through `done`. */
  send(group: Group): void;
  /** Asks for a turn. */
  wake(): void;
}

/** Groups that may be on their way to the writer at once: one being committed, one waiting there. */
const inFlightMax = 2;

/**
 * The longest wait of a group for whose outcomes somebody waits, or that keeps memory from others: shorter while a
 * batch could start, as then nothing but the group keeps them waiting.
 */
const awaitedMsMax = { whileBusy: 10, whileFree: 5 };

/** The share of the ring that outcomes which are not durable may hold: then their group leaves. */
const ringShare = 1 / 4;

/** Size of events at which a group is full: they cross to the writer as one text. */
const groupEventBytesMax = 8 * 1024 * 1024;

export class Groups {
  readonly #parts: Parts;
  /** The oldest first; what comes joins the last one. */
  readonly #waiting: Group[] = [];
  readonly #sent: Group[] = [];
  #cancelAlarm: (() => void) | null = null;
  #outcomeBytes = 0;
  /** Events that are not stored yet, and their size. */
  #events = 0;
  #eventBytes = 0;
  #outcomesOwed = 0;
  /** Whether the bytes of outcomes reached their limit and are not yet back at half of it. */
  #isBehind = false;
  #sentNext = 0;
  #begun = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0 && this.#sent.length === 0;
  }

  /** Whether so many bytes of outcomes are not durable that no batch should start. */
  get isBehind(): boolean {
    return this.#isBehind;
  }

  /** Accepted events that are not stored yet. */
  get events(): number {
    return this.#events;
  }

  get eventBytes(): number {
    return this.#eventBytes;
  }

  /** Outcomes that these events are owed: the slots that they will take. */
  get outcomesOwed(): number {
    return this.#outcomesOwed;
  }

  /** One above the highest position that was sent. */
  get sentNext(): number {
    return this.#sentNext;
  }

  /** Adds a published event. */
  accept(owed: Owed): void {
    this.#accept(this.#open(), owed);
  }

  #accept(group: Group, owed: Owed): void {
    const { eventBytes } = group;
    group.accept(owed, this.#parts.takePosition());
    this.#events += 1;
    this.#outcomesOwed += owed.route.length;
    this.#eventBytes += group.eventBytes - eventBytes;
  }

  /** Adds what became of events, and what they emitted: the two are stored together. */
  add(part: GroupPart): void {
    const group = this.#open();
    const { bytes } = group;
    group.add(part);
    for (const owed of part.emitted ?? []) this.#accept(group, owed);
    this.#outcomeBytes += group.bytes - bytes;
    if (this.#outcomeBytes >= this.#parts.limits.unacknowledgedBytesMax) this.#isBehind = true;
  }

  /** The number of the last group that was begun, and of the last one that was sent. */
  get numbers(): { readonly begun: number; readonly sent: number } {
    return { begun: this.#begun, sent: this.#begun - this.#waiting.length };
  }

  /** Opens a group for its own sake: storing nothing says how the store is. */
  probe(): void {
    this.#open();
  }

  /** Resolves when every event accepted so far is stored; rejects when that will not be known. */
  stored(): Promise<void> {
    return whenStored([...this.#sent, ...this.#waiting].findLast(({ owed }) => owed.length > 0));
  }

  /** Resolves when everything added so far is stored, outcomes too; rejects when that will not be known. */
  allStored(): Promise<void> {
    return whenStored(this.#waiting.at(-1) ?? this.#sent.at(-1));
  }

  /**
   * Sends off what is due. `isIdle`: no batch is in flight, so that nothing else would join. `isTight`: memory is held
   * by so many bytes that others wait for it. `isBusy`: no thread could take another batch.
   */
  commit({ isIdle, isTight, isBusy }: { isIdle: boolean; isTight: boolean; isBusy: boolean }): void {
    const { clock, limits, send } = this.#parts;
    const awaitedMs = Math.min(limits.groupWaitMs, isBusy ? awaitedMsMax.whileBusy : awaitedMsMax.whileFree);
    this.#stopAlarm();
    for (let [group] = this.#waiting; group !== undefined; [group] = this.#waiting) {
      if (this.#sent.length === inFlightMax) return;
      const waitMs = isTight || group.isAwaited ? awaitedMs : limits.groupWaitMs;
      const leftMs = group.openedMs + waitMs - clock.nowMs();
      const areEventsDue = group.owed.length > 0 && this.#sent.length === 0;
      const isDue = group.count >= limits.ringSize * ringShare || this.#isFull(group);
      if (!(isDue || leftMs <= 0 || isIdle || areEventsDue)) {
        this.#cancelAlarm = clock.alarm(leftMs, () => this.#parts.wake());
        return;
      }
      this.#waiting.shift();
      this.#sent.push(group);
      if (group.owed.length > 0) this.#sentNext = group.positionFirst + group.owed.length;
      send(group);
    }
  }

  /** Takes in that a group is stored; the others follow in the order in which they were sent. */
  confirm(group: Group): void {
    invariant(this.#sent.shift() === group, 'groups are stored in the order in which they were sent');
    this.#outcomeBytes -= group.bytes;
    this.#events -= group.owed.length;
    this.#outcomesOwed -= group.outcomesOwed;
    this.#eventBytes -= group.eventBytes;
    if (this.#outcomeBytes <= this.#parts.limits.unacknowledgedBytesMax / 2) this.#isBehind = false;
  }

  /** Forgets everything, and tells those who wait why. */
  refuse(error: unknown): void {
    this.#stopAlarm();
    for (const group of [...this.#sent.splice(0), ...this.#waiting.splice(0)]) group.refuse(error);
  }

  /** The group that can be joined now. One that is full takes no more, so that a slow writer makes none larger. */
  #open(): Group {
    const last = this.#waiting.at(-1);
    if (last !== undefined && !this.#isFull(last)) return last;
    this.#begun += 1;
    const group = new Group(this.#begun, this.#parts.clock.nowMs());
    this.#waiting.push(group);
    return group;
  }

  #isFull(group: Group): boolean {
    return group.count >= this.#parts.limits.groupSizeMax || group.eventBytes >= groupEventBytesMax;
  }

  #stopAlarm(): void {
    this.#cancelAlarm?.();
    this.#cancelAlarm = null;
  }
}

function whenStored(group: Group | undefined): Promise<void> {
  if (group === undefined) return Promise.resolve();
  return new Promise((resolve, reject) => {
    group.whenStored.push({ resolve, reject });
  });
}
