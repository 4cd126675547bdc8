// The states of a batch in the form in which they cross threads: their texts joined into one string, their bytes into
// one array, as events are. An object for each would cost more than a small state itself.

import { apart } from './joined-events.js';
import type { KeyState, StateAt } from './keyed-state.js';

export interface JoinedStates {
  /** The index in the batch of the event of each. */
  readonly indexes: Int32Array;
  readonly versions: Int32Array;
  /** Of text its length, of bytes -2 - their length; -1 where a key has no state. */
  readonly lengths: Int32Array;
  readonly text: string;
  readonly bytes: Uint8Array;
}

/** What the events of a batch have left. */
export interface LeftStates extends JoinedStates {
  /** Of each, which row of the batch's report tells of its event. */
  readonly rows: Int32Array;
}

const noState = -1;
/** The numbers of one. */
const sizeEach = 16;

const noBytes = new Uint8Array(0);

export function joinStates(states: readonly StateAt[]): JoinedStates {
  const [indexes, versions, lengths] = [0, 0, 0].map(() => new Int32Array(states.length)) as [
    Int32Array,
    Int32Array,
    Int32Array,
  ];
  let text = '';
  let bytes: Uint8Array[] | null = null;
  for (let at = 0; at < states.length; at += 1) {
    const { index, state } = states[at]!;
    indexes[at] = index;
    lengths[at] = noState;
    if (state === null) continue;
    versions[at] = state.version;
    if (typeof state.value === 'string') {
      lengths[at] = state.value.length;
      text += state.value;
    } else {
      lengths[at] = -2 - state.value.byteLength;
      bytes ??= [];
      bytes.push(state.value);
    }
  }
  return { indexes, versions, lengths, text, bytes: bytes === null ? noBytes : Buffer.concat(bytes) };
}

/** `areKept`: each gets memory of its own, as it is to outlive the others. */
export function splitStates(joined: JoinedStates, { areKept }: { areKept: boolean }): StateAt[] {
  const { indexes, versions, lengths, text, bytes } = joined;
  let [textAt, bytesAt] = [0, 0];
  return Array.from(indexes, (index, at): StateAt => {
    const length = lengths[at]!;
    if (length === noState) return { index, state: null };
    let value: KeyState['value'];
    if (length >= 0) {
      const slice = text.slice(textAt, textAt + length);
      textAt += length;
      value = areKept ? apart(slice) : slice;
    } else {
      const from = bytesAt;
      bytesAt += -2 - length;
      value = areKept ? Uint8Array.prototype.slice.call(bytes, from, bytesAt) : bytes.subarray(from, bytesAt);
    }
    return { index, state: { version: versions[at]!, value } };
  });
}

/** What they count for in limits. */
export function sizeOfStates({ text, bytes, indexes }: JoinedStates): number {
  return text.length + bytes.byteLength + indexes.length * sizeEach;
}
