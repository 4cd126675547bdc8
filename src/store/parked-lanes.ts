// Lanes that are stopped by a dead letter, and all lanes that are not wholly in memory: what the main thread is told of
// them. Runs inside the transactions of the store.

import type { Connection, Statement } from './database.js';
import type { LaneNames, StoredLane } from './lane-name.js';
import type { LaneAway, LaneParked } from './messages.js';
import { statusNumber } from './schema.js';
import { storedText, textFrom } from './stored-text.js';
import type { EventNumbers } from './waiting-table.js';

interface LaneRow {
  readonly handler: number;
  readonly key: string | Buffer;
  readonly waiting: number;
  readonly partition: number | null;
  readonly position: number | null;
}

/** Lanes with what waits in them for handlers that the module has, and with the dead letter that stops them. */
const lanesSql = (where: string): string => `
  SELECT handler, key, sum(waits) AS waiting, max(head_partition) AS partition, max(head_position) AS position
  FROM (
    SELECT waiting.handler AS handler, waiting.key AS key, 1 AS waits, NULL AS head_partition, NULL AS head_position
    FROM waiting JOIN handler ON handler.id = event_handler AND is_present = 1 ${where}
    UNION ALL
    SELECT handler, key, 0, partition, position FROM lane_parked AS waiting ${where}
  ) GROUP BY handler, key`;

export class ParkedLanes {
  readonly #names: LaneNames;
  readonly #park: Statement;
  readonly #unpark: Statement;
  readonly #isParked: Statement;
  readonly #lanes: Statement;
  readonly #lane: Statement;
  readonly #lanesOf: Statement;

  constructor(db: Connection, { names }: { names: LaneNames }) {
    this.#names = names;
    // A group may come again after its dead letter was run again or given up: then nothing stops the lane any more.
    this.#park = db.prepare(`
      INSERT INTO lane_parked (handler, key, partition, position, parked_at, event_handler)
      SELECT @handler, @key, partition, position, started_at + duration_us, handler FROM outcome
      WHERE partition = @partition AND position = @position AND handler = @eventHandler
        AND status = ${statusNumber.deadLettered}
      ON CONFLICT (handler, key) DO UPDATE SET partition = excluded.partition, position = excluded.position,
        parked_at = excluded.parked_at, event_handler = excluded.event_handler`);
    this.#unpark = db.prepare(
      `DELETE FROM lane_parked
       WHERE handler = ? AND key = ? AND partition = ? AND position = ? AND event_handler IN (0, ?)`,
    );
    this.#isParked = db.prepare('SELECT 1 FROM lane_parked WHERE handler = ? AND key = ?').pluck();
    this.#lanes = db.prepare(lanesSql(''));
    this.#lane = db.prepare(lanesSql('WHERE waiting.handler = @handler AND waiting.key = @key'));
    this.#lanesOf = db.prepare(lanesSql('WHERE waiting.handler IN (@handler, -@handler)'));
  }

  /** Stops lanes by their dead letters, if these are that now. */
  park(lanes: readonly LaneParked[]): void {
    for (const { partition, position, eventHandler, ...name } of lanes) {
      const { handler, key } = this.#names.stored(name);
      const letter = { partition, position, eventHandler: this.#names.idOf(eventHandler) };
      this.#park.run({ handler, key: storedText(key), ...letter });
    }
  }

  /** Lets a lane go on, if it is this event that stops it. Gives whether it was. */
  unpark({ handler, key }: StoredLane, head: EventNumbers): boolean {
    const { partition, position } = head;
    return this.#unpark.run(handler, storedText(key), partition, position, head.handler).changes > 0;
  }

  isParked({ handler, key }: StoredLane): boolean {
    return this.#isParked.get(handler, storedText(key)) !== undefined;
  }

  /** Every lane that is stopped or of which events wait; none of handlers that the module does not have. */
  all(): LaneAway[] {
    return (this.#lanes.all() as LaneRow[]).flatMap((row) => this.#away(row) ?? []);
  }

  /** The same of one handler, whose lanes are its own. */
  ofHandler(handler: number): LaneAway[] {
    return (this.#lanesOf.all({ handler }) as LaneRow[]).flatMap((row) => this.#away(row) ?? []);
  }

  /** One lane as it is now; null when the module does not have its handler. */
  of({ handler, key }: StoredLane): LaneAway | null {
    const row = this.#lane.get({ handler, key: storedText(key) }) as LaneRow | undefined;
    const none = { handler, key, waiting: 0, partition: null, position: null };
    return this.#away(row ?? none);
  }

  #away({ handler, key, waiting, partition, position }: LaneRow): LaneAway | null {
    const name = this.#names.named({ handler, key: textFrom(key) });
    if (name === null) return null;
    return { ...name, parkedBy: partition === null ? null : { partition, position: position! }, waiting };
  }
}
