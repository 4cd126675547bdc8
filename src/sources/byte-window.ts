// The bytes of an input that have been read and not yet given out as records: one buffer that grows to the longest
// record and no further, whatever the sizes of the chunks. It also decodes, since it knows what it has checked.

import { isAscii, isUtf8 } from 'node:buffer';

/** What is known of the bytes up to `#checkedTo`. */
type Checked = 'ascii' | 'utf8' | 'mixed';

const capacityMin = 64 * 1024;

export class ByteWindow {
  /** The buffer; what counts is `start` to `end`. Replaced or moved by `append`, which is when offsets change. */
  bytes: Buffer = Buffer.alloc(0);
  /** Offset of the first byte not given out; moved on by whoever gives bytes out. */
  start = 0;
  #checkedTo = 0;
  #checked: Checked = 'ascii';
  #storage: Buffer = Buffer.alloc(0);

  /** Offset after the last byte. */
  get end(): number {
    return this.bytes.length;
  }

  /** Adds a chunk after the last byte. The bytes not given out move to the front: gives back by how much. */
  append(chunk: Uint8Array): number {
    const moved = this.start;
    const kept = this.end - moved;
    const needed = kept + chunk.length;
    let storage = this.#storage;
    if (storage.length < needed) storage = Buffer.allocUnsafe(Math.max(capacityMin, 2 * needed));
    this.bytes.copy(storage, 0, moved, this.end);
    storage.set(chunk, kept);
    this.#storage = storage;
    // A view that ends where the bytes end, so that a search in it cannot find what an earlier chunk left behind.
    this.bytes = storage.subarray(0, needed);
    this.start = 0;
    this.#checkedTo = Math.max(0, this.#checkedTo - moved);
    return moved;
  }

  /** Forgets the bytes from an offset on. */
  cut(end: number): void {
    this.bytes = this.bytes.subarray(0, end);
    this.#checkedTo = Math.min(this.#checkedTo, end);
  }

  /** The text of some bytes that begin and end at a character; null when they are not valid UTF-8. */
  text(from: number, to: number): string | null {
    if (to > this.#checkedTo) this.#check(from, to);
    switch (this.#checked) {
      case 'ascii':
        return this.bytes.toString('latin1', from, to);
      case 'utf8':
        return this.bytes.toString('utf8', from, to);
      case 'mixed':
        return isUtf8(this.bytes.subarray(from, to)) ? this.bytes.toString('utf8', from, to) : null;
    }
  }

  /** Checks everything from here to the last whole character at once: one call where each record would need its own. */
  #check(from: number, to: number): void {
    let end = this.end;
    while (end > to && this.bytes[end - 1]! >= 0x80) end -= 1;
    const region = this.bytes.subarray(from, end);
    this.#checked = isAscii(region) ? 'ascii' : isUtf8(region) ? 'utf8' : 'mixed';
    this.#checkedTo = end;
  }
}
