// The state that a handler keeps for a key: what its author declares, and the form in which it crosses threads. It is
// encoded and decoded in handler threads; everybody else passes it on unread.

/** What a handler says of the state that it keeps for each key. */
export interface StateOptions<State = unknown> {
  /** The state of a key that has none yet. It must depend on the key alone, as it may be asked more than once. */
  initial(key: string): State;
  /** Of what the states of this handler look like, from 0; 0 where it is left out. */
  readonly version?: number;
  /** Makes a state of this version of one that was stored with another. */
  migrate?(state: unknown, version: number): State;
}

/** The state of one key, encoded: JSON text or bytes. */
export interface KeyState {
  readonly version: number;
  readonly value: string | Uint8Array;
}

/**
 * The state of a key at one event of a batch, by the index of that event: with which the run that begins there begins,
 * or as the last event of a run that changed it has left it. Null stands for none.
 */
export interface StateAt {
  readonly index: number;
  readonly state: KeyState | null;
}

/** What a handler had set: a JSON value, or bytes of their own. */
export function stateValue({ value }: Pick<KeyState, 'value'>): unknown {
  return typeof value === 'string' ? JSON.parse(value) : new Uint8Array(value);
}

/** Counted for every state beside its value: what memory it takes to know of one. */
const overheadBytes = 256;

/** What a state counts for in limits. */
export function stateSizeOf(key: string, state: KeyState | null): number {
  return overheadBytes + key.length + (state === null ? 0 : state.value.length);
}
