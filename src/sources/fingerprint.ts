// How a file is known again at the next start: by hashes of its beginning, at lengths that double. Only what lies below
// the stored outcomes counts, so that a file may be added to, and a bad record put right, but not be replaced.

import { createHash } from 'node:crypto';
import { RecordScanner } from './record-scanner.js';

/** Bytes at the beginning of a file that a fingerprint looks at. */
export const fingerprintBytesMax = 64 * 1024;

const lengthMin = 64;
const hashDigits = 16;

/** The fingerprint of a file with this beginning: `64=<hash> 128=<hash> …`, the last one over the whole of it. */
export function fingerprintOf(beginning: Uint8Array): string {
  const hashes = new RunningHash(beginning);
  const lengths: number[] = [];
  for (let length = lengthMin; length < beginning.length; length *= 2) lengths.push(length);
  lengths.push(beginning.length);
  return lengths.map((length) => `${length}=${hashes.upTo(length)}`).join(' ');
}

/**
 * Whether a file with this beginning is another than the one with this fingerprint, as far as its records below
 * `positionNext` go. A change between two of the lengths, or further in than a fingerprint looks, stays unnoticed.
 */
export function isAnotherFile(
  fingerprint: string,
  { beginning, positionNext }: { beginning: Uint8Array; positionNext: number },
): boolean {
  const hashes = new RunningHash(beginning);
  const scanner = new RecordScanner({ numberFirst: Number.POSITIVE_INFINITY, recordBytesMax: fingerprintBytesMax });
  let scanned = 0;
  for (const part of fingerprint.split(' ')) {
    const length = Number(part.split('=')[0]);
    const end = Math.min(length, beginning.length);
    scanner.push(beginning.subarray(scanned, end));
    scanned = end;
    while (scanner.next() !== null);
    // The record that begins before this length and does not end there has to be below, too.
    const last = scanner.bytesScanned === end ? scanner.count : scanner.count + 1;
    if (last >= positionNext) return false;
    if (length > beginning.length || part !== `${length}=${hashes.upTo(length)}`) return true;
  }
  return false;
}

/** Hashes of growing parts of some bytes, each byte hashed once. */
class RunningHash {
  readonly #bytes: Uint8Array;
  readonly #hash = createHash('sha256');
  #hashed = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** The hash of the first `length` bytes; lengths must rise. */
  upTo(length: number): string {
    this.#hash.update(this.#bytes.subarray(this.#hashed, length));
    this.#hashed = length;
    return this.#hash.copy().digest('hex').slice(0, hashDigits);
  }
}
