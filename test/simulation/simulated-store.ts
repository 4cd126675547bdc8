// What is left of a store when its process dies: events, outcomes, watermarks, and which events were running. It is what
// the judge looks at, and it objects to whatever a store must never be told.

import { type EncodedEvent, journalPartition } from '../../src/event.js';
import { type OutcomeRow, type Verdict, verdict } from '../../src/outcome.js';
import type { BatchInFlight } from '../../src/store/flight-log.js';
import type { Retries, Suspects, Watermark } from '../../src/store/messages.js';

export interface StoredEvent {
  readonly event: EncodedEvent;
  /** The handler's name. */
  readonly handler: string;
}

/** An event that waits in the store instead of in memory. */
export interface Waiting {
  readonly identity: string;
  readonly partition: number;
  readonly position: number;
  readonly stored: StoredEvent;
}

/** With where it stands in its lane. */
export type Placed = Waiting & { readonly place: number };

/** Names of a lane's handler (`*` under order global) and its key. */
export function laneText(handler: string, key: string): string {
  return `${handler}:${key}`;
}

/** The same for a lane without an order. */
export function freeLaneText(handler: string, key: string): string {
  return `${handler} ${key}`;
}

interface Tries {
  tries: number;
  postponed: number;
  dueAtUs: number;
}

export class SimulatedStore {
  /** By lane, in their order. */
  readonly waiting = new Map<string, Placed[]>();
  /** Lanes that stopped, by the dead letter they are stopped by. */
  readonly parked = new Map<string, { partition: number; position: number }>();
  /** Tries that failed of events that are not decided. */
  readonly tries = new Map<string, Tries>();
  /** Events of outcomes that did not succeed, as far as they are not in the journal. */
  readonly kept = new Map<string, StoredEvent>();
  readonly objections: string[] = [];
  /** Published events by position. */
  readonly events = new Map<number, StoredEvent>();
  /** By identity, in the order in which they were stored. */
  readonly outcomes = new Map<string, { verdict: Verdict | 'discarded'; error: string | null }>();
  readonly watermarks = new Map<string, number>();
  /** The batches in flight, by place. */
  readonly flight = new Map<number, BatchInFlight>();
  /** Of the journal: one above every position given out, and whether some may have been given out above it. */
  positionUnused = 1;
  isVolatile = false;
  #placeLast = 0;
  readonly #partitions: string[] = [];
  /** What waits in some lane. */
  readonly #waiting = new Set<string>();
  readonly #deaths = new Map<string, number>();

  /** The number of a partition. */
  numberOf(name: string): number {
    if (!this.#partitions.includes(name)) this.#partitions.push(name);
    return this.#partitions.indexOf(name) + 1;
  }

  names(): Record<number, string> {
    return Object.fromEntries(this.#partitions.map((name, index) => [index + 1, name]));
  }

  identityOf(partition: number, position: number): string {
    return `${this.#partitions[partition - 1]}/${position}`;
  }

  /** Positions of a partition that have an outcome, or wait in the store. */
  done(name: string): number[] {
    const known = [...this.outcomes.keys(), ...[...this.waiting.values()].flat().map(({ identity }) => identity)];
    const own = known.filter((identity) => identity.startsWith(`${name}/`));
    return own.map((identity) => Number(identity.split('/')[1]));
  }

  /** Whether an event has its outcome, or waits in the store. */
  isPlaced(identity: string): boolean {
    return this.outcomes.has(identity) || this.isWaiting(identity);
  }

  isWaiting(identity: string): boolean {
    return this.#waiting.has(identity);
  }

  /** What is known of events that were tried and are not decided: see Retries. */
  retries(name: string): Retries {
    const own = [...this.tries].filter(([identity]) => identity.startsWith(`${name}/`) && !this.isPlaced(identity));
    return Float64Array.from(
      own.flatMap(([identity, { tries, postponed, dueAtUs }]) => [
        Number(identity.split('/')[1]),
        tries,
        postponed,
        dueAtUs,
      ]),
    );
  }

  addTry(row: OutcomeRow): void {
    const identity = this.identityOf(row.partition, row.position);
    const before = this.tries.get(identity) ?? { tries: 0, postponed: 0, dueAtUs: 0 };
    if (row.verdict === verdict.tryFailed) before.tries += 1;
    else before.postponed += 1;
    this.tries.set(identity, { ...before, dueAtUs: row.dueAtUs });
    const found = this.outcomes.get(identity)?.verdict ?? verdict.cancelled;
    if (found !== verdict.cancelled) this.objections.push(`${identity} was tried after its outcome`);
  }

  addWaiting(lane: string, one: Waiting): void {
    // It was cancelled here while it was on its way.
    if (this.outcomes.get(one.identity)?.verdict === verdict.cancelled) return;
    // Only of those without an order is it told anew when they are due.
    if (lane.includes(' ')) this.#leave(one.identity);
    if (this.isPlaced(one.identity)) this.objections.push(`${one.identity} waits although it is placed`);
    this.#append(lane, one);
  }

  /** Runs a dead letter again: before all others of a lane that is parked, else behind them. */
  redrive(identity: string, { lane, waiting }: { lane: string; waiting: Waiting }): void {
    this.outcomes.delete(identity);
    this.tries.delete(identity);
    const others = this.waiting.get(lane) ?? [];
    const head = this.parked.get(lane);
    if (head === undefined) {
      this.#append(lane, waiting);
      return;
    }
    this.#waiting.add(identity);
    this.waiting.set(lane, [{ ...waiting, place: (others[0]?.place ?? 1) - 1 }, ...others]);
    if (head.partition === waiting.partition && head.position === waiting.position) this.parked.delete(lane);
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

  /** How often the process died of an event, of which it may be 0; null of one that is not suspected. */
  deathsOf(identity: string): number | null {
    return this.#deaths.get(identity) ?? null;
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
    this.outcomes.set(identity, { verdict: row.verdict, error: row.error });
    this.#deaths.delete(identity);
    this.tries.delete(identity);
    this.#leave(identity);
  }

  /** `missing` names an accepted event below the watermark that has no outcome. */
  raise(watermarks: readonly Watermark[], missing: (name: string, below: number) => string | undefined): void {
    for (const { partition, watermark } of watermarks) {
      const name = this.#partitions[partition - 1] as string;
      const before = this.watermarks.get(name) ?? 0;
      if (watermark === before) continue;
      if (watermark < before) this.objections.push(`the watermark of ${name} went back`);
      this.watermarks.set(name, watermark);
      const passed = missing(name, watermark);
      if (passed !== undefined) this.objections.push(`watermark ${watermark} of ${name} passed ${passed}`);
    }
  }

  /** Nothing is put before a place that a page may have ended at. */
  #append(lane: string, waiting: Waiting): void {
    const others = this.waiting.get(lane) ?? [];
    this.#waiting.add(waiting.identity);
    this.#placeLast = Math.max(this.#placeLast, others.at(-1)?.place ?? 0) + 1;
    this.waiting.set(lane, [...others, { ...waiting, place: this.#placeLast }]);
  }

  #leave(identity: string): void {
    if (!this.#waiting.delete(identity)) return;
    for (const [lane, waiting] of this.waiting) {
      const others = waiting.filter((one) => one.identity !== identity);
      if (others.length === 0) this.waiting.delete(lane);
      else this.waiting.set(lane, others);
    }
  }
}
