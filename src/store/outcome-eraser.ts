// Deletes outcomes for good, few at a time, with all that is known of their tries. The outcomes of an event go
// together, and with the event that the journal has, in one transaction: an event that lost an outcome would run again,
// and an outcome that lost its event could not be found by its id. Positions are never given out twice, so the
// partition remembers how far they went before its highest rows go, and each handler what it has lost.

import { journalPartition } from '../event.js';
import type { Connection, Statement } from './database.js';
import { statusNumber } from './schema.js';

/** Bytes of results, errors and data at which a transaction ends: each page of a long one has to be read. */
const bytesErasedMax = 8 * 1024 * 1024;

/** An outcome that is to go, by its identity in its partition. */
export interface ExpiredOutcome {
  readonly position: number;
  readonly handler: number;
  /** As in the table. */
  readonly status: number;
  readonly startedAtUs: number;
  /** Of its result and its error. */
  readonly bytes: number;
}

export class OutcomeEraser {
  readonly #inTransaction: <Result>(change: () => Result) => Result;
  readonly #journal: number;
  readonly #eraseOutcome: Statement;
  readonly #eraseRest: readonly Statement[];
  readonly #eraseEvent: Statement;
  readonly #eventBytes: Statement;
  readonly #raiseNext: Statement;
  readonly #note: Statement;

  constructor(db: Connection, inTransaction: <Result>(change: () => Result) => Result) {
    this.#inTransaction = inTransaction;
    this.#journal = db.prepare('SELECT id FROM partition WHERE name = ?').pluck().get(journalPartition) as number;
    this.#eraseOutcome = db.prepare('DELETE FROM outcome WHERE partition = ? AND position = ? AND handler = ?');
    this.#eraseRest = [
      'DELETE FROM attempt_failure WHERE partition = @partition AND position = @position AND handler = @handler',
      'DELETE FROM discarded WHERE partition = @partition AND position = @position AND handler = @handler',
      'DELETE FROM kept_event WHERE partition = @partition AND position = @position',
    ].map((sql) => db.prepare(sql));
    this.#eraseEvent = db.prepare('DELETE FROM event WHERE position = ?');
    this.#eventBytes = db.prepare('SELECT octet_length(data) FROM event WHERE position = ?').pluck();
    this.#raiseNext = db.prepare('UPDATE partition SET position_next = max(position_next, ?) WHERE id = ?');
    this.#note = db.prepare(`
      INSERT INTO erased (handler, partition, succeeded, position_last, started_at_last)
      VALUES (@handler, @partition, @succeeded, @positionLast, @startedAtLast)
      ON CONFLICT (handler, partition) DO UPDATE SET succeeded = succeeded + excluded.succeeded,
        position_last = max(position_last, excluded.position_last),
        started_at_last = max(started_at_last, excluded.started_at_last)`);
  }

  /**
   * Deletes outcomes of one partition, which come in order of position, and all that an event has, in one transaction.
   * Gives how many: those of the first events, at least of one, until they are large enough together.
   */
  erase(partition: number, expired: readonly ExpiredOutcome[]): number {
    if (expired.length === 0) return 0;
    return this.#inTransaction(() => {
      const isJournal = partition === this.#journal;
      let erased = 0;
      let bytes = 0;
      let positionNext = 0;
      for (const outcome of expired) {
        const { position, handler } = outcome;
        const isNext = position + 1 !== positionNext;
        if (bytes >= bytesErasedMax && isNext) break;
        bytes += outcome.bytes;
        this.#eraseOutcome.run(partition, position, handler);
        for (const erase of this.#eraseRest) erase.run({ partition, position, handler });
        if (isJournal && isNext) {
          bytes += (this.#eventBytes.get(position) as number | null | undefined) ?? 0;
          this.#eraseEvent.run(position);
        }
        positionNext = position + 1;
        erased += 1;
      }
      this.#raiseNext.run(positionNext, partition);
      this.#noteSucceeded(partition, expired.slice(0, erased));
      return erased;
    });
  }

  /** Of what succeeded, states were made, and cannot be made anew. */
  #noteSucceeded(partition: number, erased: readonly ExpiredOutcome[]): void {
    const noted = new Map<number, { succeeded: number; positionLast: number; startedAtLast: number }>();
    for (const { handler, status, position, startedAtUs } of erased) {
      if (status !== statusNumber.succeeded) continue;
      const of = noted.get(handler) ?? { succeeded: 0, positionLast: 0, startedAtLast: 0 };
      of.succeeded += 1;
      of.positionLast = Math.max(of.positionLast, position);
      of.startedAtLast = Math.max(of.startedAtLast, startedAtUs);
      noted.set(handler, of);
    }
    for (const [handler, of] of noted) this.#note.run({ handler, partition, ...of });
  }
}
