// The events of a lane that wait in the store, read back in their order, page by page. They stay where they are.

import { journalPartition } from '../event.js';
import { invariant } from '../invariant.js';
import { EventsJoiner } from '../joined-events.js';
import type { Connection, Statement } from './database.js';
import { triesSql } from './failure-table.js';
import type { LaneNames } from './lane-name.js';
import type { LanePage, LanePageRequest } from './messages.js';
import { storedText, textFrom, textOrNullFrom } from './stored-text.js';
import type { WaitingTable } from './waiting-table.js';

interface WaitingRow {
  readonly place: number;
  readonly partition: number;
  readonly position: number;
  readonly handler: number;
  readonly id: string | Buffer | null;
  /** Null when the event is nowhere in the store. */
  readonly type: string | Buffer | null;
  readonly key: string | Buffer | null;
  readonly extras: string | null;
  readonly data: string | Buffer | null;
  readonly attempts: number;
  /** Null of an event that is not suspected. */
  readonly deaths: number | null;
  readonly redriven: number;
  readonly postponed: number;
  readonly due_at: number | null;
}

export class LanePages {
  readonly #names: LaneNames;
  readonly #waiting: WaitingTable;
  readonly #page: Statement;
  readonly #partitionName: Statement;

  constructor(db: Connection, of: { names: LaneNames; waiting: WaitingTable }) {
    this.#names = of.names;
    this.#waiting = of.waiting;
    const either = (column: string): string =>
      `CASE WHEN event.position IS NULL THEN kept_event.${column} ELSE event.${column} END AS ${column}`;
    // In the lane of order global there may be events of handlers that the module does not have: those stay.
    this.#page = db.prepare(`
      SELECT place, waiting.partition AS partition, waiting.position AS position, event_handler AS handler,
        redriven_at > 0 AS redriven,
        ${['id', 'type', 'key', 'extras', 'data'].map(either).join(', ')}, ${triesSql},
        (SELECT deaths FROM suspect WHERE suspect.partition = waiting.partition AND suspect.position = waiting.position
           AND suspect.handler IN (0, waiting.event_handler)) AS deaths
      FROM waiting JOIN handler ON handler.id = waiting.event_handler AND is_present = 1
        LEFT JOIN event ON event.position = waiting.position
          AND waiting.partition = (SELECT id FROM partition WHERE name = '${journalPartition}')
        LEFT JOIN kept_event
          ON kept_event.partition = waiting.partition AND kept_event.position = waiting.position
      WHERE waiting.handler = ? AND waiting.key = ? AND place > ? ORDER BY place`);
    this.#partitionName = db.prepare('SELECT name FROM partition WHERE id = ?').pluck();
  }

  /** See `Store.readLane`. */
  page(request: LanePageRequest): LanePage {
    const lane = this.#names.stored(request);
    const after = request.after ?? Number.MIN_SAFE_INTEGER;
    const rows: WaitingRow[] = [];
    let size = 0;
    let isLast = true;
    for (const row of this.#page.iterate(lane.handler, storedText(lane.key), after) as Iterable<WaitingRow>) {
      if (rows.length === request.countMax || size >= request.bytesMax) {
        isLast = false;
        break;
      }
      rows.push(row);
      size += row.data?.length ?? 0;
    }
    const next = rows.at(-1)?.place ?? after;
    this.#waiting.notePlaceRead(next);
    return { ...this.#joined(rows), next, isLast };
  }

  #joined(rows: readonly WaitingRow[]): Omit<LanePage, 'next' | 'isLast'> {
    const joiner = new EventsJoiner(rows.length);
    const names: Record<number, string> = {};
    for (const { partition, position, handler, id, type, key, extras, data } of rows) {
      invariant(type !== null, 'an event that waits is in the store');
      joiner.add({ type: textFrom(type), key: textOrNullFrom(key), id: textOrNullFrom(id), extras, data });
      names[partition] ??= textFrom(this.#partitionName.get(partition) as string | Buffer);
      this.#waiting.noteGivenOut({ partition, position, handler });
    }
    return {
      events: joiner.finish(),
      partitions: Float64Array.from(rows, ({ partition }) => partition),
      positions: Float64Array.from(rows, ({ position }) => position),
      handlers: Int32Array.from(rows, ({ handler }) => this.#names.indexOf(handler) ?? -1),
      deaths: Int32Array.from(rows, ({ deaths }) => deaths ?? -1),
      redriven: Uint8Array.from(rows, ({ redriven }) => redriven),
      attempts: Int32Array.from(rows, ({ attempts }) => attempts),
      postponed: Int32Array.from(rows, ({ postponed }) => postponed),
      dueAtUs: Float64Array.from(rows, ({ due_at }) => due_at ?? 0),
      names,
    };
  }
}
