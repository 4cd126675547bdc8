// Outcomes that were decided since the last group left for the writer: whole batches, in the order in which they were
// settled. It is filled by the pump and sent off once.

import type { Slot } from './dispatch/ring-buffer.js';
import type { BatchReport } from './pool/messages.js';

export class Group {
  /** When its first batch could join it, by the pump's clock. */
  readonly openedMs: number;
  readonly slots: (readonly Slot[])[] = [];
  readonly rows: ArrayBuffer[] = [];
  /** What to say once it is durable. */
  readonly announcements: (() => void)[] = [];
  #count = 0;
  #failedCount = 0;
  #bytes = 0;

  constructor(openedMs: number) {
    this.openedMs = openedMs;
  }

  /** Outcomes in it. */
  get count(): number {
    return this.#count;
  }

  /** Outcomes in it that are dead-lettered. */
  get failedCount(): number {
    return this.#failedCount;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Adds the settled events of one batch with the rows that tell of them. */
  add(batch: { slots: readonly Slot[]; report: BatchReport; announcement: (() => void) | null }): void {
    this.slots.push(batch.slots);
    this.rows.push(batch.report.rows);
    if (batch.announcement !== null) this.announcements.push(batch.announcement);
    this.#count += batch.slots.length;
    this.#failedCount += batch.report.failedCount;
    this.#bytes += batch.report.rows.byteLength;
  }
}
