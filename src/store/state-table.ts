// The states of keys: one row for each handler and key. Runs inside the transactions of the store.

import { type KeyState, type StateChange, stateSizeOf } from '../keyed-state.js';
import type { Connection, Statement } from './database.js';
import type { Decided } from './decided.js';
import type { LaneNames } from './lane-name.js';
import type { StatesRequest } from './messages.js';
import { storedText } from './stored-text.js';

export class StateTable {
  readonly #names: LaneNames;
  readonly #decided: Decided;
  readonly #put: Statement;
  readonly #drop: Statement;
  readonly #read: Statement;

  constructor(db: Connection, { names, decided }: { names: LaneNames; decided: Decided }) {
    this.#names = names;
    this.#decided = decided;
    this.#put = db.prepare(`
      INSERT INTO state (handler, key, version, value, partition, position) VALUES (?, ?, ?, ?, ?, ?)
      ON CONFLICT (handler, key) DO UPDATE SET version = excluded.version, value = excluded.value,
        partition = excluded.partition, position = excluded.position`);
    this.#drop = db.prepare('DELETE FROM state WHERE handler = ? AND key = ?');
    this.#read = db.prepare('SELECT version, value FROM state WHERE handler = ? AND key = ?');
  }

  /**
   * Takes in what events have left, each in the transaction of its outcome and before that is stored: one that has its
   * outcome is of a group that was stored already, and what is here may be of later ones.
   */
  change(changes: readonly StateChange[]): void {
    for (const change of changes) {
      if (this.#decided.has(change)) continue;
      const { handler, key, partition, position, state } = change;
      const [id, stored] = [this.#names.idOf(handler), storedText(key)];
      if (state === null) this.#drop.run(id, stored);
      // JSON as JSON.stringify makes it is well-formed.
      else this.#put.run(id, stored, state.version, state.value, partition, position);
    }
  }

  /** See `Store.readStates`. */
  read({ handlers, keys, bytesMax }: StatesRequest): (KeyState | null)[] {
    const found: (KeyState | null)[] = [];
    let bytes = 0;
    for (let index = 0; index < keys.length && (index === 0 || bytes < bytesMax); index += 1) {
      const key = keys[index]!;
      const state = this.#read.get(this.#names.idOf(handlers[index]!), storedText(key)) as KeyState | undefined;
      found.push(state ?? null);
      bytes += stateSizeOf(key, state ?? null);
    }
    return found;
  }
}
