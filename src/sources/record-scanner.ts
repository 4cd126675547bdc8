// Splits a stream of bytes into records with positions: the lines of NDJSON, or the elements of one top-level JSON
// array; the first byte that is not blank says which. It holds one record at most, and knows nothing of what is in it.

import { ByteWindow } from './byte-window.js';
import { ElementSplitter } from './element-splitter.js';
import { LineSplitter } from './line-splitter.js';
import { isBlank, type Scanned, type ScannerOptions, type Splitter } from './splitter.js';

/** `lines` is also what an input without any record is taken for. */
export type InputFormat = 'lines' | 'array';

const byteOrderMark = [0xef, 0xbb, 0xbf];
const newline = 0x0a;
const bracketOpen = 0x5b;

export class RecordScanner {
  readonly #options: ScannerOptions;
  readonly #window = new ByteWindow();
  #splitter: Splitter | null = null;
  #format: InputFormat = 'lines';
  #isLast = false;
  #bytesPushed = 0;
  #isPastMark = false;
  #linesBlank = 0;

  constructor(options: ScannerOptions) {
    this.#options = options;
  }

  /** What the input is; `lines` until the first byte that is not blank has come. */
  get format(): InputFormat {
    return this.#format;
  }

  /** Records seen so far, those passed over and blank lines included: the number of the last one. */
  get count(): number {
    return this.#splitter?.count ?? this.#linesBlank;
  }

  /** Bytes of the input that have been given out as records or passed over. */
  get bytesScanned(): number {
    return this.#bytesPushed - (this.#window.end - this.#window.start);
  }

  /** Adds the next bytes of the input; they are copied. */
  push(chunk: Uint8Array): void {
    this.#bytesPushed += chunk.length;
    const movedBy = this.#window.append(chunk);
    this.#splitter?.moved(movedBy);
  }

  /** Says that there are no more bytes. */
  end(): void {
    this.#isLast = true;
  }

  /** The next finding; null when more bytes are needed, or, after `end`, when there is no more. */
  next(): Scanned | null {
    this.#splitter ??= this.#detect();
    return this.#splitter?.next(this.#isLast) ?? null;
  }

  #detect(): Splitter | null {
    const window = this.#window;
    if (!this.#isPastMark && !this.#passMark()) return null;
    while (window.start < window.end && isBlank(window.bytes[window.start]!)) {
      if (window.bytes[window.start] === newline) this.#linesBlank += 1;
      window.start += 1;
    }
    if (window.start === window.end) return null;
    const isArray = window.bytes[window.start] === bracketOpen;
    this.#format = isArray ? 'array' : 'lines';
    const begin = { ...this.#options, window, linesBefore: this.#linesBlank };
    return isArray ? new ElementSplitter(begin) : new LineSplitter(begin);
  }

  /** Passes over a byte order mark; false when too few bytes are here to tell. */
  #passMark(): boolean {
    const window = this.#window;
    const matching = byteOrderMark.findIndex((byte, index) => window.bytes[window.start + index] !== byte);
    if (matching === -1) window.start += byteOrderMark.length;
    else if (!this.#isLast && window.start + matching === window.end) return false;
    this.#isPastMark = true;
    return true;
  }
}
