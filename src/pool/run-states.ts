// The states of the keys of one batch, run by run, as its events are tried one after another: a try begins with what
// the last event of its run that succeeded has left. To write a small state as text costs more than a small handler
// does, so what an event leaves is held as a copy while the next events of its run follow, and written with the last.

import { shown } from '../errors.js';
import { apart } from '../joined-events.js';
import type { KeyState, StateAt } from '../keyed-state.js';
import { PlainCopy, plainSizeMax, textPerUnit } from './plain-copy.js';
import type { StateKeeper } from './state-keeper.js';
import { TryContext, type TryPlace, type TryThread } from './try-context.js';

/** Where a try runs, and for which key. */
interface PlaceOfState extends TryPlace {
  readonly reader: { readonly attempt: number; readonly handler: number; readonly key: string | null };
}

/** What had ended is run again where its thread dies with the state that it left: no more than this. */
const heldUsMax = 1000;

/** Room that the text of a state which is held takes at most, so that there is always some for it. */
const heldBytesMax = plainSizeMax * textPerUnit;

export class RunStates {
  /** With which each run begins, in the order of the batch. */
  readonly #begins: readonly StateAt[];
  /** By index of the handler; null for one that keeps no state. */
  readonly #keepers: readonly (StateKeeper | null)[];
  #next = 0;
  /** What the run began with, or what was written of it last. */
  #written: KeyState | null = null;
  /** What was left since, by which event and to which handler; null where that is written, or nothing was. */
  #held: PlainCopy | null = null;
  #heldBy = 0;
  #keeper: StateKeeper | null = null;
  /** From which event on, and which time, what came of the run is not told, as a state is held since; -1: all is. */
  #heldFrom = -1;
  #heldSinceUs = 0;
  /** What was written and not told yet. */
  #toTell: StateAt | null = null;

  constructor(begins: readonly StateAt[], keepers: readonly (StateKeeper | null)[]) {
    this.#begins = begins;
    this.#keepers = keepers;
  }

  /** Whether an event has left a state that is not written yet. */
  get isHolding(): boolean {
    return this.#held !== null;
  }

  /** The first event of which nothing is told yet; null when all that has ended is told. */
  get heldFrom(): number | null {
    return this.#heldFrom === -1 ? null : this.#heldFrom;
  }

  /** Whether it is not to be written now, at the end of an event: not where much would have to run again without it. */
  mayHoldOn(nowUs: number, { room }: { readonly room: number }): boolean {
    return this.#held !== null && nowUs - this.#heldSinceUs < heldUsMax && room >= heldBytesMax;
  }

  /** The batch has come to this event. */
  standAt(index: number): void {
    if (this.#begins[this.#next]?.index !== index) return;
    this.#written = this.#begins[this.#next]!.state;
    this.#next += 1;
  }

  /** What a try of the handler is told. */
  contextFor(handler: string, at: PlaceOfState, thread: TryThread): TryContext {
    const keeper = this.#keepers[at.reader.handler]!;
    if (keeper === null) return new TryContext(handler, at, thread);
    return new StatefulContext(handler, at, thread, keeper, this.#held ?? this.#written);
  }

  /**
   * The try of this event, which began at `atUs`, has succeeded, unless what it left cannot be stored: then this
   * throws. `mayHold`: another event of its run follows at once.
   */
  succeed(context: TryContext, { index, atUs, mayHold }: { index: number; atUs: number; mayHold: boolean }): void {
    if (!(context instanceof StatefulContext)) return;
    const state = StatefulContext.next(context);
    if (state === unset) return;
    const keeper = StatefulContext.keeperOf(context);
    const copy = mayHold ? keeper.copy(state) : null;
    if (copy === null) {
      this.#write(keeper.encode(state), index);
      return;
    }
    this.#held = copy;
    this.#heldBy = index;
    this.#keeper = keeper;
    if (this.#heldFrom !== -1) return;
    this.#heldFrom = index;
    this.#heldSinceUs = atUs;
  }

  /** What its run has left since this was asked last, with the index of the event that left it; null for nothing. */
  take(): StateAt | null {
    if (this.#held !== null) this.#write(this.#keeper!.encode(this.#held.value), this.#heldBy);
    const told = this.#toTell;
    this.#toTell = null;
    this.#heldFrom = -1;
    return told;
  }

  #write(state: KeyState | null, index: number): void {
    this.#written = state;
    this.#held = null;
    this.#toTell = { index, state };
  }
}

const unset = Symbol('unset');

/** The context of a try whose handler keeps state. */
class StatefulContext extends TryContext {
  readonly #keeper: StateKeeper;
  readonly #key: string | null;
  readonly #before: KeyState | PlainCopy | null;
  /** Made when it is first asked for. */
  #given: unknown = unset;
  #next: unknown = unset;

  constructor(
    handler: string,
    at: PlaceOfState,
    thread: TryThread,
    keeper: StateKeeper,
    before: KeyState | PlainCopy | null,
  ) {
    super(handler, at, thread);
    this.#keeper = keeper;
    this.#key = at.reader.key === null ? null : apart(at.reader.key);
    this.#before = before;
  }

  /** The runner: what the try has set; `unset` when it has not. */
  static next(context: StatefulContext): unknown {
    return context.#next;
  }

  static keeperOf(context: StatefulContext): StateKeeper {
    return context.#keeper;
  }

  override get state(): unknown {
    const key = this.#expectKey();
    if (this.#given === unset) this.#given = this.#read(key);
    return this.#given;
  }

  #read(key: string): unknown {
    const before = this.#before;
    return before instanceof PlainCopy ? this.#keeper.readCopy(before) : this.#keeper.read(before, key);
  }

  protected override keep(next: unknown): void {
    this.#expectKey();
    if (TryContext.isOver(this)) {
      throw new Error(`a try of ${shown(this.handler)} must set its state before it ends, got one after: await it`);
    }
    this.#next = next;
  }

  #expectKey(): string {
    if (this.#key !== null) return this.#key;
    const expected = `an event must have a key for ${shown(this.handler)} to keep state of it`;
    throw new TypeError(`${expected}, found none: publish it with a key`);
  }
}
