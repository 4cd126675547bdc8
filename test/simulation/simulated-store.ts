// What is left of a store when its process dies: events, outcomes, watermarks, and which events were running. It is what
// the judge looks at, and it objects to whatever a store must never be told.

import { type EncodedEvent, journalPartition } from '../../src/event.js';
import type { OutcomeRow } from '../../src/outcome.js';
import type { BatchInFlight } from '../../src/store/flight-log.js';
import type { Suspects, Watermark } from '../../src/store/messages.js';

export interface StoredEvent {
  readonly event: EncodedEvent;
  /** The handler's name. */
  readonly handler: string;
}

export class SimulatedStore {
  readonly objections: string[] = [];
  /** Published events by position. */
  readonly events = new Map<number, StoredEvent>();
  /** By identity, in the order in which they were stored. */
  readonly outcomes = new Map<string, { succeeded: boolean; error: string | null }>();
  readonly watermarks = new Map<string, number>();
  /** The batches in flight, by place. */
  readonly flight = new Map<number, BatchInFlight>();
  /** Of the journal: one above every position given out, and whether some may have been given out above it. */
  positionUnused = 1;
  isVolatile = false;
  readonly #partitions: string[] = [];
  readonly #deaths = new Map<string, number>();

  /** The number of a partition. */
  numberOf(name: string): number {
    if (!this.#partitions.includes(name)) this.#partitions.push(name);
    return this.#partitions.indexOf(name) + 1;
  }

  identityOf(partition: number, position: number): string {
    return `${this.#partitions[partition - 1]}/${position}`;
  }

  /** Positions of a partition that have an outcome. */
  done(name: string): number[] {
    const own = [...this.outcomes.keys()].filter((identity) => identity.startsWith(`${name}/`));
    return own.map((identity) => Number(identity.split('/')[1]));
  }

  hasOutcome(name: string, position: number): boolean {
    return this.outcomes.has(`${name}/${position}`);
  }

  /** Whether an event is stored, or has its outcome, or comes from a source. */
  knows(identity: string): boolean {
    const [partition, position] = identity.split('/');
    return partition !== journalPartition || this.outcomes.has(identity) || this.events.has(Number(position));
  }

  /** A process has died: what was running is suspected, and what ran alone is charged. */
  die(): void {
    const batches = [...this.flight.values()];
    const isExact = batches.length === 1 && batches[0]?.events.length === 1;
    for (const { events, alone } of batches) {
      for (const { partition, position } of events) {
        const identity = this.identityOf(partition, position);
        if (this.outcomes.has(identity)) continue;
        this.#deaths.set(identity, (this.#deaths.get(identity) ?? 0) + (alone || isExact ? 1 : 0));
      }
    }
    this.flight.clear();
  }

  suspects(name: string): Suspects {
    const own = [...this.#deaths].filter(
      ([identity]) => identity.startsWith(`${name}/`) && !this.outcomes.has(identity),
    );
    return Float64Array.from(own.flatMap(([identity, deaths]) => [Number(identity.split('/')[1]), deaths]));
  }

  addEvent(position: number, stored: StoredEvent): void {
    if (this.events.has(position)) this.objections.push(`a second event at ${position}`);
    this.events.set(position, stored);
  }

  /** The position of the event with an id. */
  positionOf(id: string): number | undefined {
    for (const [position, { event }] of this.events) if (event.id === id) return position;
    return undefined;
  }

  addOutcome(row: OutcomeRow): void {
    const identity = this.identityOf(row.partition, row.position);
    if (this.outcomes.has(identity)) this.objections.push(`a second outcome for ${identity}`);
    this.outcomes.set(identity, { succeeded: row.succeeded, error: row.error });
  }

  /** `missing` names an accepted event below the watermark that has no outcome. */
  raise(watermarks: readonly Watermark[], missing: (name: string, below: number) => string | undefined): void {
    for (const { partition, watermark } of watermarks) {
      const name = this.#partitions[partition - 1] as string;
      if (watermark < (this.watermarks.get(name) ?? 0)) this.objections.push(`the watermark of ${name} went back`);
      this.watermarks.set(name, watermark);
      const passed = missing(name, watermark);
      if (passed !== undefined) this.objections.push(`watermark ${watermark} of ${name} passed ${passed}`);
    }
  }
}
