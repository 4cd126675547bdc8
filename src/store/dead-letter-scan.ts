// Finds dead letters along the primary key of the outcomes, as there is no other index: a part at a time, each of which
// looks at few rows, so that the writer has time for others in between.

import type { DeadLetterSelection } from '../dead-letter-selection.js';
import { type Identity, journalPartition } from '../event.js';
import type { Connection, Statement } from './database.js';
import type { LetterPlace } from './dead-letter-messages.js';
import { hasEventSql } from './kept-events.js';
import { statusNumber, versionOf } from './schema.js';
import { storedText, textOrNullFrom } from './stored-text.js';
import type { EventNumbers } from './waiting-table.js';

/** Outcomes that one part looks at at most. */
const rowsPerPartMax = 16_384;

/** What a dead letter's outcome and event say of it. */
export interface DeadLetter extends EventNumbers {
  readonly key: string | null;
  /** Whether the store has the event, so that it can run again. */
  readonly hasEvent: boolean;
}

export interface ScanRequest {
  readonly wanted: DeadLetterSelection;
  readonly countMax: number;
  /** Where the part before ended; null for the first. */
  readonly after: LetterPlace | null;
}

export interface ScanPart {
  readonly letters: readonly DeadLetter[];
  /** Where the next part begins; null when this was the last. */
  readonly next: LetterPlace | null;
}

interface LetterRow extends EventNumbers {
  readonly key: string | Buffer | null;
  readonly has_event: 0 | 1;
}

type Place = readonly [partition: number, position: number, handler: number];

export class DeadLetterScan {
  readonly #further: Statement;
  readonly #letters: Statement;
  readonly #partitionId: Statement;
  readonly #partitionName: Statement;
  readonly #journal: number | null;

  constructor(db: Connection) {
    this.#partitionId = db.prepare('SELECT id FROM partition WHERE name = ?').pluck();
    this.#partitionName = db.prepare('SELECT name FROM partition WHERE id = ?').pluck();
    this.#journal = (this.#partitionId.get(journalPartition) as number | undefined) ?? null;
    this.#further = db
      .prepare(
        `SELECT partition, position, handler FROM outcome WHERE (partition, position, handler) > (?, ?, ?)
         ORDER BY partition, position, handler LIMIT 1 OFFSET ${rowsPerPartMax - 1}`,
      )
      .raw();
    this.#letters = db.prepare(`
      SELECT partition, position, handler, key, ${hasEventSql(versionOf(db))} AS has_event
      FROM outcome
      WHERE (partition, position, handler) > (@partitionAfter, @positionAfter, @handlerAfter)
        AND (partition, position, handler) <= (@partitionTo, @positionTo, @handlerTo)
        AND status = ${statusNumber.deadLettered}
        AND (@key IS NULL OR key = @key)
        AND (@type IS NULL OR type = @type)
        AND (@error IS NULL OR json_extract(error, '$.name') = @error)
        AND (@handler IS NULL OR handler = (SELECT id FROM handler WHERE name = @handler))
      ORDER BY partition, position, handler LIMIT @countMax`);
  }

  /** Finds the next dead letters, by partition, position and handler. */
  part({ wanted, countMax, after }: ScanRequest): ScanPart {
    const from = after === null ? ([0, Number.MIN_SAFE_INTEGER, 0] as const) : this.#placeOf(after);
    const range = wanted.identity === undefined ? this.#rangeFrom(from) : this.#rangeOf(wanted.identity, from);
    if (range === null) return { letters: [], next: null };
    const rows = this.#letters.all({
      ...{ partitionAfter: range.after[0], positionAfter: range.after[1], handlerAfter: range.after[2] },
      ...{ partitionTo: range.to[0], positionTo: range.to[1], handlerTo: range.to[2] },
      ...{ key: storedOrNull(wanted.key), type: storedOrNull(wanted.type), handler: storedOrNull(wanted.handler) },
      ...{ error: wanted.error ?? null, journal: this.#journal, countMax },
    }) as LetterRow[];
    const letters = rows.map(({ key, has_event, ...row }) => ({
      ...row,
      key: textOrNullFrom(key),
      hasEvent: has_event === 1,
    }));
    const last = rows.length === countMax ? rows.at(-1) : undefined;
    if (last !== undefined)
      return { letters, next: this.#letterPlaceOf([last.partition, last.position, last.handler]) };
    return { letters, next: range.isLast ? null : this.#letterPlaceOf(range.to) };
  }

  #rangeFrom(after: Place): Range {
    const to = this.#further.get(...after) as Place | undefined;
    return { after, to: to ?? [Number.MAX_SAFE_INTEGER, 0, 0], isLast: to === undefined };
  }

  /** Null when it lies before what is left, or nowhere. */
  #rangeOf(identity: Identity, from: Place): Range | null {
    const [partition, position] = this.#placeOf({ ...identity, handler: 0 });
    const to: Place = [partition, position, Number.MAX_SAFE_INTEGER];
    if (isBefore(to, from)) return null;
    const first: Place = [partition, position, 0];
    return { after: isBefore(first, from) ? from : first, to, isLast: true };
  }

  #placeOf({ partition, position, handler }: LetterPlace): Place {
    return [(this.#partitionId.get(storedText(partition)) as number | undefined) ?? 0, position, handler];
  }

  #letterPlaceOf([partition, position, handler]: Place): LetterPlace {
    const name = this.#partitionName.get(partition) as string | Buffer;
    return { partition: textOrNullFrom(name) ?? '', position, handler };
  }
}

function isBefore([partition, position, handler]: Place, other: Place): boolean {
  if (partition !== other[0]) return partition < other[0];
  return position === other[1] ? handler < other[2] : position < other[1];
}

interface Range {
  readonly after: Place;
  readonly to: Place;
  readonly isLast: boolean;
}

function storedOrNull(text: string | undefined): string | Buffer | null {
  return text === undefined ? null : storedText(text);
}
