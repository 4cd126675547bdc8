// Dead letters run again, or given up. Either is done a part at a time, and doing it twice changes nothing: what was
// run again or given up is a dead letter no longer. Runs inside the transactions of the store.

import type { Connection, Statement } from './database.js';
import type { DeadLettersRequest, DeadLettersResult } from './dead-letter-messages.js';
import { type DeadLetter, DeadLetterScan } from './dead-letter-scan.js';
import type { FailureTable } from './failure-table.js';
import { type LaneNames, laneOf, type StoredLane } from './lane-name.js';
import type { LaneOrders } from './lane-orders.js';
import type { LaneAway, Repeat } from './messages.js';
import type { ParkedLanes } from './parked-lanes.js';
import { statusNumber } from './schema.js';
import { storedText } from './stored-text.js';
import type { RedrivenEvent, WaitingTable } from './waiting-table.js';

/** Dead letters that one transaction changes at most, whatever is asked for: calls are to stay short. */
const lettersPerPartMax = 1_000;

export interface DeadLettersParts {
  readonly names: LaneNames;
  readonly orders: LaneOrders;
  readonly failures: FailureTable;
  readonly waiting: WaitingTable;
  readonly lanes: ParkedLanes;
}

export class DeadLetters {
  readonly #parts: DeadLettersParts;
  readonly #scan: DeadLetterScan;
  readonly #delete: Statement;
  readonly #discard: Statement;
  readonly #noteReason: Statement;

  constructor(db: Connection, parts: DeadLettersParts) {
    this.#parts = parts;
    this.#scan = new DeadLetterScan(db);
    this.#delete = db.prepare('DELETE FROM outcome WHERE partition = ? AND position = ? AND handler = ?');
    this.#discard = db.prepare(
      `UPDATE outcome SET status = ${statusNumber.discarded} WHERE partition = ? AND position = ? AND handler = ?`,
    );
    this.#noteReason = db.prepare(`
      INSERT INTO discarded (partition, position, handler, reason, at) VALUES (?, ?, ?, ?, ?)
      ON CONFLICT (partition, position, handler) DO UPDATE SET reason = excluded.reason, at = excluded.at`);
  }

  /** See `Store.deadLetters`. */
  part(request: DeadLettersRequest, { isRepeat }: Repeat = { isRepeat: false }): DeadLettersResult {
    const result = this.#change(request);
    // A thread that died may have changed some and told nobody which lanes those let go on.
    return isRepeat
      ? { ...result, lanes: this.#parts.lanes.all().filter(({ parkedBy }) => parkedBy === null) }
      : result;
  }

  #change({ wanted, reason, atUs, countMax, after }: DeadLettersRequest): DeadLettersResult {
    const part = { wanted, after, countMax: Math.min(countMax, lettersPerPartMax) };
    const { letters, next } = this.#scan.part(part);
    if (reason !== null) return { ...this.#discardAll(letters, { reason, atUs }), parked: 0, withoutEvent: 0, next };
    const redriven = letters.filter(({ hasEvent }) => hasEvent);
    const lanes = this.#redriveAll(redriven, atUs);
    const parked = redriven.filter(({ handler }) => this.#parts.names.indexOf(handler) === undefined).length;
    return { count: redriven.length, parked, withoutEvent: letters.length - redriven.length, lanes, next };
  }

  #redriveAll(letters: readonly DeadLetter[], atUs: number): LaneAway[] {
    const { failures, waiting, lanes } = this.#parts;
    const groups = this.#byLane(letters);
    for (const { lane, letters } of groups) {
      const events: RedrivenEvent[] = [];
      for (const letter of letters) {
        const { partition, position, handler } = letter;
        failures.takeOutcome(partition, position, handler);
        this.#delete.run(partition, position, handler);
        events.push({ partition, position, handler, redrivenAtUs: atUs });
      }
      // What waits in a lane that is stopped came after its dead letters, elsewhere it has been waiting for longer.
      if (lanes.isParked(lane)) waiting.prepend(events, lane);
      else waiting.append(events, lane);
      for (const letter of letters) lanes.unpark(lane, letter);
    }
    return this.#goingOn(groups.map(({ lane }) => lane));
  }

  #discardAll(
    letters: readonly DeadLetter[],
    { reason, atUs }: { reason: string; atUs: number },
  ): Pick<DeadLettersResult, 'count' | 'lanes'> {
    const unparked: StoredLane[] = [];
    for (const letter of letters) {
      const { partition, position, handler } = letter;
      this.#discard.run(partition, position, handler);
      this.#noteReason.run(partition, position, handler, storedText(reason), atUs);
      const lane = laneOf(letter, this.#parts.orders.of(letter.handler));
      if (this.#parts.lanes.unpark(lane, letter)) unparked.push(lane);
    }
    return { count: letters.length, lanes: this.#goingOn(unparked) };
  }

  /** The lanes of dead letters, each with its own in their order. */
  #byLane(letters: readonly DeadLetter[]): { lane: StoredLane; letters: DeadLetter[] }[] {
    const groups = new Map<string, { lane: StoredLane; letters: DeadLetter[] }>();
    for (const letter of letters) {
      const lane = laneOf(letter, this.#parts.orders.of(letter.handler));
      const name = `${lane.handler} ${lane.key}`;
      const group = groups.get(name);
      if (group === undefined) groups.set(name, { lane, letters: [letter] });
      else group.letters.push(letter);
    }
    return [...groups.values()];
  }

  /** Those of the lanes that may go on, as they are now. */
  #goingOn(lanes: readonly StoredLane[]): LaneAway[] {
    const { lanes: table } = this.#parts;
    return lanes.flatMap((lane) => (table.isParked(lane) ? [] : (table.of(lane) ?? [])));
  }
}
