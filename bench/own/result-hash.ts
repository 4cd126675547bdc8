// What became of each event, as one number per position: that no outcome was found, that it failed, or a hash of its
// result. Two runs are compared by these, which are small enough to be kept for a million events.

import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';

export const noOutcome = 0;
export const hasFailed = 1;

const offset = 0x811c9dc5;
const prime = 0x01000193;

/** Of an encoded result; never one of the two above. FNV-1a over its units, with its kind in front. */
export function resultHash(result: string | Uint8Array | null): number {
  if (result === null) return 2;
  let hash = Math.imul(offset ^ (typeof result === 'string' ? 116 : 98), prime);
  if (typeof result === 'string') {
    for (let index = 0; index < result.length; index += 1) hash = Math.imul(hash ^ result.charCodeAt(index), prime);
  } else {
    for (let index = 0; index < result.length; index += 1) hash = Math.imul(hash ^ result[index]!, prime);
  }
  return Math.max(3, hash >>> 0);
}

/** Of all positions together, for a person to compare. */
export function checksumOf(hashes: Uint32Array): string {
  const bytes = new Uint8Array(hashes.buffer, hashes.byteOffset, hashes.byteLength);
  return createHash('sha256').update(bytes).digest('hex').slice(0, 12);
}

export function writeHashes(path: string, hashes: Uint32Array): void {
  writeFileSync(path, new Uint8Array(hashes.buffer, hashes.byteOffset, hashes.byteLength));
}

export function readHashes(path: string): Uint32Array {
  const bytes = readFileSync(path);
  return new Uint32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}
