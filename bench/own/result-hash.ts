// What became of each event, as one number per position: that an outcome was not found, that it failed, or a hash of its
// results. Two runs are compared by these, which are small enough to be kept for a million events.

import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';

export const noOutcome = 0;
export const hasFailed = 1;
const isNothing = 2;

const offset = 0x811c9dc5;
const prime = 0x01000193;

/** Of an encoded result; never one of the two above. FNV-1a over its units, with its kind in front. */
export function resultHash(result: string | Uint8Array | null): number {
  if (result === null) return isNothing;
  let hash = Math.imul(offset ^ (typeof result === 'string' ? 116 : 98), prime);
  if (typeof result === 'string') {
    for (let index = 0; index < result.length; index += 1) hash = Math.imul(hash ^ result.charCodeAt(index), prime);
  } else {
    for (let index = 0; index < result.length; index += 1) hash = Math.imul(hash ^ result[index]!, prime);
  }
  return Math.max(isNothing + 1, hash >>> 0);
}

/** Of an event's results together, in the order of its handlers; of one it is its own. */
export function joinedHash(hashes: readonly number[]): number {
  for (const what of [hasFailed, noOutcome]) if (hashes.includes(what)) return what;
  const sum = hashes.reduce((total, hash, place) => (total + Math.imul(hash, 2 * place + 1)) | 0, 0);
  return Math.max(isNothing, sum >>> 0);
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
