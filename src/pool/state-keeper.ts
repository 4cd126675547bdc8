// The state of one handler in its thread: decodes what a key has, encodes what a try leaves. What it gives a handler is
// that handler's own, so that nothing changed in place is seen by a later event.

import { types } from 'node:util';
import { shown } from '../errors.js';
import { type KeyState, type StateOptions, stateValue } from '../keyed-state.js';
import { PlainCopy, textPerUnit } from './plain-copy.js';
import { encodeState } from './result-codec.js';

export interface StateLimits {
  readonly stateSizeMax: number;
  /** Whether what a handler is given is frozen, so that a change in place throws. */
  readonly freezeState: boolean;
}

export class StateKeeper {
  readonly #handler: string;
  readonly #options: StateOptions;
  readonly #limits: StateLimits;
  readonly #version: number;
  readonly #copySizeMax: number;

  constructor(handler: string, { options, limits }: { options: StateOptions; limits: StateLimits }) {
    this.#handler = handler;
    this.#options = options;
    this.#limits = limits;
    this.#version = options.version ?? 0;
    this.#copySizeMax = Math.floor(limits.stateSizeMax / textPerUnit);
  }

  /** What a handler sees. Throws where it cannot be had: that is then a failed try. */
  read(state: KeyState | null, key: string): unknown {
    return this.#given(state === null ? this.#initial(key) : this.#current(state));
  }

  /**
   * A copy of what is to be stored, for the next event to begin with before it is encoded; null where only its text
   * says what that is, and whether it may be as large.
   */
  copy(next: unknown): PlainCopy | null {
    return types.isProxy(next) ? null : PlainCopy.of(next, this.#copySizeMax);
  }

  /** What a handler sees of such a copy. */
  readCopy(copy: PlainCopy): unknown {
    return this.#given(copy.again());
  }

  /** What is to be stored; null for undefined, which gives the state up. Throws for what cannot be stored. */
  encode(next: unknown): KeyState | null {
    const value = encodeState(next, this.#limits.stateSizeMax);
    return value === null ? null : { version: this.#version, value };
  }

  #given(value: unknown): unknown {
    return this.#limits.freezeState ? deepFrozen(value) : value;
  }

  /** Encoded first, so that two keys never share an object, and that the first try sees what a later one would. */
  #initial(key: string): unknown {
    return this.#asStored(this.#options.initial(key));
  }

  #asStored(value: unknown): unknown {
    const state = this.encode(value);
    return state === null ? undefined : stateValue(state);
  }

  #current(state: KeyState): unknown {
    const value = stateValue(state);
    if (state.version === this.#version) return value;
    if (this.#options.migrate !== undefined) return this.#asStored(this.#options.migrate(value, state.version));
    const expected = `handler ${shown(this.#handler)} must have a state of version ${this.#version}`;
    throw new Error(`${expected}, found one of version ${state.version}: declare state.migrate(state, version)`);
  }
}

/** Bytes cannot be frozen: they are a copy, and stay what they are. */
function deepFrozen(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  for (const member of Object.values(value)) deepFrozen(member);
  return Object.freeze(value);
}
