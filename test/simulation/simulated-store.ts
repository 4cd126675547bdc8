// What is left of a store when its process dies: events, outcomes, watermarks, and which events were running. It is what
// the judge looks at, and it objects to whatever a store must never be told.

import { type EncodedEvent, journalPartition } from '../../src/event.js';
import { type LeftStates, splitStates } from '../../src/joined-states.js';
import type { KeyState } from '../../src/keyed-state.js';
import { type Outcome, type OutcomeRow, RowsReader, type Verdict, verdict } from '../../src/outcome.js';
import type { GroupRequest, Retries, Suspects, Watermark } from '../../src/store/messages.js';
import { fold } from './fold.js';

export interface StoredEvent {
  readonly event: EncodedEvent;
  /** Names of the handlers it is owed to. */
  readonly handlers: readonly string[];
}

/** An event that waits in the store instead of in memory, as one of its handlers has it. */
export interface Waiting {
  readonly identity: string;
  readonly partition: number;
  readonly position: number;
  readonly handler: string;
  readonly event: EncodedEvent;
}

interface StoredOutcome {
  readonly verdict: Verdict | 'discarded';
  readonly error: string | null;
  readonly key: string | null;
}

/** A batch that runs, by the identities of its events. */
export interface Running {
  readonly identities: readonly string[];
  readonly alone: boolean;
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

/** Names of verdicts that are outcomes. */
export const statuses: Readonly<Partial<Record<Verdict, Outcome['status']>>> = {
  [verdict.succeeded]: 'succeeded',
  [verdict.deadLettered]: 'dead-lettered',
  [verdict.cancelled]: 'cancelled',
  [verdict.superseded]: 'superseded',
};

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
  /** Events that were dead letters and were run again. */
  readonly redriven = new Set<string>();
  /** Events of outcomes that did not succeed, as far as they are not in the journal. */
  readonly kept = new Map<string, EncodedEvent>();
  readonly objections: string[] = [];
  /** By handler and key: the states that were stored, and what they are to be. */
  readonly states = new Map<string, KeyState>();
  readonly #folds = new Map<string, number>();
  /** Published events by position. */
  readonly events = new Map<number, StoredEvent>();
  /** By identity (`partition/position/handler`), in the order in which they were stored. */
  readonly outcomes = new Map<string, StoredOutcome>();
  readonly watermarks = new Map<string, number>();
  /** The batches in flight, by place. */
  readonly flight = new Map<number, Running>();
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

  identityOf(partition: number, position: number, handler: string): string {
    return `${this.#partitions[partition - 1]}/${position}/${handler}`;
  }

  /** Identities of a partition that have an outcome, or wait in the store. */
  done(name: string): string[] {
    const known = [...this.outcomes.keys(), ...[...this.waiting.values()].flat().map(({ identity }) => identity)];
    return known.filter((identity) => identity.startsWith(`${name}/`));
  }

  /** Identities of the journal that are owed an outcome and do not wait in lanes. */
  owed(): string[] {
    const all = [...this.events].flatMap(([position, { handlers }]) => {
      return handlers.map((handler) => `${journalPartition}/${position}/${handler}`);
    });
    return all.filter((identity) => !this.isPlaced(identity));
  }

  /** Whether the journal has the event. */
  isJournaled(identity: string): boolean {
    const [partition, position] = identity.split('/');
    return partition === journalPartition && this.events.has(Number(position));
  }

  /** Whether an event has its outcome, or waits in the store. */
  isPlaced(identity: string): boolean {
    return this.outcomes.has(identity) || this.isWaiting(identity);
  }

  isWaiting(identity: string): boolean {
    return this.#waiting.has(identity);
  }

  /** What is known of events that were tried and are not decided: see Retries. */
  retries(name: string, handlers: readonly string[]): Retries {
    const own = [...this.tries].filter(([identity]) => identity.startsWith(`${name}/`) && !this.isPlaced(identity));
    return Float64Array.from(
      own.flatMap(([identity, { tries, postponed, dueAtUs }]) => {
        const place = placeOf(identity, handlers);
        return place.length === 0 ? [] : [...place, tries, postponed, dueAtUs];
      }),
    );
  }

  addTry(identity: string, row: OutcomeRow): void {
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
    this.redriven.add(identity);
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
    const isExact = batches.length === 1 && batches[0]?.identities.length === 1;
    for (const { identities, alone } of batches) {
      for (const identity of identities) {
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

  suspects(name: string, handlers: readonly string[]): Suspects {
    const own = [...this.#deaths].filter(
      ([identity]) => identity.startsWith(`${name}/`) && !this.outcomes.has(identity),
    );
    return Float64Array.from(
      own.flatMap(([identity, deaths]) => {
        const place = placeOf(identity, handlers);
        return place.length === 0 ? [] : [...place, deaths];
      }),
    );
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

  addOutcome(identity: string, row: Pick<OutcomeRow, 'verdict' | 'error' | 'key'>): void {
    if (this.outcomes.has(identity)) this.objections.push(`a second outcome for ${identity}`);
    this.outcomes.set(identity, { verdict: row.verdict, error: row.error, key: row.key });
    this.#deaths.delete(identity);
    this.tries.delete(identity);
    this.#leave(identity);
  }

  /** An event of a handler that keeps state has succeeded. */
  foldIn(identity: string, { handler, key }: { handler: string; key: string }): void {
    const name = `${handler} ${key}`;
    this.#folds.set(name, fold(this.#folds.get(name) ?? 0, identity));
  }

  /** Takes in the states of a group, whose outcomes are in: they are what came of the events that succeeded. */
  setStates({ rows: joined, states = [] }: GroupRequest, handlers: readonly string[]): void {
    for (const [part, left] of states.entries()) {
      if (left !== null) this.#setStatesOf(new RowsReader(joined[part]!), left, handlers);
    }
    for (const [name, expected] of this.#folds) {
      const found = this.states.get(name)?.value;
      if (found !== String(expected)) this.objections.push(`the state of ${name} is ${found}, not ${expected}`);
    }
  }

  #setStatesOf(reader: RowsReader, left: LeftStates, handlers: readonly string[]): void {
    const rows = Array.from({ length: reader.count }, () => reader.next());
    for (const [at, { state }] of splitStates(left, { areKept: true }).entries()) {
      const { handler, key } = rows[left.rows[at]!]!;
      if (state === null) this.states.delete(`${handlers[handler]} ${key}`);
      else this.states.set(`${handlers[handler]} ${key}`, state);
    }
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

/** Position and index of the handler; nothing where that is not there. */
function placeOf(identity: string, handlers: readonly string[]): number[] {
  const [, position, handler = ''] = identity.split('/');
  const index = handlers.indexOf(handler);
  return index === -1 ? [] : [Number(position), index];
}
