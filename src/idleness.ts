// Who waits until nothing of some kind waits or runs. It looks once a turn, and only while somebody does: at the newest
// event that it knows of, until that is done, and then at all that are in memory, for another one. Where there is none,
// it does the same with lanes of which events wait in the store.

import type { AwayLanes } from './away-lanes.js';
import type { Dispatcher } from './dispatch/dispatcher.js';
import type { Slot } from './dispatch/ring-buffer.js';
import type { KeylaneError } from './errors.js';
import type { Journal } from './journal.js';
import type { Matcher } from './outcome-filter.js';
import type { LaneOrder } from './policy.js';
import { type LaneName, pausedKeyOf } from './store-lanes.js';
import { WrittenEvents } from './written-events.js';

interface Parts {
  readonly dispatcher: Dispatcher;
  readonly journal: Journal;
  readonly away: AwayLanes;
  handlerName(handler: number): string;
  /** The order of each handler's events. */
  readonly orders: readonly LaneOrder[];
  /** Resolves when every event published so far is stored. */
  whenStored(): Promise<void>;
  wake(): void;
}

interface OpenLane {
  readonly name: LaneName;
}

interface Asked {
  /** Written events are published ones below `before`. */
  readonly which: Matcher | WrittenEvents;
  /** Positions of the journal from here on were given out after the wait began. */
  readonly before: number;
  /** An event in memory that was not done, and the sequence it had: the slot is used again for others. */
  witness: { readonly slot: Slot; readonly sequence: number } | null;
  /** A lane that may have some in the store, of which there may be many. */
  lane: OpenLane | null;
}

interface Wait extends Asked {
  resolve(): void;
  reject(error: unknown): void;
}

export class Idleness {
  readonly #parts: Parts;
  readonly #waits = new Set<Wait>();
  #closedBy: KeylaneError | null = null;
  /** Whether what is done is known for good, as nothing cut it short. */
  #isSettled = false;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * Resolves when no event that fits waits or runs. Of those that wait in the store for want of memory it knows only
   * those that were there when it was called.
   */
  whenIdle(matcher: Matcher, signal: AbortSignal | undefined): Promise<void> {
    return this.#await(matcher, signal);
  }

  /** Resolves when no event waits or runs that was written before, nor one that lanes do not tell from these. */
  whenDone(written: WrittenEvents, signal: AbortSignal | undefined): Promise<void> {
    return this.#await(written, signal);
  }

  /** Resolves when no event that fits is in memory. */
  whenNotHeld(matcher: Matcher): Promise<void> {
    return this.#await(matcher, undefined, 0);
  }

  /** Lets those go who wait for nothing any more. Called once a turn. */
  look(): void {
    if (this.#waits.size === 0) return;
    for (const wait of this.#waits) {
      if (this.#isBusy(wait)) continue;
      this.#waits.delete(wait);
      wait.resolve();
    }
  }

  /** Refuses those who wait and who come, but those for whom everything is done when the end was orderly. */
  close(error: KeylaneError, { isOrderly }: { isOrderly: boolean }): void {
    if (this.#closedBy === null) this.#isSettled = isOrderly;
    this.#closedBy ??= error;
    for (const wait of this.#waits) {
      if (this.#isSettled && !this.#isBusy(wait)) wait.resolve();
      else wait.reject(this.#closedBy);
    }
    this.#waits.clear();
  }

  /** @param given positions of the journal from there on are not waited for; those from now on without it. */
  async #await(which: Asked['which'], signal: AbortSignal | undefined, given?: number): Promise<void> {
    signal?.throwIfAborted();
    // Whoever has published without waiting for it means those events too.
    await this.#parts.whenStored();
    signal?.throwIfAborted();
    const asked = { which, before: given ?? this.#parts.journal.positionNext, witness: null, lane: null };
    if (this.#closedBy !== null) {
      if (this.#isSettled && !this.#isBusy(asked)) return;
      throw this.#closedBy;
    }
    await new Promise<void>((resolve, reject) => {
      const stop = (): void => signal?.removeEventListener('abort', giveUp);
      const wait: Wait = {
        ...asked,
        resolve: () => {
          stop();
          resolve();
        },
        reject: (error) => {
          stop();
          reject(error);
        },
      };
      const giveUp = (): void => {
        this.#waits.delete(wait);
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', giveUp, { once: true });
      this.#waits.add(wait);
      this.#parts.wake();
    });
  }

  #isBusy(wait: Asked): boolean {
    const { journal } = this.#parts;
    const isForAll = !(wait.which instanceof WrittenEvents) && wait.which.isForAll;
    if (!journal.isInStep && (isForAll || journal.cursor < wait.before)) return true;
    return this.#isInMemory(wait) || this.#isAway(wait);
  }

  #isInMemory(wait: Asked): boolean {
    const { dispatcher } = this.#parts;
    if (dispatcher.held === 0) return false;
    const { witness } = wait;
    if (witness !== null && witness.slot.state !== 'free' && witness.slot.sequence === witness.sequence) return true;
    wait.witness = null;
    for (const slot of dispatcher.taken()) {
      const isNewer = wait.witness === null || slot.sequence > wait.witness.sequence;
      if (isNewer && this.#fits(wait, slot)) wait.witness = { slot, sequence: slot.sequence };
    }
    return wait.witness !== null;
  }

  #fits({ which, before }: Asked, { partition, position, handler, event }: Slot): boolean {
    const { journal, handlerName } = this.#parts;
    if (!(which instanceof WrittenEvents)) return which.fitsEvent({ ...event!, handler: handlerName(handler) });
    return partition === journal.partition && position < before && which.mayHave({ handler, key: event!.key });
  }

  /** Whether events wait in the store that will come by themselves: which types they are of is not known. */
  #isAway(wait: Asked): boolean {
    const { open } = this.#parts.away;
    if (wait.lane !== null && open.has(wait.lane)) return true;
    wait.lane = null;
    for (const lane of open) {
      if (!this.#mayFitLane(wait, lane)) continue;
      wait.lane = lane;
      return true;
    }
    return false;
  }

  #mayFitLane({ which }: Asked, { name }: OpenLane): boolean {
    const { handler, key } = this.#traitsOf(name);
    if (which instanceof WrittenEvents) return which.mayHave({ handler, key });
    return which.mayFitLane({ handler: handler === null ? null : this.#parts.handlerName(handler), key });
  }

  /** See LaneName: a lane without an order is named by the negative of its handler, and -1 is of all handlers. */
  #traitsOf({ handler, key }: { handler: number; key: string }): { handler: number | null; key: string | null } {
    if (handler === -1) return { handler: null, key: null };
    if (handler < -1) return { handler: -2 - handler, key: pausedKeyOf({ handler, key }) };
    // The one lane of a handler that takes its events one after another has those of all keys.
    return { handler, key: this.#parts.orders[handler] === 'handler' ? null : key };
  }
}
