// The final stored verdict on one event, in two forms: the object people see, and the row form in which outcomes of a
// batch cross threads. Rows are built where the handler ran and bound where they are stored; the main thread forwards
// their bytes unread. Both ends of that road are here, so the layout has one home.

import { deserialize, serialize } from 'node:v8';
import type { ErrorRecord } from './errors.js';
import type { Identity } from './event.js';

/** The verdicts there are; a dead letter that somebody has given up is discarded. */
export type OutcomeStatus = 'succeeded' | 'dead-lettered' | 'cancelled' | 'discarded' | 'superseded';

/**
 * What a row tells. The first four are outcomes, by their numbers in the store; the others are not: a try that failed
 * and is followed by another, counted or not, and an event that now waits in the store, as its lane is not in memory.
 */
export const verdict = {
  succeeded: 0,
  deadLettered: 1,
  cancelled: 2,
  superseded: 4,
  tryFailed: 10,
  tryPostponed: 11,
  waiting: 12,
} as const;
export type Verdict = (typeof verdict)[keyof typeof verdict];

/** Whether a row is an outcome. */
export const isOutcome = (row: { readonly verdict: Verdict }): boolean => row.verdict <= verdict.superseded;

/** One event's outcome, as listeners and queries see it. */
export interface Outcome {
  readonly identity: Identity;
  readonly id: string | null;
  readonly type: string;
  readonly key: string | null;
  readonly handler: string;
  readonly status: OutcomeStatus;
  /** Tries made, from 1. */
  readonly attempts: number;
  /** Start of the last try, in microseconds since the Unix epoch. */
  readonly startedAtUs: number;
  /** How long the last try took, in microseconds. */
  readonly durationUs: number;
  /** What the handler gave: a JSON value, a `Uint8Array`, or undefined when it gave nothing or failed. */
  readonly result: unknown;
  /** Why it failed; null when it succeeded. */
  readonly error: ErrorRecord | null;
}

/**
 * One outcome, or whatever else `verdict` says, as a row: numbers and text, nothing to be parsed before it is stored.
 */
export interface OutcomeRow {
  /** Index of the partition, as the store numbers partitions. */
  readonly partition: number;
  readonly position: number;
  /** Index of the handler, as in the HandlerTable. */
  readonly handler: number;
  readonly verdict: Verdict;
  /** Tries counted, this one included. */
  readonly attempts: number;
  /** Microseconds since the Unix epoch. */
  readonly startedAtUs: number;
  readonly durationUs: number;
  /** When a try that failed is followed by the next, in microseconds since the Unix epoch; else 0. */
  readonly dueAtUs: number;
  readonly id: string | null;
  readonly type: string;
  readonly key: string | null;
  /** JSON text or bytes; null when there is none. */
  readonly result: string | Uint8Array | null;
  /** JSON text of an ErrorRecord; null when it succeeded. */
  readonly error: string | null;
  /** The event's extras and data as in EncodedEvent, where the store must keep them and has them nowhere else. */
  readonly extras: string | null;
  readonly data: string | Uint8Array | null;
}

/** Rows joined into few large values; `rowAt` reads one. */
export interface JoinedRows {
  readonly count: number;
  /** numbersPerRow a row: partition, position, handler, verdict, attempts, startedAtUs, durationUs, dueAtUs. */
  readonly numbers: Float64Array;
  /**
   * lengthsPerRow a row, -1 for absent: id, type, key, result as text, result as bytes, error, extras, data as text,
   * data as bytes.
   */
  readonly lengths: Int32Array;
  readonly text: string;
  readonly bytes: Uint8Array;
}

const numbersPerRow = 8;
const lengthsPerRow = 9;

/** Gathers the rows of one batch and joins them. One builder serves batch after batch. */
export class RowsBuilder {
  readonly #numbers: Float64Array;
  readonly #lengths: Int32Array;
  readonly #text: string[] = [];
  readonly #bytes: Uint8Array[] = [];
  #count = 0;
  #bytesLength = 0;
  #size = 0;

  /** @param countMax the most rows between two calls of `finish`. */
  constructor(countMax: number) {
    this.#numbers = new Float64Array(countMax * numbersPerRow);
    this.#lengths = new Int32Array(countMax * lengthsPerRow);
  }

  /** UTF-16 units and bytes held so far, for limits. */
  get size(): number {
    return this.#size;
  }

  get count(): number {
    return this.#count;
  }

  add(row: OutcomeRow): void {
    const n = this.#count * numbersPerRow;
    const numbers = this.#numbers;
    numbers[n] = row.partition;
    numbers[n + 1] = row.position;
    numbers[n + 2] = row.handler;
    numbers[n + 3] = row.verdict;
    numbers[n + 4] = row.attempts;
    numbers[n + 5] = row.startedAtUs;
    numbers[n + 6] = row.durationUs;
    numbers[n + 7] = row.dueAtUs;
    const l = this.#count * lengthsPerRow;
    const lengths = this.#lengths;
    lengths[l] = this.#addText(row.id);
    lengths[l + 1] = this.#addText(row.type);
    lengths[l + 2] = this.#addText(row.key);
    lengths[l + 3] = this.#addText(typeof row.result === 'string' ? row.result : null);
    lengths[l + 4] = this.#addBytes(typeof row.result === 'string' ? null : row.result);
    lengths[l + 5] = this.#addText(row.error);
    lengths[l + 6] = this.#addText(row.extras);
    lengths[l + 7] = this.#addText(typeof row.data === 'string' ? row.data : null);
    lengths[l + 8] = this.#addBytes(typeof row.data === 'string' ? null : row.data);
    this.#count += 1;
  }

  /** The rows added since the last call, as bytes of their own that can be transferred to another thread. */
  finish(): ArrayBuffer {
    const rows: JoinedRows = {
      count: this.#count,
      numbers: this.#numbers.subarray(0, this.#count * numbersPerRow),
      lengths: this.#lengths.subarray(0, this.#count * lengthsPerRow),
      text: this.#text.join(''),
      bytes: Buffer.concat(this.#bytes, this.#bytesLength),
    };
    const buffer = serialize(rows);
    this.#count = 0;
    this.#size = 0;
    this.#bytesLength = 0;
    this.#text.length = 0;
    this.#bytes.length = 0;
    return buffer.buffer.byteLength === buffer.byteLength
      ? (buffer.buffer as ArrayBuffer)
      : (Uint8Array.prototype.slice.call(buffer).buffer as ArrayBuffer);
  }

  #addText(text: string | null): number {
    if (text === null) return -1;
    this.#text.push(text);
    this.#size += text.length;
    return text.length;
  }

  #addBytes(bytes: Uint8Array | null): number {
    if (bytes === null) return -1;
    this.#bytes.push(bytes);
    this.#bytesLength += bytes.byteLength;
    this.#size += bytes.byteLength;
    return bytes.byteLength;
  }
}

/** Reads joined rows back, in the order in which they were added. */
export class RowsReader {
  readonly count: number;
  readonly #rows: JoinedRows;
  #index = 0;
  #textAt = 0;
  #bytesAt = 0;

  constructor(joined: ArrayBuffer) {
    this.#rows = deserialize(new Uint8Array(joined)) as JoinedRows;
    this.count = this.#rows.count;
  }

  /** The next row; call it `count` times. */
  next(): OutcomeRow {
    const { numbers } = this.#rows;
    const n = this.#index * numbersPerRow;
    const l = this.#index * lengthsPerRow;
    this.#index += 1;
    const id = this.#text(l);
    const type = this.#text(l + 1) ?? '';
    const key = this.#text(l + 2);
    const text = this.#text(l + 3);
    return {
      partition: numbers[n]!,
      position: numbers[n + 1]!,
      handler: numbers[n + 2]!,
      verdict: numbers[n + 3] as Verdict,
      attempts: numbers[n + 4]!,
      startedAtUs: numbers[n + 5]!,
      durationUs: numbers[n + 6]!,
      dueAtUs: numbers[n + 7]!,
      id,
      type,
      key,
      result: text ?? this.#bytes(l + 4),
      error: this.#text(l + 5),
      extras: this.#text(l + 6),
      data: this.#text(l + 7) ?? this.#bytes(l + 8),
    };
  }

  #text(index: number): string | null {
    const length = this.#rows.lengths[index]!;
    if (length < 0) return null;
    const from = this.#textAt;
    this.#textAt += length;
    return this.#rows.text.slice(from, this.#textAt);
  }

  #bytes(index: number): Uint8Array | null {
    const length = this.#rows.lengths[index]!;
    if (length < 0) return null;
    const from = this.#bytesAt;
    this.#bytesAt += length;
    return this.#rows.bytes.subarray(from, this.#bytesAt);
  }
}

/** A try that failed and is followed by another, as listeners see it. */
export interface Retry {
  readonly identity: Identity;
  readonly type: string;
  readonly key: string | null;
  readonly handler: string;
  /** The try, counted from 1. */
  readonly attempt: number;
  /** Whether it counts; false when the handler asked for it to be postponed. */
  readonly isCounted: boolean;
  readonly startedAtUs: number;
  readonly durationUs: number;
  /** When the next try is due, in microseconds since the Unix epoch. */
  readonly dueAtUs: number;
  readonly error: ErrorRecord;
}

/** The names that the indexes in rows stand for. */
export interface RowNames {
  partition(index: number): string;
  handler(index: number): string;
}

/** A row as the object that listeners see; its result and error are decoded here. */
export function outcomeFrom(row: OutcomeRow, names: RowNames): Outcome {
  return {
    identity: { partition: names.partition(row.partition), position: row.position },
    id: row.id,
    type: row.type,
    key: row.key,
    handler: names.handler(row.handler),
    status: statusOf[row.verdict]!,
    attempts: row.attempts,
    startedAtUs: row.startedAtUs,
    durationUs: row.durationUs,
    result: resultFrom(row.result),
    error: row.error === null ? null : (JSON.parse(row.error) as ErrorRecord),
  };
}

/** A row of a try as the object that listeners see. */
export function retryFrom(row: OutcomeRow, names: RowNames): Retry {
  const { type, key, attempts: attempt, startedAtUs, durationUs, dueAtUs } = row;
  return {
    ...{ identity: { partition: names.partition(row.partition), position: row.position } },
    ...{ type, key, handler: names.handler(row.handler), attempt, isCounted: row.verdict === verdict.tryFailed },
    ...{ startedAtUs, durationUs, dueAtUs, error: JSON.parse(row.error ?? 'null') as ErrorRecord },
  };
}

/** By verdict. */
const statusOf: readonly OutcomeStatus[] = ['succeeded', 'dead-lettered', 'cancelled', 'discarded', 'superseded'];

/** Bytes are copied: a row's are a view of memory that is about to leave for another thread. */
function resultFrom(encoded: string | Uint8Array | null): unknown {
  if (encoded === null) return undefined;
  return typeof encoded === 'string' ? JSON.parse(encoded) : Uint8Array.prototype.slice.call(encoded);
}
