// Elements of one top-level JSON array. It finds where each ends by its brackets and strings, and leaves to the parser
// whether it is sound. What breaks the array itself cannot be passed over: then it is not known where records begin.

import type { ByteWindow } from './byte-window.js';
import {
  isBlank,
  isTooLongAlready,
  notUtf8,
  type RecordPlace,
  type Scanned,
  type Splitter,
  type SplitterBegin,
  tooLong,
} from './splitter.js';

const newline = 0x0a;
const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const bracketOpen = 0x5b;
const bracketClose = 0x5d;
const braceOpen = 0x7b;
const braceClose = 0x7d;

/**
 * - `before`: blank space before an element. `inside`: in an element, `depth` brackets deep.
 * - `string`: in a string of an element. `escape`: after a backslash in such a string.
 * - `after`: the array is closed.
 */
type State = 'before' | 'inside' | 'string' | 'escape' | 'after' | 'broken';

export class ElementSplitter implements Splitter {
  readonly #window: ByteWindow;
  readonly #numberFirst: number;
  readonly #recordBytesMax: number;
  #state: State = 'before';
  #depth = 0;
  /** The next byte to look at. */
  #at: number;
  #newlines: number;
  /** Elements that have ended. */
  #count = 0;
  /** The line on which the current element begins. */
  #line: number;
  /** The current element is too long and was reported: its bytes are dropped as they come. */
  #isDropping = false;

  constructor({ window, linesBefore, numberFirst, recordBytesMax }: SplitterBegin) {
    this.#window = window;
    this.#numberFirst = numberFirst;
    this.#recordBytesMax = recordBytesMax;
    this.#newlines = linesBefore;
    this.#line = linesBefore + 1;
    // Past the bracket that opens the array.
    window.start += 1;
    this.#at = window.start;
  }

  get count(): number {
    return this.#count;
  }

  moved(by: number): void {
    this.#at -= by;
  }

  next(isLast: boolean): Scanned | null {
    const { bytes } = this.#window;
    while (this.#at < bytes.length && this.#state !== 'broken') {
      const at = this.#at;
      const byte = bytes[at]!;
      this.#at = at + 1;
      if (byte === newline) this.#newlines += 1;
      const found = this.#step(byte, at);
      if (found !== null) return found;
    }
    return this.#outOfBytes(isLast);
  }

  #step(byte: number, at: number): Scanned | null {
    switch (this.#state) {
      case 'inside':
        if (byte === quote) this.#state = 'string';
        else if (byte === braceOpen || byte === bracketOpen) this.#depth += 1;
        else if (this.#depth === 0 && (byte === comma || byte === bracketClose)) return this.#endElement(byte, at);
        else if (this.#depth > 0 && (byte === braceClose || byte === bracketClose)) this.#depth -= 1;
        return null;
      case 'string':
        if (byte === quote) this.#state = 'inside';
        else if (byte === backslash) this.#state = 'escape';
        return null;
      case 'escape':
        this.#state = 'string';
        return null;
      case 'before':
        return this.#begin(byte, at);
      case 'after':
        this.#window.start = this.#at;
        if (isBlank(byte)) return null;
        return this.#broken(
          'something follows the array: an input that begins with "[" is read as one JSON array of records',
        );
      case 'broken':
        return null;
    }
  }

  #begin(byte: number, at: number): Scanned | null {
    this.#window.start = at;
    if (isBlank(byte)) return null;
    this.#line = this.#newlines + 1;
    if (byte === bracketClose && this.#count === 0) {
      this.#state = 'after';
      this.#window.start = this.#at;
      return null;
    }
    this.#state = 'inside';
    this.#depth = 0;
    return this.#step(byte, at);
  }

  #endElement(byte: number, at: number): Scanned | null {
    const from = this.#window.start;
    this.#window.start = this.#at;
    this.#state = byte === comma ? 'before' : 'after';
    this.#count += 1;
    const wasDropping = this.#isDropping;
    this.#isDropping = false;
    if (wasDropping || this.#count < this.#numberFirst) return null;
    const place = { number: this.#count, line: this.#line };
    let end = at;
    while (end > from && isBlank(this.#window.bytes[end - 1]!)) end -= 1;
    if (end === from) return { kind: 'bad', place, reason: 'is missing: there is a comma too many before or after it' };
    if (end - from > this.#recordBytesMax) return { kind: 'bad', place, reason: tooLong(this.#recordBytesMax) };
    const text = this.#window.text(from, end);
    return text === null ? { kind: 'bad', place, reason: notUtf8 } : { kind: 'record', place, text };
  }

  #outOfBytes(isLast: boolean): Scanned | null {
    const window = this.#window;
    if (this.#state === 'after') return null;
    if (this.#state === 'broken') {
      window.start = window.end;
      return null;
    }
    if (isLast) return this.#broken('the input ends before the array does: "]" is missing');
    if (this.#state === 'before') {
      window.start = window.end;
      return null;
    }
    const isTooLong = this.#isDropping || isTooLongAlready(window, this.#recordBytesMax);
    this.#at = window.end;
    if (!isTooLong) return null;
    const reported = this.#isDropping;
    window.start = window.end;
    this.#isDropping = true;
    if (reported || this.#count + 1 < this.#numberFirst) return null;
    return { kind: 'bad', place: this.#place(), reason: tooLong(this.#recordBytesMax) };
  }

  #broken(reason: string): Scanned {
    const place = this.#state === 'after' ? { number: this.#count, line: this.#newlines + 1 } : this.#place();
    this.#state = 'broken';
    this.#window.start = this.#window.end;
    return { kind: 'broken', place, reason };
  }

  /** Where the element stands that has not ended yet. */
  #place(): RecordPlace {
    const line = this.#state === 'before' ? this.#newlines + 1 : this.#line;
    return { number: this.#count + 1, line };
  }
}
