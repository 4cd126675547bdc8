// The states of keys: one row for each handler and key. Runs inside the transactions of the store.

import { type KeyState, stateSizeOf } from '../keyed-state.js';
import type { OutcomeRow } from '../outcome.js';
import type { Connection, Statement } from './database.js';
import type { LaneNames } from './lane-name.js';
import type { StatesRequest } from './messages.js';
import { MultiInsert } from './multi-insert.js';
import { storedText } from './stored-text.js';

/** The state of a handler and key, as the event of a row has left it. */
export interface StateOfRow {
  readonly row: Pick<OutcomeRow, 'partition' | 'position' | 'handler' | 'key'>;
  readonly state: KeyState | null;
}

export class StateTable {
  readonly #names: LaneNames;
  readonly #put: MultiInsert;
  readonly #drop: Statement;
  readonly #read: Statement;

  constructor(db: Connection, { names }: { names: LaneNames }) {
    this.#names = names;
    this.#put = new MultiInsert(db, {
      table: 'state',
      columns: ['handler', 'key', 'version', 'value', 'partition', 'position'],
      onConflict: 'replace',
    });
    this.#drop = db.prepare('DELETE FROM state WHERE handler = ? AND key = ?');
    this.#read = db.prepare('SELECT version, value FROM state WHERE handler = ? AND key = ?');
  }

  /** Takes in what events have left, in their order, each in the transaction in which its outcome is stored. */
  change(states: readonly StateOfRow[]): void {
    const put: StateOfRow[] = [];
    for (const last of lastOfEach(states)) {
      if (last.state === null) this.#drop.run(this.#names.idOf(last.row.handler), storedText(last.row.key!));
      else put.push(last);
    }
    // In the order of the primary key they cost 0.7 of what they do in any other.
    put.sort(byKey);
    let next = 0;
    this.#put.insert(put.length, (values, at) => {
      const { row, state } = put[next]!;
      next += 1;
      values[at] = this.#names.idOf(row.handler);
      values[at + 1] = storedText(row.key!);
      values[at + 2] = state!.version;
      // JSON as JSON.stringify makes it is well-formed.
      values[at + 3] = state!.value;
      values[at + 4] = row.partition;
      values[at + 5] = row.position;
    });
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

function byKey({ row: a }: StateOfRow, { row: b }: StateOfRow): number {
  return a.handler - b.handler || (a.key! < b.key! ? -1 : 1);
}

/** Of each handler and key the last state: the outcomes of the events before it are stored with it. */
function lastOfEach(states: readonly StateOfRow[]): StateOfRow[] {
  const seen = new Map<number, Set<string>>();
  const last: StateOfRow[] = [];
  for (let index = states.length - 1; index >= 0; index -= 1) {
    const { handler, key } = states[index]!.row;
    let keys = seen.get(handler);
    if (keys === undefined) {
      keys = new Set();
      seen.set(handler, keys);
    }
    if (keys.has(key!)) continue;
    keys.add(key!);
    last.push(states[index]!);
  }
  return last;
}
