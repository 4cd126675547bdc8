// Who waits for the outcome of a published event. Nothing is kept for a receipt that nobody asked: what became of its
// event is read from the store when somebody does.
//
// 1. Somebody asks, and waits from then on. What had been decided before may be stored or not.
// 2. Once all of that is stored, the store is read: it says what the event has, and which handlers owe one still.
//    If none does, that is the answer.
// 3. News that come meanwhile may be older than what the store says, so they only have it read once more. When it has
//    said that one outcome is owed and none is there, the next news are the outcome; of an event with several handlers
//    they are one of several, and have the store read once more.

import type { Slot } from './dispatch/ring-buffer.js';
import { KeylaneError, shown } from './errors.js';
import type { Identity } from './event.js';
import type { WithSignal } from './option-spec.js';
import type { Outcome } from './outcome.js';
import type { EventOutcomes } from './store/event-messages.js';

/** What `publish` gives once the event is accepted. */
export interface Receipt {
  /** Of the event; of a duplicate, that of the event that has its id. */
  readonly identity: Identity;
  /** Whether an event with this id had been accepted before; this one was not, then. */
  readonly duplicate: boolean;
  /**
   * For a duplicate: the outcome of the event that has its id, as far as it was durable when this was published. Of an
   * event with several handlers it is the first of those that were, by handler; `outcomes()` gives all.
   */
  readonly storedOutcome: Outcome | null;
  /**
   * Resolves with the durable outcome of the event, whatever its status, when there is one, or at once where there is;
   * for a duplicate that of the event that has its id. One that is parked has none until it is redriven. Rejects with
   * `not-running` when drain or stop ends the processor before, with what else ended it, with `outcome-deleted` when
   * retention has deleted it, with `several-outcomes` when the event is owed to several handlers, with `unmatched` when
   * it is to none, or with the reason of `signal`.
   */
  outcome(options?: WithSignal): Promise<Outcome>;
  /** The same for all outcomes of the event, one for each handler that it is owed to, once there are all. */
  outcomes(options?: WithSignal): Promise<readonly Outcome[]>;
}

interface Parts {
  /** Number of the partition of published events, and its name. */
  readonly partition: number;
  readonly partitionName: string;
  /** Resolves when everything decided so far is stored. */
  allStored(): Promise<void>;
  /** Reads what became of events; `act` is called in between what the writer said before and after. */
  read(events: readonly Identity[], act: (found: readonly EventOutcomes[]) => void): Promise<unknown>;
  /** Names of the handlers for which memory has an event that the store may not have. It may look at all of them. */
  heldFor(position: number): readonly string[];
  /** The most outcomes that one event may be owed. */
  widest(): number;
}

interface Asker {
  resolve(outcomes: readonly Outcome[]): void;
  reject(error: unknown): void;
}

/** Those who wait for one event. */
interface Wait {
  readonly position: number;
  readonly askers: Set<Asker>;
  /** `asking`: the store is to say where it stands. `waiting`: it said that an outcome is owed. */
  state: 'asking' | 'waiting';
  /** Whether there were news while the store was asked. */
  isStale: boolean;
  /** Of one that is `waiting`: whether it is owed a single outcome, so that the next news are all there is to come. */
  owesOne: boolean;
}

export class Receipts {
  readonly #parts: Parts;
  /** By position. */
  readonly #waits = new Map<number, Wait>();
  /** To be asked for together, in the next microtask. */
  #toAsk: Wait[] = [];
  /** Calls to the store that are under way. */
  readonly #reads = new Set<Promise<void>>();
  #closedBy: KeylaneError | null = null;
  #isFinishing = false;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** The outcomes of an event that was accepted at some time. */
  outcomes(position: number, signal: AbortSignal | undefined): Promise<readonly Outcome[]> {
    return this.#await(position, { state: 'asking', signal });
  }

  /** The outcome of an event with one handler that was accepted just now, so that nothing can have become of it. */
  outcomesOfNew(position: number, signal: AbortSignal | undefined): Promise<readonly Outcome[]> {
    return this.#await(position, { state: 'waiting', signal });
  }

  /** Whether somebody waits for one of these events. */
  awaitAny(slots: readonly Slot[]): boolean {
    if (this.#waits.size === 0) return false;
    return slots.some(({ partition, position }) => this.awaits(partition, position));
  }

  awaits(partition: number, position: number): boolean {
    return partition === this.#parts.partition && this.#waits.has(position);
  }

  /** Takes in that an outcome is durable. */
  heard(outcome: Outcome): void {
    const { partition, position } = outcome.identity;
    const wait = partition === this.#parts.partitionName ? this.#waits.get(position) : undefined;
    if (wait === undefined) return;
    if (wait.state === 'asking') wait.isStale = true;
    else if (wait.owesOne) this.#resolve(wait, [outcome]);
    else this.#ask(wait);
  }

  /** Takes in that the store has decided an event by itself: whatever is told of it from elsewhere does not count. */
  decidedInStore({ partition, position }: Identity): void {
    const wait = partition === this.#parts.partitionName ? this.#waits.get(position) : undefined;
    if (wait === undefined) return;
    if (wait.state === 'asking') wait.isStale = true;
    else this.#ask(wait);
  }

  /** Lets the calls to the store that are under way come to their end, then closes. */
  async finish(error: KeylaneError): Promise<void> {
    this.#isFinishing = true;
    this.#begin();
    while (this.#reads.size > 0) await Promise.all(this.#reads);
    this.close(error);
  }

  /** Tells those who wait, and who will ask, that nothing more is known. */
  close(error: KeylaneError): void {
    this.#closedBy ??= error;
    this.#toAsk = [];
    for (const { askers } of this.#waits.values()) for (const { reject } of askers) reject(this.#closedBy);
    this.#waits.clear();
  }

  #await(
    position: number,
    { state, signal }: { state: Wait['state']; signal: AbortSignal | undefined },
  ): Promise<readonly Outcome[]> {
    if (this.#closedBy !== null) return Promise.reject(this.#closedBy);
    if (this.#isFinishing) return Promise.reject(endedBefore());
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const stop = (): void => signal?.removeEventListener('abort', giveUp);
      const asker: Asker = {
        resolve: (outcomes) => {
          stop();
          resolve(outcomes);
        },
        reject: (error) => {
          stop();
          reject(error);
        },
      };
      const giveUp = (): void => {
        const wait = this.#waits.get(position);
        wait?.askers.delete(asker);
        if (wait?.askers.size === 0) this.#waits.delete(position);
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', giveUp, { once: true });
      this.#join(position, { state, asker });
    });
  }

  #join(position: number, { state, asker }: { state: Wait['state']; asker: Asker }): void {
    const known = this.#waits.get(position);
    if (known !== undefined) {
      known.askers.add(asker);
      return;
    }
    const wait: Wait = { position, askers: new Set([asker]), state, isStale: false, owesOne: state === 'waiting' };
    this.#waits.set(position, wait);
    if (state === 'asking') this.#ask(wait);
  }

  #ask(wait: Wait): void {
    wait.state = 'asking';
    wait.isStale = false;
    this.#toAsk.push(wait);
    if (this.#toAsk.length === 1) queueMicrotask(() => this.#begin());
  }

  #begin(): void {
    const waits = this.#toAsk;
    if (waits.length === 0) return;
    this.#toAsk = [];
    // What ends the processor is told by `close`.
    const read = this.#read(waits).catch(() => {});
    this.#reads.add(read);
    void read.then(() => this.#reads.delete(read));
  }

  async #read(asked: readonly Wait[]): Promise<void> {
    const { allStored, read, partitionName: partition } = this.#parts;
    await allStored();
    for (let rest = asked; rest.length > 0; ) {
      const waits = rest.slice(0, readMax);
      let answered = 0;
      await read(
        waits.map(({ position }) => ({ partition, position })),
        (found) => {
          answered = found.length;
          for (const [index, event] of found.entries()) this.#answer(waits[index]!, event);
        },
      );
      rest = rest.slice(answered);
    }
  }

  /** Takes in what the store says of one event. */
  #answer(wait: Wait, found: EventOutcomes): void {
    // Whoever waited has given up, and somebody else may have come since.
    if (this.#waits.get(wait.position) !== wait) return;
    const { outcomes, isUnmatched } = found;
    const owed = this.#owedCount(wait, found);
    if (owed === 0 && (outcomes.length > 0 || isUnmatched)) {
      this.#resolve(wait, outcomes);
    } else if (wait.isStale) {
      this.#ask(wait);
    } else if (owed > 0) {
      wait.state = 'waiting';
      wait.owesOne = owed === 1 && outcomes.length === 0;
    } else {
      this.#waits.delete(wait.position);
      for (const { reject } of wait.askers) reject(deleted(wait.position));
    }
  }

  /** How many outcomes are to come, by what the store says and what is in memory only. */
  #owedCount({ position }: Wait, { outcomes, owed, isUnmatched }: EventOutcomes): number {
    const { heldFor, widest } = this.#parts;
    if (isUnmatched || outcomes.length + owed.length >= widest()) return owed.length;
    const known = new Set([...owed, ...outcomes.map(({ handler }) => handler)]);
    return owed.length + heldFor(position).filter((handler) => !known.has(handler)).length;
  }

  #resolve(wait: Wait, outcomes: readonly Outcome[]): void {
    this.#waits.delete(wait.position);
    for (const { resolve } of wait.askers) resolve(outcomes);
  }
}

/** The most events that one call to the store asks for. */
const readMax = 1024;

/** The only one of an event's outcomes. Throws a KeylaneError `several-outcomes` or `unmatched`. */
export function onlyOne(outcomes: readonly Outcome[]): Outcome {
  const [outcome] = outcomes;
  if (outcomes.length === 1) return outcome!;
  if (outcome === undefined) {
    throw new KeylaneError('unmatched', 'no handler took this event, so that it has no outcome: outcomes() gives none');
  }
  const handlers = outcomes.map(({ handler }) => handler).join(', ');
  const found = `an event must be taken by one handler for outcome(), it was by ${outcomes.length} (${handlers})`;
  throw new KeylaneError('several-outcomes', `${found}: use outcomes()`);
}

/** Refuses to process an event with another number of handlers than one, before it is accepted. */
export function checkOwesOne(type: string, handlers: number): void {
  if (handlers === 1) return;
  const expected = 'event.type must be a type that one handler takes for process()';
  if (handlers === 0) {
    throw new KeylaneError('unmatched', `${expected}, got ${shown(type)}, which none takes: publish the event instead`);
  }
  const found = `got ${shown(type)}, which ${handlers} take`;
  throw new KeylaneError('several-outcomes', `${expected}, ${found}: publish it, and ask its receipt for outcomes()`);
}

/** What a drain or stop says to those who wait still. */
export function endedBefore(): KeylaneError {
  const what = 'the processor has ended, and this event has no outcome that it could tell of';
  const advice = 'read what is stored with openStore(path).outcome(identity); what is owed goes on at the next start';
  return new KeylaneError('not-running', `${what}: ${advice}`);
}

function deleted(position: number): KeylaneError {
  const what = `the outcome of the event at position ${position} was deleted, as was the event`;
  return new KeylaneError('outcome-deleted', `${what} (option retention): ask before, or keep outcomes for longer`);
}
