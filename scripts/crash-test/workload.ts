// What the crash test publishes: every event follows from the seed and its number alone, so that the client, the
// handlers and the judge agree on it without asking each other.

import { mulberry32 } from '../random.js';

/** JSON data, or a text in bytes: one handler each. */
export type WorkType = 'note' | 'blob';

export interface Work {
  /** Its number, which no other event of the store has. */
  readonly n: number;
  readonly type: WorkType;
  readonly key: string | null;
  readonly id: string | null;
  readonly text: string;
}

export interface Note {
  readonly n: number;
  readonly text: string;
}

/** Numbers one life may use; below the lines of the file. */
export const numbersPerLife = 65_536;
/** Number of the first line of the consumed file. */
export const lineNumberFirst = 0x8000_0000;

const keysHot = 3;
const keysOther = 47;
const textSizeMin = 10;
const textSizeMax = 20_000;
/** Bytes of a blob before its text: the number. */
const blobHead = 4;

export function workOf(seed: number, n: number): Work {
  const random = mulberry32(Math.imul(seed, 0x9e3779b1) ^ Math.imul(n, 0x85ebca6b));
  const isLine = n >= lineNumberFirst;
  const type = !isLine && random() < 0.4 ? 'blob' : 'note';
  // Most are small, and a few as large as it gets.
  const size = Math.floor(textSizeMin * (textSizeMax / textSizeMin) ** (random() ** 6));
  const letter = String.fromCharCode(0x61 + Math.floor(random() * 26));
  const id = !isLine && random() < 0.2 ? `id-${n}` : null;
  return { n, type, key: keyFrom(random(), random()), id, text: `${n} ${letter.repeat(size)}` };
}

function keyFrom(kind: number, which: number): string | null {
  if (kind < 0.1) return null;
  if (kind < 0.5) return `hot-${Math.floor(which * keysHot)}`;
  return `key-${Math.floor(which * keysOther)}`;
}

/** What the event carries. */
export function dataOf({ n, type, text }: Work): Note | Uint8Array {
  if (type === 'note') return { n, text };
  const bytes = Buffer.alloc(blobHead + text.length);
  bytes.writeUInt32LE(n);
  bytes.write(text, blobHead, 'latin1');
  return bytes;
}

/** The line of the consumed file that holds the event. */
export function lineOf(work: Work): string {
  return `${JSON.stringify({ type: work.type, key: work.key, data: dataOf(work) })}\n`;
}

/** What the event's handler gives for its data: a pure function, so that the judge can tell. */
export function resultOf(type: WorkType, data: Note | Uint8Array): Note | Uint8Array {
  if (type === 'note') {
    const { n, text } = data as Note;
    return { n, text: digestOf(Buffer.from(text, 'latin1')).toString(16) };
  }
  const bytes = Buffer.from(data as Uint8Array);
  const result = Buffer.alloc(2 * blobHead);
  bytes.copy(result, 0, 0, blobHead);
  result.writeUInt32LE(digestOf(bytes), blobHead);
  return result;
}

/** The number in what the store holds of an event or of its result. */
export function numberIn(stored: string | Uint8Array): number {
  return typeof stored === 'string' ? (JSON.parse(stored) as Note).n : Buffer.from(stored).readUInt32LE();
}

/** As the store and the logs show a value. */
export function shownValue(value: string | Uint8Array | Note): string {
  if (typeof value === 'string') return value;
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : JSON.stringify(value);
}

/** The 32-bit FNV-1a hash (Fowler, Noll and Vo, 1991). */
function digestOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < bytes.length; index += 1) hash = Math.imul(hash ^ bytes[index]!, 0x01000193);
  return hash >>> 0;
}
