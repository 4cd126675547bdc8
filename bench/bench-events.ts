// The events of a cell: all of them follow from their numbers, so that whoever knows the specification knows which key
// and which result each must have.

import type { Payload } from './handlers.js';
import type { CellSpec } from './report.js';
import { calculated, roundsOf, type Workload } from './workloads.js';

export const keyNames = ['uniform', 'zipf', 'one-hot', 'one', 'none'] as const;
export type Keys = (typeof keyNames)[number];

/** Encoded sizes, roughly; `-bytes` are given as a Uint8Array, the others as JSON. */
export const payloadSizes = {
  '100B': 100,
  '10kB': 10_000,
  '1MB': 1_000_000,
  '100B-bytes': 100,
  '10kB-bytes': 10_000,
  '1MB-bytes': 1_000_000,
} as const;
export type PayloadName = keyof typeof payloadSizes;

/** What JSON adds to the padding: braces, names and a number. */
const jsonOverhead = 20;

const zipfExponent = 1.1;
const zipfPicks = 65_536;

export interface BenchEvent {
  readonly type: Workload;
  readonly key: string | null;
  readonly data: Payload;
}

export class BenchEvents {
  readonly workload: Workload;
  readonly #names: readonly string[];
  readonly #keyIndexOf: (n: number) => number;
  readonly #payloadOf: (n: number) => Payload;
  readonly #sizeInResult: number;
  readonly #calculated: (seed: number) => number;

  constructor({ workload, keys, keyCount, payload }: Pick<CellSpec, 'workload' | 'keys' | 'keyCount' | 'payload'>) {
    this.workload = workload as Workload;
    this.#names = Array.from({ length: keyCount }, (_, index) => `key-${index}`);
    this.#keyIndexOf = keyIndexes(keys as Keys, keyCount);
    const size = payloadSizes[payload as PayloadName];
    const isBytes = payload.endsWith('-bytes');
    this.#sizeInResult = isBytes ? size : size - jsonOverhead;
    this.#payloadOf = isBytes ? bytesOf(size) : jsonOf(this.#sizeInResult);
    this.#calculated = calculated(roundsOf[this.workload]);
  }

  event(n: number): BenchEvent {
    return { type: this.workload, key: this.keyOf(n), data: this.#payloadOf(n) };
  }

  *range(first: number, end: number): Generator<BenchEvent> {
    for (let n = first; n < end; n += 1) yield this.event(n);
  }

  keyOf(n: number): string | null {
    return this.#names[this.#keyIndexOf(n)] ?? null;
  }

  /** Whether events of this key may have to wait for a hot one's; the hottest has the first name. */
  isHot(key: string | null): boolean {
    return key === this.#names[0];
  }

  /** The result that the handler must give. */
  resultOf(n: number): number {
    return this.#calculated(n + this.#sizeInResult);
  }
}

/** Gives the index of the key of an event; -1 for none. */
function keyIndexes(keys: Keys, keyCount: number): (n: number) => number {
  // Prime, so that it visits all keys, and neighbours have different ones.
  const uniform = (n: number): number => (n * 7919) % keyCount;
  switch (keys) {
    case 'uniform':
      return uniform;
    case 'zipf': {
      const picks = zipfTable(keyCount);
      return (n) => picks[scattered(n) >>> 16]!;
    }
    case 'one-hot':
      return (n) => (n % 2 === 0 ? 0 : 1 + ((n * 7919) % Math.max(1, keyCount - 1)));
    case 'one':
      return () => 0;
    case 'none':
      return () => -1;
    default:
      throw new Error(`keys must be one of ${keyNames.join(', ')}, got "${keys satisfies never}"`);
  }
}

/** Key indexes at evenly spaced quantiles of Zipf's distribution. */
function zipfTable(keyCount: number): Uint32Array {
  const weights = Array.from({ length: keyCount }, (_, index) => (index + 1) ** -zipfExponent);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const picks = new Uint32Array(zipfPicks);
  let index = 0;
  let below = weights[0]!;
  for (let pick = 0; pick < zipfPicks; pick += 1) {
    while (below < (total * (pick + 0.5)) / zipfPicks && index < keyCount - 1) {
      index += 1;
      below += weights[index]!;
    }
    picks[pick] = index;
  }
  return picks;
}

/** A number as if drawn by chance, the same for the same `n`: the finalizer of MurmurHash3. */
function scattered(n: number): number {
  let x = n | 0;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

function jsonOf(length: number): (n: number) => Payload {
  const padding = 'x'.repeat(length);
  return (n) => ({ n, padding });
}

/** Always the same array: publishing takes a copy. */
function bytesOf(length: number): (n: number) => Payload {
  const bytes = new Uint8Array(length).fill(120);
  const view = new DataView(bytes.buffer);
  return (n) => {
    view.setUint32(0, n, true);
    return bytes;
  };
}
