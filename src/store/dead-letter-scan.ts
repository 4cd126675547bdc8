// Finds dead letters along the primary key of the outcomes, as there is no other index: a part at a time, each of which
// looks at few rows, so that the writer has time for others in between.

import type { DeadLetterSelection } from '../dead-letter-selection.js';
import { type Identity, journalPartition } from '../event.js';
import type { Connection, Statement } from './database.js';
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
  readonly after: Identity | null;
}

export interface ScanPart {
  readonly letters: readonly DeadLetter[];
  /** Where the next part begins; null when this was the last. */
  readonly next: Identity | null;
}

interface LetterRow extends EventNumbers {
  readonly key: string | Buffer | null;
  readonly has_event: 0 | 1;
}

type Place = readonly [partition: number, position: number];

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
        `SELECT partition, position FROM outcome WHERE (partition, position) > (?, ?)
         ORDER BY partition, position, handler LIMIT 1 OFFSET ${rowsPerPartMax - 1}`,
      )
      .raw();
    this.#letters = db.prepare(`
      SELECT partition, position, handler, key, ${hasEventSql(versionOf(db))} AS has_event
      FROM outcome
      WHERE (partition, position) > (@partitionAfter, @positionAfter)
        AND (partition, position) <= (@partitionTo, @positionTo)
        AND status = ${statusNumber.deadLettered}
        AND (@key IS NULL OR key = @key)
        AND (@type IS NULL OR type = @type)
        AND (@error IS NULL OR json_extract(error, '$.name') = @error)
        AND (@handler IS NULL OR handler = (SELECT id FROM handler WHERE name = @handler))
      ORDER BY partition, position, handler LIMIT @countMax`);
  }

  /** Finds the next dead letters, by partition and position. */
  part({ wanted, countMax, after }: ScanRequest): ScanPart {
    const from = after === null ? ([0, Number.MIN_SAFE_INTEGER] as const) : this.#placeOf(after);
    const range = wanted.identity === undefined ? this.#rangeFrom(from) : this.#rangeOf(wanted.identity, from);
    if (range === null) return { letters: [], next: null };
    const rows = this.#letters.all({
      ...{ partitionAfter: range.after[0], positionAfter: range.after[1] },
      ...{ partitionTo: range.to[0], positionTo: range.to[1] },
      ...{ key: storedOrNull(wanted.key), type: storedOrNull(wanted.type), handler: storedOrNull(wanted.handler) },
      ...{ error: wanted.error ?? null, journal: this.#journal, countMax },
    }) as LetterRow[];
    const letters = rows.map(({ key, has_event, ...row }) => ({
      ...row,
      key: textOrNullFrom(key),
      hasEvent: has_event === 1,
    }));
    const last = rows.length === countMax ? rows.at(-1) : undefined;
    if (last !== undefined) return { letters, next: this.#identityOf([last.partition, last.position]) };
    return { letters, next: range.isLast ? null : this.#identityOf(range.to) };
  }

  #rangeFrom(after: Place): Range {
    const to = this.#further.get(...after) as Place | undefined;
    return { after, to: to ?? [Number.MAX_SAFE_INTEGER, 0], isLast: to === undefined };
  }

  /** Null when it lies before what is left, or nowhere. */
  #rangeOf(identity: Identity, [partitionAfter, positionAfter]: Place): Range | null {
    const [partition, position] = this.#placeOf(identity);
    const isBefore = partition < partitionAfter || (partition === partitionAfter && position <= positionAfter);
    return isBefore ? null : { after: [partition, position - 1], to: [partition, position], isLast: true };
  }

  #placeOf({ partition, position }: Identity): Place {
    return [(this.#partitionId.get(storedText(partition)) as number | undefined) ?? 0, position];
  }

  #identityOf([partition, position]: Place): Identity {
    return { partition: textOrNullFrom(this.#partitionName.get(partition) as string | Buffer) ?? '', position };
  }
}

interface Range {
  readonly after: Place;
  readonly to: Place;
  readonly isLast: boolean;
}

function storedOrNull(text: string | undefined): string | Buffer | null {
  return text === undefined ? null : storedText(text);
}
