// The states of the keys of one batch, run by run, as its events are tried one after another: a try begins with what
// the last event of its run that succeeded has left.

import { shown } from '../errors.js';
import { apart } from '../joined-events.js';
import type { KeyState, StateAt } from '../keyed-state.js';
import type { StateKeeper } from './state-keeper.js';
import { TryContext, type TryPlace, type TryThread } from './try-context.js';

/** Where a try runs, and for which key. */
interface PlaceOfState extends TryPlace {
  readonly reader: { readonly attempt: number; readonly handler: number; readonly key: string | null };
}

export class RunStates {
  /** With which each run begins, in the order of the batch. */
  readonly #begins: readonly StateAt[];
  /** By index of the handler; null for one that keeps no state. */
  readonly #keepers: readonly (StateKeeper | null)[];
  #next = 0;
  #current: KeyState | null = null;
  /** What the last try has changed it to; undefined when it did not. */
  changed: KeyState | null | undefined;

  constructor(begins: readonly StateAt[], keepers: readonly (StateKeeper | null)[]) {
    this.#begins = begins;
    this.#keepers = keepers;
  }

  /** The batch has come to this event. */
  standAt(index: number): void {
    this.changed = undefined;
    if (this.#begins[this.#next]?.index !== index) return;
    this.#current = this.#begins[this.#next]!.state;
    this.#next += 1;
  }

  /** What a try of the handler is told. */
  contextFor(handler: string, at: PlaceOfState, thread: TryThread): TryContext {
    const keeper = this.#keepers[at.reader.handler]!;
    return keeper === null
      ? new TryContext(handler, at, thread)
      : new StatefulContext({ handler, at, thread, keeper, state: this.#current });
  }

  /** A try has succeeded, unless what it left cannot be stored: then this throws. */
  succeed(context: TryContext): void {
    if (!(context instanceof StatefulContext)) return;
    const next = StatefulContext.next(context);
    if (next === null) return;
    this.#current = this.changed = next.keeper.encode(next.state);
  }
}

interface StatefulTry {
  readonly handler: string;
  readonly at: PlaceOfState;
  readonly thread: TryThread;
  readonly keeper: StateKeeper;
  readonly state: KeyState | null;
}

/** The context of a try whose handler keeps state. */
class StatefulContext extends TryContext {
  readonly #keeper: StateKeeper;
  readonly #key: string | null;
  readonly #before: KeyState | null;
  /** Decoded when it is first asked for. */
  #given: { readonly state: unknown } | null = null;
  #next: { readonly state: unknown; readonly keeper: StateKeeper } | null = null;

  constructor({ handler, at, thread, keeper, state }: StatefulTry) {
    super(handler, at, thread);
    this.#keeper = keeper;
    this.#key = at.reader.key === null ? null : apart(at.reader.key);
    this.#before = state;
  }

  /** The runner: what the try has set; null when it has not. */
  static next(context: StatefulContext): { readonly state: unknown; readonly keeper: StateKeeper } | null {
    return context.#next;
  }

  override get state(): unknown {
    const key = this.#expectKey();
    this.#given ??= { state: this.#keeper.read(this.#before, key) };
    return this.#given.state;
  }

  protected override keep(next: unknown): void {
    this.#expectKey();
    if (TryContext.isOver(this)) {
      throw new Error(`a try of ${shown(this.handler)} must set its state before it ends, got one after: await it`);
    }
    this.#next = { state: next, keeper: this.#keeper };
  }

  #expectKey(): string {
    if (this.#key !== null) return this.#key;
    const expected = `an event must have a key for ${shown(this.handler)} to keep state of it`;
    throw new TypeError(`${expected}, found none: publish it with a key`);
  }
}
