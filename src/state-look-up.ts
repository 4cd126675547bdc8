// The durable state of a key, asked of the writer thread, which has what was stored before the question.

import { KeylaneError, shown } from './errors.js';
import { noSuchHandler } from './handler-set.js';
import { stateValue } from './keyed-state.js';
import type { WriterThread } from './threads.js';

/** The state of a key as the last durable outcome of its handler has left it. */
export interface DurableState {
  /** The handler's own, of what its states look like; `migrate` has not been asked. */
  readonly version: number;
  /** A JSON value, or a Uint8Array where the handler gave bytes. */
  readonly value: unknown;
}

interface Parts {
  readonly writer: Pick<WriterThread, 'readStates'>;
  /** Names of the handlers, by index. */
  readonly handlers: readonly string[];
}

export class StateLookUp {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** See `ProcessorCalls.state`. */
  async find(handler: string, key: string): Promise<DurableState | null> {
    const { writer, handlers } = this.#parts;
    const index = handlers.indexOf(handler);
    if (index === -1) throw noSuchHandler(handler, { names: handlers.filter((name) => name !== '') });
    if (typeof key !== 'string') throw new KeylaneError('bad-option', `key must be a string, got ${shown(key)}`);
    const [state] = await writer.readStates({ handlers: [index], keys: [key], bytesMax: 0 });
    return state === undefined || state === null ? null : { version: state.version, value: stateValue(state) };
  }
}
