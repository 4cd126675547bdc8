// Gives a processor so many of the loaded events: as fast as it takes them, or on a schedule that does not wait for it.

import type { EncodedEvent, Source, SourceRecord } from '../../src/index.js';
import type { OwnEvents } from './own-events.js';

interface OwnSourcePlan {
  readonly events: OwnEvents;
  readonly partition: string;
  readonly count: number;
  /** Null: as fast as they are taken. */
  readonly perSecond: number | null;
  /** Put before every key: lanes that are stopped here are none of those to come. */
  readonly keyPrefix?: string;
}

export class OwnSource implements Source {
  readonly partition: string;
  readonly #plan: OwnSourcePlan;
  #given = 0;
  #startMs = 0;
  #timer: NodeJS.Timeout | null = null;
  #release: () => void = () => {};
  #isClosed = false;

  constructor(plan: OwnSourcePlan) {
    this.partition = plan.partition;
    this.#plan = plan;
  }

  /** When the event at this position is due, by `performance.now()`; 0 where there is no schedule. */
  dueMs(position: number): number {
    const { perSecond } = this.#plan;
    return perSecond === null ? 0 : this.#startMs + ((position - 1) * 1000) / perSecond;
  }

  async open(): Promise<null> {
    this.#startMs = performance.now();
    return null;
  }

  async request(demand: number): Promise<readonly SourceRecord[] | null> {
    const { count } = this.#plan;
    if (this.#given === count) return null;
    for (let due = this.#due(); due <= this.#given; due = this.#due()) {
      await this.#later(this.dueMs(this.#given + 1) - performance.now());
      if (this.#isClosed) return null;
    }
    const end = Math.min(this.#due(), this.#given + demand);
    const records: SourceRecord[] = [];
    while (this.#given < end) {
      this.#given += 1;
      records.push({ position: this.#given, event: this.#eventAt(this.#given) });
    }
    return records;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#release();
  }

  #eventAt(position: number): EncodedEvent {
    const { events, keyPrefix } = this.#plan;
    const event = events.at(position);
    return keyPrefix === undefined || event.key === null ? event : { ...event, key: keyPrefix + event.key };
  }

  /** How many events are due by now. */
  #due(): number {
    const { count, perSecond } = this.#plan;
    if (perSecond === null) return count;
    return Math.min(count, 1 + Math.floor(((performance.now() - this.#startMs) * perSecond) / 1000));
  }

  #later(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#release = resolve;
      this.#timer = setTimeout(resolve, Math.max(1, ms));
    });
  }
}
