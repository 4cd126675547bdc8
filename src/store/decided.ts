// Whether an event has its outcome: asked in the transaction of a group, before the group's own outcomes are there.

import type { Connection, Statement } from './database.js';
import type { LaneNames } from './lane-name.js';

export class Decided {
  readonly #names: LaneNames;
  readonly #find: Statement;

  constructor(db: Connection, { names }: { names: LaneNames }) {
    this.#names = names;
    this.#find = db.prepare('SELECT 1 FROM outcome WHERE partition = ? AND position = ? AND handler = ?').pluck();
  }

  /** The handler by its index. */
  has({ partition, position, handler }: { partition: number; position: number; handler: number }): boolean {
    return this.#find.get(partition, position, this.#names.idOf(handler)) !== undefined;
  }
}
