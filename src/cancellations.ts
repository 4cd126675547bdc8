// Calls of cancel: an event that waits in memory is taken out, one that runs is told to end, one that is in the store
// only is decided there. Each call is answered when what it says is durable.

import type { AwayLanes } from './away-lanes.js';
import type { Batch } from './dispatch/batch.js';
import type { Dispatcher } from './dispatch/dispatcher.js';
import type { Slot } from './dispatch/ring-buffer.js';
import { KeylaneError, shown } from './errors.js';
import { type Identity, isIdentity, journalPartition } from './event.js';
import type { Flights } from './flights.js';
import { handlerResult } from './handler.js';
import { unreachable } from './invariant.js';
import type { Journal } from './journal.js';
import type { Pump } from './pump.js';
import type { CancelledFor } from './store/event-messages.js';
import type { WriterThread } from './threads.js';

/**
 * What a call of cancel found: `cancelled` has that outcome now, `decided` has one that this call did not give,
 * `unknown` is no event that is held.
 */
export type CancelFound = 'cancelled' | 'decided' | 'unknown';

/** What came of a try that was told to end; `moved`: nothing, and the event waits in the store by now. */
type Ended = CancelFound | 'moved';

interface Parts {
  readonly dispatcher: Dispatcher;
  readonly flights: Flights;
  readonly writer: WriterThread;
  readonly pump: Pump;
  readonly away: AwayLanes;
  readonly journal: Journal;
  /** Number of a partition that is fed or known; null for any other. */
  indexOf(partition: string): number | null;
  /** Name of a handler. */
  nameOf(handler: number): string;
  /** The most handlers that one event may be owed to. */
  widest(): number;
  /** Resolves when everything decided so far is stored. */
  allStored(): Promise<void>;
  /** Told at once that the store has decided an event by itself, for some handler. */
  onDecidedInStore(identity: Identity): void;
  /** Tells the outcomes of an event for handlers of which nothing else tells; resolves when that is done. */
  tellStored(identity: Identity, handlers: readonly string[]): Promise<void>;
  wallMs(): number;
}

export class Cancellations {
  readonly #parts: Parts;
  /** Events in flight that are to end, each for one handler, and who waits for that. */
  readonly #inFlight = new Map<Slot, ((ended: Ended) => void)[]>();
  /** Calls that are not answered. */
  readonly #calls = new Set<Promise<CancelFound>>();
  #isClosed = false;
  /** Calls that the store has been given. */
  #inStoreCount = 0;
  /** When the last of these was made. */
  #lastAtUs = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Whether the store is being told of some, so that an event that comes from there may be cancelled by then. */
  get isInStore(): boolean {
    return this.#inStoreCount > 0;
  }

  /**
   * Cancels the event with this identity, or the published event with this id: for one handler, or for each that has
   * not decided it.
   */
  async cancel(event: Identity | string, { handler }: { readonly handler?: string } = {}): Promise<CancelFound> {
    // Nothing is sent to the store any more, and what is owed there is for the next user.
    if (this.#isClosed) throw new KeylaneError('not-running', 'the processor is ending: cancel with the next one');
    const call = this.#cancel(event, handler);
    this.#calls.add(call);
    try {
      return await call;
    } finally {
      this.#calls.delete(call);
    }
  }

  /** Takes in what came of a batch, once it is settled. */
  settled({ slots }: Batch, results: Uint8Array): void {
    if (this.#inFlight.size === 0) return;
    for (let index = 0; index < slots.length; index += 1) {
      const slot = slots[index]!;
      const waiting = this.#inFlight.get(slot);
      if (waiting === undefined) continue;
      this.#inFlight.delete(slot);
      const ended = this.#endOf(slot, results[index]!);
      for (const answer of waiting) answer(ended);
    }
  }

  /**
   * Takes no more calls, and answers those who wait for a try: their events have no outcome. Resolves when all calls
   * are answered and what they decided is stored.
   */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const waiting of this.#inFlight.values()) for (const answer of waiting) answer('unknown');
    this.#inFlight.clear();
    await Promise.allSettled(this.#calls);
    // Also what followed from calls that the store itself has answered.
    await Promise.allSettled([this.#parts.allStored()]);
  }

  async #cancel(event: Identity | string, handler: string | undefined): Promise<CancelFound> {
    if (typeof event !== 'string' && !isIdentity(event)) {
      throw new KeylaneError('bad-event', `cancel takes { partition, position } or an id, got ${shown(event)}`);
    }
    if (handler !== undefined && typeof handler !== 'string') {
      throw new KeylaneError('bad-option', `handler must be the name of a handler, got ${shown(handler)}`);
    }
    const slots = this.#find(event, handler ?? null);
    if (slots.length === 0) return this.#inStore(event, handler ?? null);
    const found = await Promise.all(slots.map((slot) => this.#inMemory(slot)));
    await this.#parts.allStored();
    const hasMore = found.includes('moved') || (handler === undefined && this.#parts.widest() > 1);
    if (hasMore) found.push(await this.#inStore(event, handler ?? null));
    if (found.includes('cancelled')) return 'cancelled';
    return found.includes('decided') ? 'decided' : 'unknown';
  }

  /** The event where it is in memory: a slot for each handler, or for the one that is meant. */
  #find(event: Identity | string, handler: string | null): readonly Slot[] {
    const { dispatcher, indexOf, nameOf } = this.#parts;
    const partition = typeof event === 'string' ? null : indexOf(event.partition);
    if (typeof event !== 'string' && partition === null) return [];
    const slots = dispatcher.find(
      typeof event === 'string' ? event : { partition: partition!, position: event.position },
    );
    return handler === null ? slots : slots.filter((slot) => nameOf(slot.handler) === handler);
  }

  /** Cancels an event for the handler of one slot, if that can be done here. */
  async #inMemory(slot: Slot): Promise<Ended> {
    switch (slot.state) {
      case 'buffered':
        this.#parts.pump.withdraw(slot);
        return 'cancelled';
      case 'in-flight':
        return this.#ended(slot);
      case 'settled':
        return 'decided';
      case 'aside':
        return 'moved';
      case 'free':
        return 'unknown';
      default:
        return unreachable(slot.state);
    }
  }

  /** What came of a try that was told to end. One that failed or did not begin before that is owed still. */
  #endOf(slot: Slot, result: number): Ended {
    if (slot.state === 'buffered') {
      this.#parts.pump.withdraw(slot);
      return 'cancelled';
    }
    if (result === handlerResult.cancelled) return 'cancelled';
    return result === handlerResult.succeeded || result === handlerResult.failed ? 'decided' : 'moved';
  }

  #ended(slot: Slot): Promise<Ended> {
    return new Promise((resolve) => {
      const waiting = this.#inFlight.get(slot) ?? [];
      this.#inFlight.set(slot, [...waiting, resolve]);
      this.#parts.flights.cancel(slot);
    });
  }

  /** Decides an event that is not in memory; by the time the store says so, a page may have brought it there. */
  async #inStore(event: Identity | string, handler: string | null): Promise<CancelFound> {
    const { writer, wallMs, pump, onDecidedInStore, tellStored } = this.#parts;
    // The store knows a call by its time, should it come twice: no two have the same.
    this.#lastAtUs = Math.max(this.#lastAtUs + 1, Math.floor(wallMs() * 1000));
    const request = { event, handler, atUs: this.#lastAtUs };
    const isTold: (Promise<boolean> | boolean)[] = [];
    this.#inStoreCount += 1;
    const call = writer.cancel(request).catch((error) => {
      this.#inStoreCount -= 1;
      throw error;
    });
    const result = await pump.takeIn(call, ({ identity, cancelled }) => {
      this.#inStoreCount -= 1;
      if (identity === null || cancelled.length === 0) return;
      onDecidedInStore(identity);
      for (const one of cancelled) isTold.push(this.#takeOut(identity, one));
    });
    const told = await Promise.all(isTold);
    const untold = result.cancelled.filter((_, index) => !told[index]).map(({ handlerName }) => handlerName);
    if (untold.length > 0) await tellStored(result.identity!, untold);
    return result.found;
  }

  /** Nothing more is owed to a handler of an event that the store has decided. Says whether it is told in its turn. */
  #takeOut(identity: Identity, { handler, hasWaited, waitedIn }: CancelledFor): Promise<boolean> | boolean {
    const { pump, away, journal } = this.#parts;
    const slot = this.#find(identity, null).find((one) => one.handler === handler) ?? null;
    // Whatever its try gives now: the store has its outcome, and stops no lane behind it.
    const letGo = slot === null ? null : away.letGo(slot);
    if (slot !== null) slot.isDecidedInStore = true;
    if (slot?.state === 'in-flight') {
      const lane = { handler: slot.lane!.handler, key: slot.lane!.key! };
      return this.#ended(slot).then((ended) => {
        if (ended === 'moved') {
          away.left(lane);
          pump.figures.cancelledInStore();
        }
        letGo?.();
        return ended !== 'moved';
      });
    }
    if (slot?.state === 'settled') letGo?.();
    // What is in memory is counted there, with the group that it is in.
    if (slot === null || slot.state === 'aside') pump.figures.cancelledInStore();
    if (slot?.state === 'buffered') pump.withdraw(slot);
    // On its way to the store, where it will not be taken in.
    else if (slot?.state === 'aside') away.left(slot.asideLane);
    else if (slot === null && waitedIn !== null) away.left(waitedIn);
    else if (slot === null && hasWaited) journal.leftLane();
    // A call that is answered twice does not say where an event of a source waited.
    else if (slot === null && identity.partition === journalPartition) journal.left(identity.position);
    return slot?.state === 'settled';
  }
}
