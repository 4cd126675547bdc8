// A source of records in a file or a stream: NDJSON, or one JSON array. A file is taken up again where its durable
// outcomes end; what lies before is passed over unread. It reads ahead by one chunk and keeps nothing it has given.

import type { Readable } from 'node:stream';
import { KeylaneError, shown } from '../errors.js';
import { invariant } from '../invariant.js';
import type { ByteInput } from './byte-input.js';
import { FileInput } from './file-input.js';
import { type MappingFields, type MappingOptions, mappingFields, RecordMapping } from './record-mapping.js';
import { RecordScanner } from './record-scanner.js';
import type { Source, SourceRecord, SourceStart } from './source.js';
import type { RecordPlace, Scanned } from './splitter.js';
import { StreamInput } from './stream-input.js';

/** A record that was left out. */
export interface BadRecord {
  /** The line on which it begins, counted from 1. */
  readonly line: number;
  /** The whole sentence: which input, where in it, and what is wrong; safe to print. */
  readonly message: string;
}

export interface NdjsonSourceOptions {
  /** Path of a file, or a stream of bytes. A stream has no place to go on from: each one brings new records. */
  readonly input: string | Readable;
  /** How records become events. Without it a record is an event, or data for the only handler. */
  readonly mapping?: MappingOptions | undefined;
  /** What happens at a record that is no event: the source fails (default), or leaves it out and counts it. */
  readonly onBadRecord?: 'fail' | 'skip' | undefined;
  /** Told of each record that is left out. */
  readonly onSkipped?: ((bad: BadRecord) => void) | undefined;
  /** Longest record in bytes, 16 MiB unless told. A longer one is bad. */
  readonly recordBytesMax?: number | undefined;
}

const recordBytesMaxDefault = 16 * 1024 * 1024;
const recordBytesMaxMost = 256 * 1024 * 1024;
const reasonLengthMax = 1000;

/** What it needs while open. */
interface Reading {
  readonly scanner: RecordScanner;
  readonly mapping: RecordMapping;
  readonly start: SourceStart;
  /** What is added to a record's number to make its position. */
  readonly positionOffset: number;
}

/** Reads NDJSON or a JSON array from a file or a stream; see NdjsonSourceOptions. */
export class NdjsonSource implements Source {
  readonly partition: string;
  readonly #input: ByteInput;
  readonly #options: NdjsonSourceOptions;
  readonly #fields: MappingFields;
  readonly #recordBytesMax: number;
  #reading: Reading | null = null;
  #recordsSkipped = 0;
  #recordsWithoutKey = 0;
  /** Bytes scanned when the first record had been. */
  #bytesPassedOver: number | null = null;
  #isAtEnd = false;
  #isClosed = false;
  /** Found after records that had to be given first; thrown at the next request. */
  #failure: KeylaneError | null = null;

  /** Throws `bad-input` when there is no such file, `bad-option` when an option does not fit. */
  constructor(options: NdjsonSourceOptions) {
    const { input, onBadRecord = 'fail', recordBytesMax = recordBytesMaxDefault } = options;
    if (onBadRecord !== 'fail' && onBadRecord !== 'skip') {
      throw new KeylaneError('bad-option', `onBadRecord must be "fail" or "skip", got ${shown(onBadRecord)}`);
    }
    if (!Number.isInteger(recordBytesMax) || recordBytesMax < 1 || recordBytesMax > recordBytesMaxMost) {
      const fits = `a whole number from 1 to ${recordBytesMaxMost} (bytes)`;
      throw new KeylaneError('bad-option', `recordBytesMax must be ${fits}, got ${shown(recordBytesMax)}`);
    }
    this.#options = options;
    this.#fields = mappingFields(options.mapping ?? {});
    this.#recordBytesMax = recordBytesMax;
    this.#input = typeof input === 'string' ? new FileInput(input) : new StreamInput(input);
    this.partition = this.#input.partition;
  }

  /** Bytes of the input that have been given out as records or passed over. */
  get bytesRead(): number {
    return this.#reading?.scanner.bytesScanned ?? 0;
  }

  /** Of `bytesRead`, those up to the first record given: what lies there was durable before this start. */
  get bytesPassedOver(): number {
    return this.#bytesPassedOver ?? this.bytesRead;
  }

  /** Size of the input in bytes; null for a stream. */
  get bytesTotal(): number | null {
    return this.#input.bytesTotal;
  }

  /** Of the records given since this start, those without the key that `keyField` was to name: they have no order. */
  get recordsWithoutKey(): number {
    return this.#recordsWithoutKey;
  }

  /** Bad records that were left out since this start. */
  get recordsSkipped(): number {
    return this.#recordsSkipped;
  }

  /** The position from which on it reads; null when it begins at the start, or before it is open. */
  get resumedAt(): number | null {
    return this.#reading !== null && this.#input.keepsPlace && this.#reading.start.watermark > 1
      ? this.#reading.start.watermark
      : null;
  }

  async open(start: SourceStart): Promise<string | null> {
    invariant(this.#reading === null, 'a source is opened once');
    const { keepsPlace } = this.#input;
    const mapping = new RecordMapping(this.#fields, start);
    const fingerprint = await this.#input.open(start);
    const numberFirst = keepsPlace ? Math.max(1, start.watermark) : 1;
    this.#reading = {
      scanner: new RecordScanner({ numberFirst, recordBytesMax: this.#recordBytesMax }),
      mapping,
      start,
      positionOffset: keepsPlace ? 0 : start.positionUnused - 1,
    };
    return fingerprint;
  }

  async request(demand: number): Promise<readonly SourceRecord[] | null> {
    invariant(this.#reading !== null, 'a source is opened before it is asked');
    const { scanner } = this.#reading;
    if (this.#failure !== null) throw this.#failure;
    const records: SourceRecord[] = [];
    while (!this.#isClosed) {
      this.#gather(records, { demand, reading: this.#reading });
      if (records.length > 0) return records;
      if (this.#failure !== null) throw this.#failure;
      if (this.#isAtEnd) break;
      // The source may have been closed meanwhile.
      const chunk = await this.#input.read();
      if (chunk !== null) scanner.push(chunk);
      else {
        scanner.end();
        this.#isAtEnd = true;
      }
    }
    if (!this.#isClosed) this.#refuseIfShorter(this.#reading);
    return null;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#input.close();
  }

  /** Takes events from what has been read, until there are enough or more bytes are needed. */
  #gather(records: SourceRecord[], { demand, reading }: { demand: number; reading: Reading }): void {
    const { scanner, mapping, start, positionOffset } = reading;
    const { keepsPlace } = this.#input;
    while (records.length < demand && this.#failure === null) {
      const found = scanner.next();
      if (found === null) return;
      const { number } = found.place;
      // Durable, though an event before it is not: it was finished earlier and has its outcome.
      if (keepsPlace && found.kind !== 'broken' && start.durable.has(number)) continue;
      const mapped = found.kind === 'record' ? mapping.map(found.text) : found;
      if ('reason' in mapped) {
        this.#refuse(found, mapped.reason);
        continue;
      }
      this.#bytesPassedOver ??= scanner.bytesScanned;
      if (mapped.event.key === null && this.#fields.keyField !== null) this.#recordsWithoutKey += 1;
      records.push({ position: positionOffset + number, event: mapped.event });
    }
  }

  #refuse(found: Scanned, reason: string): void {
    const place = `${this.#input.name} ${placeName(found.place, this.#reading?.scanner.format === 'array')}`;
    const short = reason.length > reasonLengthMax ? `${reason.slice(0, reasonLengthMax)}...` : reason;
    if (found.kind === 'broken') {
      this.#failure = new KeylaneError('bad-input', `${place}: ${short}; correct the input and run again`);
      return;
    }
    const message = `${place} ${short}`;
    if (this.#options.onBadRecord === 'skip') {
      this.#recordsSkipped += 1;
      this.#options.onSkipped?.({ line: found.place.line, message });
      return;
    }
    const advice = "correct it and run again, or leave such records out (onBadRecord: 'skip', --on-bad-line skip)";
    this.#failure = new KeylaneError('bad-input', `${message}; ${advice}`);
  }

  /** A file that has fewer records than the store has outcomes for is not the file it was. */
  #refuseIfShorter({ scanner, start }: Reading): void {
    const last = start.positionNext - 1;
    if (!this.#input.keepsPlace || scanner.count >= last) return;
    const unit = scanner.format === 'array' ? 'element' : 'line';
    throw new KeylaneError(
      'bad-input',
      `${this.#input.name} must reach at least to ${unit} ${last}, up to which this store has outcomes, but it ends ` +
        `after ${unit} ${scanner.count}: it was cut or replaced. ` +
        'Use another store for it, or bring the earlier file back',
    );
  }
}

function placeName(place: RecordPlace, inArray: boolean): string {
  return inArray ? `element ${place.number} (line ${place.line})` : `line ${place.line}`;
}
