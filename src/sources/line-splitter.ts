// Lines of NDJSON: one record a line, whatever ends it; blank lines count as lines and hold no record.

import type { ByteWindow } from './byte-window.js';
import {
  isBlank,
  isTooLongAlready,
  notUtf8,
  type Scanned,
  type Splitter,
  type SplitterBegin,
  tooLong,
} from './splitter.js';

const newline = 0x0a;

export class LineSplitter implements Splitter {
  readonly #window: ByteWindow;
  readonly #numberFirst: number;
  readonly #recordBytesMax: number;
  #count: number;
  /** The line does not end before this offset. */
  #searchFrom: number;
  /** The line being read is too long and was reported: its bytes are dropped as they come. */
  #isDropping = false;

  constructor({ window, linesBefore, numberFirst, recordBytesMax }: SplitterBegin) {
    this.#window = window;
    this.#numberFirst = numberFirst;
    this.#recordBytesMax = recordBytesMax;
    this.#count = linesBefore;
    this.#searchFrom = window.start;
  }

  get count(): number {
    return this.#count;
  }

  moved(by: number): void {
    this.#searchFrom -= by;
  }

  next(isLast: boolean): Scanned | null {
    const window = this.#window;
    for (;;) {
      const from = window.start;
      const newlineAt = window.bytes.indexOf(newline, this.#searchFrom);
      if (newlineAt === -1) {
        if (!isLast) return this.#tooLongAlready();
        if (from === window.end && !this.#isDropping) return null;
      }
      const to = newlineAt === -1 ? window.end : newlineAt;
      window.start = newlineAt === -1 ? to : to + 1;
      this.#searchFrom = window.start;
      this.#count += 1;
      const wasDropping = this.#isDropping;
      this.#isDropping = false;
      if (wasDropping || this.#count < this.#numberFirst) continue;
      const found = this.#read(from, to);
      if (found !== null) return found;
    }
  }

  #read(from: number, to: number): Scanned | null {
    const { bytes } = this.#window;
    let first = from;
    let end = to;
    while (end > first && isBlank(bytes[end - 1]!)) end -= 1;
    while (first < end && isBlank(bytes[first]!)) first += 1;
    if (first === end) return null;
    const place = { number: this.#count, line: this.#count };
    if (end - first > this.#recordBytesMax) return { kind: 'bad', place, reason: tooLong(this.#recordBytesMax) };
    const text = this.#window.text(first, end);
    return text === null ? { kind: 'bad', place, reason: notUtf8 } : { kind: 'record', place, text };
  }

  /** Drops what there is of a line that is too long before its end has come; reports it unless it is passed over. */
  #tooLongAlready(): Scanned | null {
    const window = this.#window;
    // What is blank before it goes at once, but for one byte: a line that has nothing else is a line all the same.
    while (window.start < window.end - 1 && isBlank(window.bytes[window.start]!)) window.start += 1;
    const isTooLong = this.#isDropping || isTooLongAlready(window, this.#recordBytesMax);
    this.#searchFrom = window.end;
    if (!isTooLong) return null;
    const reported = this.#isDropping;
    window.start = window.end;
    this.#isDropping = true;
    const number = this.#count + 1;
    if (reported || number < this.#numberFirst) return null;
    return { kind: 'bad', place: { number, line: number }, reason: tooLong(this.#recordBytesMax) };
  }
}
