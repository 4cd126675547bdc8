// What people outside know: which events were accepted, in which lane each is, which ids were used. It outlives the
// processes, and is what the judge goes by.

import { type Identity, journalPartition } from '../../src/event.js';
import type { GivenPolicy, HandlerTable } from '../../src/handler.js';
import type { OrderMode } from '../../src/options.js';
import type { LaneOrder } from '../../src/policy.js';
import type { RateLimit } from '../../src/rate-options.js';
import type { Receipt } from '../../src/receipts.js';
import type { SourceRecord } from '../../src/sources/source.js';
import type { Random } from './random.js';

export interface SimulatedEvent {
  readonly type: string;
  readonly key: string | null;
  readonly id: string | null;
}

/** An event as one of its handlers has it; its identity is `partition/position/handler`. */
export interface Accepted {
  readonly identity: string;
  readonly partition: string;
  readonly position: number;
  readonly handler: string;
  readonly lane: string | null;
  readonly key: string | null;
}

/** The handlers of a whole module, and the types there are. */
export const types = ['a', 'b', 'c'];

/** Where events have several handlers: the types that each of these takes. */
const takenBy: Readonly<Record<string, readonly string[]>> = { a: ['a'], b: ['b', 'a'], c: ['*'] };

/** The key of the event that ends its process, where a simulation has one. */
export const killerKey = 'killer';

export class Ledger {
  readonly order: OrderMode;
  /** Whether an event may have several handlers. */
  readonly fansOut: boolean;
  /** What handlers claim, where they claim anything: their priorities, and how many events of `b` may run at once. */
  readonly claims: Readonly<Record<string, GivenPolicy>>;
  readonly wrong: string[] = [];
  /** Whether some life did not have all handlers: what it left comes after others of the one lane there is. */
  lacksHandlers = false;
  /** Events that were run again after they had been dead-lettered: they come after others of their lane. */
  readonly redriven = new Set<string>();
  /** Superseded events that memory alone had, as it may have the newer ones. */
  readonly outlivesNewer = new Set<string>();
  /** Events that somebody asked to cancel. */
  readonly toldToEnd = new Set<string>();
  readonly #accepted = new Map<string, Accepted>();
  /** Events of the source that a later life read, whose module did not have the handler. */
  readonly #unowed = new Set<string>();
  readonly #identityOfId = new Map<string, string>();
  readonly #records: readonly SourceRecord[];
  readonly #random: Random;
  readonly #keepsState: boolean;
  /** Handlers that want the newest only of what waits of a key. */
  readonly #latest: ReadonlySet<string>;
  /** Handlers that take several events of a key at once. */
  readonly #takesRuns: ReadonlySet<string>;
  /** Calls with several events that succeeded. */
  together = 0;
  readonly #keys: number;
  /** One event in so many has no key. */
  readonly #keylessIn: number;
  /** One try in so many is postponed, and some waits are so long. */
  readonly postponedIn: number;
  readonly waitMsMax: number;

  constructor(random: Random) {
    this.#random = random;
    this.order = random.pick(['key', 'key', 'key', 'none', 'global'] as const);
    this.fansOut = random.oneIn(2);
    const order = this.order === 'global' ? {} : { order: random.pick(['key', 'none', 'handler'] as const) };
    const claims = { a: { priority: random.int(-1, 1) }, b: { concurrency: random.int(1, 3) } };
    this.claims = random.oneIn(2) ? { ...claims, c: { priority: 1, ...order } } : {};
    if (this.order !== 'global' && random.oneIn(3)) {
      const rate = (): RateLimit => ({ tries: random.int(1, 4), perMs: random.pick([2, 20]) });
      const keyed = this.order === 'key' && random.oneIn(2) ? { rateLimitPerKey: rate() } : {};
      this.claims = { ...this.claims, a: { ...claims.a, rateLimit: rate() }, b: { ...claims.b, ...keyed } };
    }
    this.#keepsState = random.oneIn(2);
    const isKeyed = (handler: string): boolean => this.orderOf(handler) === 'key';
    const whimOf = (n: number): Set<string> => new Set(types.filter((one) => isKeyed(one) && random.oneIn(n)));
    this.#latest = random.oneIn(2) ? whimOf(2) : new Set();
    this.#takesRuns = random.oneIn(2) ? whimOf(1) : new Set();
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

  /** What a module with some of the handlers takes. */
  takes(handlers: readonly string[]): HandlerTable['takes'] {
    return this.fansOut ? handlers.map((handler) => takenBy[handler]!) : 'its-own-type';
  }

  /** The handlers that an event is owed to by a module with some of them. */
  routeOf(type: string, handlers: readonly string[]): string[] {
    return handlers.filter((handler) => {
      const taken = this.fansOut ? takenBy[handler]! : [handler];
      return taken.includes(type) || taken.includes('*');
    });
  }

  /** The records of the source from a position on; reading one accepts it, by the module that reads it. */
  recordsFrom(position: number, count: number, handlers: readonly string[]): SourceRecord[] {
    const records = this.#records.filter((record) => record.position >= position).slice(0, count);
    for (const { position: at, event } of records) {
      for (const handler of types) this.#unowed.add(`source/${at}/${handler}`);
      this.#accept({ partition: 'source', position: at }, event, this.routeOf(event.type, handlers));
    }
    return records;
  }

  /** Takes in what publish gave; a duplicate owes what the first owed. */
  receipt(
    event: SimulatedEvent,
    { identity, duplicate }: Pick<Receipt, 'identity' | 'duplicate'>,
    handlers: readonly string[],
  ): void {
    const told = `${identity.partition}/${identity.position}`;
    const known = event.id === null ? undefined : this.#identityOfId.get(event.id);
    if (event.id !== null && known !== undefined && known !== told) {
      this.wrong.push(`id ${event.id} is ${known}, and publish said ${told}`);
    }
    if (duplicate && event.id === null) this.wrong.push(`${told} has no id and is said to be a duplicate`);
    if (event.id !== null) this.#identityOfId.set(event.id, told);
    if (duplicate) return;
    if (types.some((handler) => this.#accepted.has(`${told}/${handler}`)))
      this.wrong.push(`${told} was given out twice`);
    this.#accept(identity, event, this.routeOf(event.type, handlers));
  }

  /** Takes in what an event has emitted, once it is stored. */
  emitted(event: Pick<SimulatedEvent, 'type' | 'key'>, of: { position: number; handlers: readonly string[] }): void {
    const identity = { partition: journalPartition, position: of.position };
    this.#accept(identity, event, this.routeOf(event.type, of.handlers));
  }

  /** The process died with what it held in memory. */
  forgetUnstored(isStored: (identity: string) => boolean): void {
    for (const identity of this.#accepted.keys()) if (!isStored(identity)) this.#accepted.delete(identity);
  }

  /** Whether a handler keeps state. */
  keepsState(handler: string): boolean {
    return this.#keepsState && this.orderOf(handler) === 'key';
  }

  /** Whether a newer event of a key supersedes one that waits for a handler. */
  wantsLatest(handler: string): boolean {
    return this.#latest.has(handler);
  }

  /** Whether a handler takes several events of a key at once. */
  takesRuns(handler: string): boolean {
    return this.#takesRuns.has(handler);
  }

  /** The order of a handler's events. */
  orderOf(handler: string): LaneOrder {
    return this.claims[handler]?.order ?? this.order;
  }

  laneOf(handler: string, key: string | null): string | null {
    const order = this.orderOf(handler);
    if (order === 'global') return 'all';
    if (order === 'handler') return handler;
    return order === 'none' || key === null ? null : `${handler}:${key}`;
  }

  get all(): readonly Accepted[] {
    return [...this.#accepted.values()];
  }

  /** An accepted event of a partition below a position that has no outcome. */
  missing(of: { partition: string; below: number; has(identity: string): boolean }): string | undefined {
    for (const { identity, partition, position } of this.#accepted.values()) {
      if (this.#unowed.has(identity)) continue;
      if (partition === of.partition && position < of.below && !of.has(identity)) return identity;
    }
    return undefined;
  }

  #accept({ partition, position }: Identity, { key }: Pick<SimulatedEvent, 'key'>, owedTo: readonly string[]): void {
    for (const handler of owedTo) {
      const identity = `${partition}/${position}/${handler}`;
      const lane = this.laneOf(handler, key);
      this.#unowed.delete(identity);
      this.#accepted.set(identity, { identity, partition, position, handler, lane, key });
    }
  }
}

/** Whether an identity is one of a published event. */
export function isPublished(identity: string): boolean {
  return identity.startsWith(`${journalPartition}/`);
}
