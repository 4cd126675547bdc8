// Events that were running when a process died. One that ran alone is charged with the death; the others are only
// suspects, and will run alone until they have their outcome. Runs inside the transactions of the store.

import type { Connection, Statement } from './database.js';
import type { BatchInFlight } from './flight-log.js';
import type { Suspects } from './messages.js';

export class SuspectTable {
  readonly #db: Connection;
  readonly #delete: Statement;
  /** Those there were at the start, by partition; none is added later. */
  readonly #known = new Map<number, Set<number>>();

  constructor(db: Connection) {
    this.#db = db;
    this.#delete = db.prepare('DELETE FROM suspect WHERE partition = ? AND position = ?');
    const rows = db.prepare('SELECT partition, position FROM suspect').raw().iterate() as Iterable<[number, number]>;
    for (const [partition, position] of rows) {
      const positions = this.#known.get(partition) ?? new Set();
      this.#known.set(partition, positions.add(position));
    }
  }

  of(partition: number): Suspects {
    const rows = this.#db
      .prepare('SELECT position, deaths FROM suspect WHERE partition = ? ORDER BY position')
      .raw()
      .all(partition) as [number, number][];
    return Float64Array.from(rows.flat());
  }

  /** Takes in that events have their outcomes. */
  acquit(rows: readonly { readonly partition: number; readonly position: number }[]): void {
    if (this.#known.size === 0) return;
    for (const { partition, position } of rows) {
      if (this.#known.get(partition)?.has(position)) this.#delete.run(partition, position);
    }
  }
}

/** Takes in what was running when a process died. */
export function charge(db: Connection, batches: readonly BatchInFlight[]): void {
  const [only] = batches;
  // One event by itself is as exact as one that was run alone on purpose.
  const isExact = batches.length === 1 && only?.events.length === 1;
  const add = db.prepare(`
    INSERT INTO suspect (partition, position, deaths)
    SELECT @partition, @position, @deaths WHERE NOT EXISTS (
      SELECT 1 FROM outcome WHERE partition = @partition AND position = @position
    )
    ON CONFLICT (partition, position) DO UPDATE SET deaths = deaths + excluded.deaths`);
  for (const { events, alone } of batches) {
    for (const event of events) add.run({ ...event, deaths: isExact || alone ? 1 : 0 });
  }
}
