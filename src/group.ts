// What waits for the writer together: published events on their way into the journal, and outcomes that were decided,
// whole batches in the order in which they were settled. It is filled by Groups and sent off once.

import type { Slot } from './dispatch/ring-buffer.js';
import { type EncodedEvent, sizeOf } from './event.js';
import { EventsJoiner } from './joined-events.js';
import type { Outcome } from './outcome.js';
import type { BatchReport } from './pool/messages.js';
import type { GroupResult, JournalEvents } from './store/messages.js';

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

/** A published event with the handler it is owed to. */
export interface Owed {
  readonly event: EncodedEvent;
  readonly handler: number;
  readonly waiter: Waiter | null;
}

export class Group {
  /** When something could join it first, by the pump's clock. */
  readonly openedMs: number;
  readonly owed: Owed[] = [];
  readonly slots: (readonly Slot[])[] = [];
  readonly rows: ArrayBuffer[] = [];
  /** What to say once it is durable. */
  readonly announcements: (() => void)[] = [];
  /** Told once it is stored, besides the events' own waiters. */
  readonly whenStored: { resolve(): void; reject(error: unknown): void }[] = [];
  #positionFirst = 0;
  #outcomes = 0;
  #failedCount = 0;
  #bytes = 0;
  #eventBytes = 0;

  constructor(openedMs: number) {
    this.openedMs = openedMs;
  }

  /** Position of the first event in `owed`; the others follow. */
  get positionFirst(): number {
    return this.#positionFirst;
  }

  /** Rows it will store. */
  get count(): number {
    return this.#outcomes + this.owed.length;
  }

  get outcomes(): number {
    return this.#outcomes;
  }

  /** Outcomes in it that are dead-lettered. */
  get failedCount(): number {
    return this.#failedCount;
  }

  /** Size of its outcomes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Size of its events. */
  get eventBytes(): number {
    return this.#eventBytes;
  }

  /** Adds the settled events of one batch with the rows that tell of them. */
  add(batch: { slots: readonly Slot[]; report: BatchReport; announcement: (() => void) | null }): void {
    this.slots.push(batch.slots);
    this.rows.push(batch.report.rows);
    if (batch.announcement !== null) this.announcements.push(batch.announcement);
    this.#outcomes += batch.slots.length;
    this.#failedCount += batch.report.failedCount;
    this.#bytes += batch.report.rows.byteLength;
  }

  /** Adds a published event at the position after that of the one before. */
  accept(owed: Owed, position: number): void {
    if (this.owed.length === 0) this.#positionFirst = position;
    this.owed.push(owed);
    this.#eventBytes += sizeOf(owed.event);
  }

  /** Its events as they cross to the writer; null when it has none. */
  joinedEvents(acceptedAtUs: number): JournalEvents | null {
    const { owed, positionFirst } = this;
    if (owed.length === 0) return null;
    const joiner = new EventsJoiner(owed.length);
    const handlers = new Int32Array(owed.length);
    for (let index = 0; index < owed.length; index += 1) {
      joiner.add(owed[index]!.event);
      handlers[index] = owed[index]!.handler;
    }
    return { ...joiner.finish(), positionFirst, handlers, acceptedAtUs };
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
