// The states of keys as the reader of a store sees them: one by its key, or those of a handler by key, page by page.
// Prepared for one connection to a store that has states.

import type { Identity } from '../event.js';
import { stateValue } from '../keyed-state.js';
import type { Connection, Statement } from './database.js';
import { pageRowsMax, rowsOf, type Walk } from './pages.js';
import { storedText, textFrom } from './stored-text.js';

/** The state of a key as the store has it. */
export interface StoredState {
  readonly handler: string;
  readonly key: string;
  /** The handler's own, of what its states look like. */
  readonly version: number;
  /** A JSON value, or a Uint8Array where the handler gave bytes. */
  readonly value: unknown;
  /** The event that has left it; what is in the store of its outcome was stored with the state. */
  readonly identity: Identity;
}

/** Which states are wanted. */
export interface StatesFilter {
  /** What their keys begin with. */
  readonly prefix?: string;
  /** How many at most. */
  readonly limit?: number;
}

interface StateRow {
  readonly key: string | Buffer;
  readonly version: number;
  readonly value: string | Buffer;
  readonly partition: string | Buffer;
  readonly position: number;
}

/** A key as its column sorts it: numbers, of which there are none, then texts, then bytes. Null is behind them all. */
type StatePlace = string | Buffer | number | null;

export class StatePages {
  readonly #handlerId: Statement;
  readonly #at: Statement;
  readonly #further: Statement;
  readonly #inStretch: Statement;

  constructor(db: Connection) {
    const select = `SELECT key, version, value, partition.name AS partition, position
      FROM state JOIN partition ON partition.id = state.partition`;
    this.#handlerId = db.prepare('SELECT id FROM handler WHERE name = ?').pluck();
    this.#at = db.prepare(`${select} WHERE handler = ? AND key = ?`);
    this.#further = db
      .prepare(`SELECT key FROM state WHERE handler = ? AND key > ? ORDER BY key LIMIT 1 OFFSET ${pageRowsMax - 1}`)
      .pluck();
    this.#inStretch = db.prepare(`${select}
      WHERE handler = @id AND key > @after AND (@to IS NULL OR key <= @to) ORDER BY key`);
  }

  at(handler: string, key: string): StoredState | null {
    const id = this.#idOf(handler);
    const row = id === undefined ? undefined : (this.#at.get(id, storedText(key)) as StateRow | undefined);
    return row === undefined ? null : toStoredState(handler, row);
  }

  /** Those whose keys begin with a prefix, but for keys that are no well-formed text; with an empty one all. */
  *of(handler: string, prefix: string): Generator<StoredState, void, undefined> {
    const id = this.#idOf(handler);
    if (id === undefined) return;
    const ofPrefix = prefix === '' ? null : this.at(handler, prefix);
    if (ofPrefix !== null) yield ofPrefix;
    const walk: Walk<StatePlace> = {
      first: prefix === '' ? 0 : storedText(prefix),
      last: null,
      further: (after) => this.#further.get(id, after) as StatePlace | undefined,
    };
    const rows = rowsOf(walk, {
      read: ({ after, to }) => this.#inStretch.iterate({ id, after, to }) as Iterable<StateRow>,
      placeOf: ({ key }): StatePlace => key,
      sizeOf: ({ key, value }) => key.length + value.length,
    });
    for (const row of rows) {
      const state = toStoredState(handler, row);
      if (state.key.startsWith(prefix)) yield state;
      else return;
    }
  }

  #idOf(handler: string): number | undefined {
    return this.#handlerId.get(storedText(handler)) as number | undefined;
  }
}

function toStoredState(handler: string, { key, version, value, partition, position }: StateRow): StoredState {
  return {
    ...{ handler, key: textFrom(key), version },
    value: stateValue({ value }),
    identity: { partition: textFrom(partition), position },
  };
}
