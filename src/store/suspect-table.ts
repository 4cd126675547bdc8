// Events that were running when a process died. One that ran alone is charged with the death; the others are only
// suspects, and will run alone until they have their outcome. What is charged is an event as one handler has it. Runs
// inside the transactions of the store.

import type { OutcomeRow } from '../outcome.js';
import type { Connection, Statement } from './database.js';
import type { BatchInFlight } from './flight-log.js';
import type { LaneNames } from './lane-name.js';
import type { Suspects } from './messages.js';
import type { EventNumbers } from './waiting-table.js';

/** `handler` of the only one of an event, where it was not noted which that is. */
const onlyHandler = 0;

export class SuspectTable {
  readonly #db: Connection;
  readonly #names: LaneNames;
  readonly #delete: Statement;
  /** Positions of those there were at the start, by partition; none is added later. */
  readonly #known = new Map<number, Set<number>>();

  constructor(db: Connection, { names }: { names: LaneNames }) {
    this.#db = db;
    this.#names = names;
    this.#delete = db.prepare(
      `DELETE FROM suspect WHERE partition = ? AND position = ? AND handler IN (${onlyHandler}, ?)`,
    );
    const rows = db.prepare('SELECT partition, position FROM suspect').raw().iterate() as Iterable<[number, number]>;
    for (const [partition, position] of rows) {
      const positions = this.#known.get(partition) ?? new Set();
      this.#known.set(partition, positions.add(position));
    }
  }

  /** Those of a partition, but for handlers that the module does not have. */
  of(partition: number): Suspects {
    const rows = this.#db
      .prepare('SELECT position, handler, deaths FROM suspect WHERE partition = ? ORDER BY position, handler')
      .raw()
      .all(partition) as [number, number, number][];
    return Float64Array.from(
      rows.flatMap(([position, handler, deaths]) => {
        const index = handler === onlyHandler ? -1 : this.#names.indexOf(handler);
        return index === undefined ? [] : [position, index, deaths];
      }),
    );
  }

  /** Takes in that events have their outcomes. */
  acquit(rows: readonly OutcomeRow[]): void {
    if (this.#known.size === 0) return;
    for (const { partition, position, handler } of rows) {
      this.acquitOne({ partition, position, handler: this.#names.idOf(handler) });
    }
  }

  /** The same of one, by the id of its handler. */
  acquitOne({ partition, position, handler }: EventNumbers): void {
    if (this.#known.get(partition)?.has(position)) this.#delete.run(partition, position, handler);
  }
}

/** Takes in what was running when a process died. */
export function charge(db: Connection, batches: readonly BatchInFlight[]): void {
  const [only] = batches;
  // One event by itself is as exact as one that was run alone on purpose.
  const isExact = batches.length === 1 && only?.events.length === 1;
  // What was charged before it was noted which handler had run it is the charge of its only one.
  const take = db.prepare(`
    UPDATE suspect SET handler = @handler
    WHERE partition = @partition AND position = @position AND handler = ${onlyHandler}`);
  const add = db.prepare(`
    INSERT INTO suspect (partition, position, handler, deaths)
    SELECT @partition, @position, @handler, @deaths WHERE NOT EXISTS (
      SELECT 1 FROM outcome WHERE partition = @partition AND position = @position AND handler = @handler
    )
    ON CONFLICT (partition, position, handler) DO UPDATE SET deaths = deaths + excluded.deaths`);
  for (const { events, alone } of batches) {
    for (const event of events) {
      take.run(event);
      add.run({ ...event, deaths: isExact || alone ? 1 : 0 });
    }
  }
}
