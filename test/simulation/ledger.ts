// What people outside know: which events were accepted, in which lane each is, which ids were used. It outlives the
// processes, and is what the judge goes by.

import { type Identity, journalPartition } from '../../src/event.js';
import type { OrderMode } from '../../src/options.js';
import type { Receipt } from '../../src/receipts.js';
import type { SourceRecord } from '../../src/sources/source.js';
import type { Random } from './random.js';

export interface SimulatedEvent {
  readonly type: string;
  readonly key: string | null;
  readonly id: string | null;
}

export interface Accepted {
  readonly identity: string;
  readonly partition: string;
  readonly position: number;
  readonly lane: string | null;
  readonly key: string | null;
}

/** The handlers of a whole module. */
export const types = ['a', 'b', 'c'];

/** The key of the event that ends its process, where a simulation has one. */
export const killerKey = 'killer';

export class Ledger {
  readonly order: OrderMode;
  readonly wrong: string[] = [];
  /** Whether some life did not have all handlers: what it left comes after others of the one lane there is. */
  lacksHandlers = false;
  /** Events that were run again after they had been dead-lettered: they come after others of their lane. */
  readonly redriven = new Set<string>();
  /** Events that somebody asked to cancel. */
  readonly toldToEnd = new Set<string>();
  readonly #accepted = new Map<string, Accepted>();
  readonly #identityOfId = new Map<string, string>();
  readonly #records: readonly SourceRecord[];
  readonly #random: Random;
  readonly #keys: number;
  /** One event in so many has no key. */
  readonly #keylessIn: number;
  /** One try in so many is postponed, and some waits are so long. */
  readonly postponedIn: number;
  readonly waitMsMax: number;

  constructor(random: Random) {
    this.#random = random;
    this.order = random.pick(['key', 'key', 'key', 'none', 'global'] as const);
    this.#keys = random.pick([1, 2, 7, 40]);
    this.#keylessIn = random.pick([10, 10, 10, 2]);
    this.postponedIn = random.pick([30, 30, 30, 4]);
    this.waitMsMax = random.pick([400, 400, 30_000]);
    let position = 0;
    this.#records = Array.from({ length: random.int(0, 120) }, () => {
      position += random.int(1, 3);
      return { position, event: { ...this.event(), id: null, extras: null, data: '1' } };
    });
  }

  /** An event to publish. */
  event(): SimulatedEvent {
    const random = this.#random;
    const key = random.oneIn(this.#keylessIn) ? null : `k${Math.floor(random.next() ** 2 * this.#keys)}`;
    return { type: random.pick(types), key, id: random.oneIn(6) ? `id-${random.int(1, 60)}` : null };
  }

  /** The records of the source from a position on; reading one accepts it. */
  recordsFrom(position: number, count: number): SourceRecord[] {
    const records = this.#records.filter((record) => record.position >= position).slice(0, count);
    for (const { position: at, event } of records) this.#accept({ partition: 'source', position: at }, event);
    return records;
  }

  /** Takes in what publish gave. */
  receipt(event: SimulatedEvent, { identity, duplicate }: Pick<Receipt, 'identity' | 'duplicate'>): void {
    const told = `${identity.partition}/${identity.position}`;
    const known = event.id === null ? undefined : this.#identityOfId.get(event.id);
    if (event.id !== null && known !== undefined && known !== told) {
      this.wrong.push(`id ${event.id} is ${known}, and publish said ${told}`);
    }
    if (duplicate && event.id === null) this.wrong.push(`${told} has no id and is said to be a duplicate`);
    if (event.id !== null) this.#identityOfId.set(event.id, told);
    if (!duplicate && this.#accepted.has(told)) this.wrong.push(`${told} was given out twice`);
    this.#accept(identity, event);
  }

  /** The process died with what it held in memory. */
  forgetUnstored(isStored: (identity: string) => boolean): void {
    for (const identity of this.#accepted.keys()) if (!isStored(identity)) this.#accepted.delete(identity);
  }

  laneOf(type: string, key: string | null): string | null {
    if (this.order === 'global') return 'all';
    return this.order === 'none' || key === null ? null : `${type}:${key}`;
  }

  get all(): readonly Accepted[] {
    return [...this.#accepted.values()];
  }

  /** An accepted event of a partition below a position that has no outcome. */
  missing(of: { partition: string; below: number; has(identity: string): boolean }): string | undefined {
    for (const { identity, partition, position } of this.#accepted.values()) {
      if (partition === of.partition && position < of.below && !of.has(identity)) return identity;
    }
    return undefined;
  }

  #accept({ partition, position }: Identity, { type, key }: Pick<SimulatedEvent, 'type' | 'key'>): void {
    const identity = `${partition}/${position}`;
    const lane = this.laneOf(type, key);
    if (!this.#accepted.has(identity)) this.#accepted.set(identity, { identity, partition, position, lane, key });
  }
}

/** Whether an identity is one of a published event. */
export function isPublished(identity: string): boolean {
  return identity.startsWith(`${journalPartition}/`);
}
