// The states of keys in memory: of lanes that can run, in the lanes themselves; of those that rest, as many as fit,
// those that rested longest going first. A lane whose state is in neither is cold: it waits for what the store says,
// and holds up no other. It passes states on unread.

import { type KeyState, type StateAt, stateSizeOf } from '../keyed-state.js';
import type { Lane } from './lane.js';
import type { Slot } from './ring-buffer.js';

/** The most keys that are asked for at once. */
const askedMax = 1024;

/** Asks the store for the states of some keys. */
export interface StateWish {
  readonly lanes: readonly Lane[];
  /** Index of the handler and key of each, and the size at which no more are read; one always is. */
  readonly request: { readonly handlers: number[]; readonly keys: string[]; readonly bytesMax: number };
}

interface Resting {
  readonly state: KeyState | null;
  readonly size: number;
  /** The group that must have been sent before the store is sure to know the state. */
  readonly barrier: number;
}

export interface LaneStatesOptions {
  /** By index of the handler, whether it keeps state. */
  readonly stateful: readonly boolean[];
  /** Size of the states that are held in memory. */
  readonly bytesMax: number;
}

export class LaneStates {
  /** By index of the handler. */
  readonly #stateful: boolean[];
  readonly #bytesMax: number;
  /** Those that rest, the one that rested longest first. */
  readonly #resting = new Map<string, Resting>();
  #restingBytes = 0;
  #liveBytes = 0;
  /** Cold lanes, in the order in which they became so, each with the wish that it is in, if it is in one. */
  readonly #cold = new Map<Lane, StateWish | null>();
  #asked: StateWish | null = null;
  #barrier = 0;
  #place: (lane: Lane) => void = () => {};

  constructor({ stateful, bytesMax }: LaneStatesOptions) {
    this.#stateful = [...stateful];
    this.#bytesMax = bytesMax;
  }

  addHandler({ isStateful }: { isStateful: boolean }): void {
    this.#stateful.push(isStateful);
  }

  /** Whether all handlers keep state. */
  get areAll(): boolean {
    return !this.#stateful.includes(false);
  }

  /** Has a lane that is cold no more put where it stands from then on. */
  onWarm(place: (lane: Lane) => void): void {
    this.#place = place;
  }

  /** Size of all that is held. */
  get bytes(): number {
    return this.#liveBytes + this.#restingBytes;
  }

  /** Whether a lane that has events has to wait for its state. */
  isMissing(lane: Lane): boolean {
    if (lane.keyState !== undefined || lane.key === null || !this.#stateful[lane.handler]) return false;
    const name = nameOf(lane);
    const resting = this.#resting.get(name);
    if (resting === undefined) return true;
    this.#resting.delete(name);
    this.#restingBytes -= resting.size;
    this.#warm(lane, resting.state);
    return false;
  }

  /** A lane is cold from here on. */
  chill(lane: Lane): void {
    this.#cold.set(lane, null);
  }

  /** A lane is cold no more: what was asked for it comes too late. */
  leave(lane: Lane): void {
    this.#cold.delete(lane);
  }

  /** A lane has no events here, or none that may run for a while: its state rests. */
  rest(lane: Lane): void {
    const state = lane.keyState;
    if (state === undefined) return;
    const size = stateSizeOf(lane.key!, state);
    lane.keyState = undefined;
    this.#liveBytes -= size;
    this.#resting.set(nameOf(lane), { state, size, barrier: this.#barrier });
    this.#restingBytes += size;
  }

  /** Takes in what a batch has changed, before its lanes are free. */
  change(slots: readonly Slot[], changes: readonly StateAt[]): void {
    for (const { index, state } of changes) {
      const lane = slots[index]!.lane!;
      this.#liveBytes -= stateSizeOf(lane.key!, lane.keyState ?? null);
      this.#warm(lane, state);
    }
  }

  /**
   * Forgets what is too much, of what the store is sure to know: all groups up to `sent` have been sent. What changes
   * from here on joins the group after `begun` at the latest.
   */
  trim({ begun, sent }: { begun: number; sent: number }): void {
    this.#barrier = begun + 1;
    if (this.bytes <= this.#bytesMax) return;
    for (const [name, { size, barrier }] of this.#resting) {
      if (barrier > sent || this.bytes <= this.#bytesMax) return;
      this.#resting.delete(name);
      this.#restingBytes -= size;
    }
  }

  /** What to ask the store for now; null while nothing is cold, or an answer is still to come. */
  wish(): StateWish | null {
    if (this.#asked !== null || this.#cold.size === 0) return null;
    const bytesMax = Math.max(0, this.#bytesMax - this.#liveBytes);
    const countMax = bytesMax === 0 ? 1 : askedMax;
    const lanes: Lane[] = [];
    for (const lane of this.#cold.keys()) {
      lanes.push(lane);
      if (lanes.length === countMax) break;
    }
    const [handlers, keys] = [lanes.map(({ handler }) => handler), lanes.map(({ key }) => key!)];
    this.#asked = { lanes, request: { handlers, keys, bytesMax } };
    for (const lane of lanes) this.#cold.set(lane, this.#asked);
    return this.#asked;
  }

  /** Takes in the states of the first lanes of a wish; the others stay cold. */
  answer(wish: StateWish, states: readonly (KeyState | null)[]): void {
    this.#asked = null;
    for (const [index, lane] of wish.lanes.entries()) {
      // It was emptied since, and may have become cold once more: the answer is of before.
      if (this.#cold.get(lane) !== wish) continue;
      const state = states[index];
      if (state === undefined) {
        this.#cold.set(lane, null);
        continue;
      }
      this.#cold.delete(lane);
      this.#warm(lane, state);
      this.#place(lane);
    }
  }

  #warm(lane: Lane, state: KeyState | null): void {
    lane.keyState = state;
    this.#liveBytes += stateSizeOf(lane.key!, state);
  }
}

function nameOf({ handler, key }: Lane): string {
  return `${handler} ${key}`;
}
