// The events that every peer handles: numbered, about 100 bytes when encoded, with the keys a cell asks for.

import type { Workload } from '../work.js';

export interface PeerCell {
  readonly workload: Workload;
  readonly threads: number;
  readonly events: number;
  /** `one-hot`: half of the events have one key. */
  readonly keys: 'uniform' | 'zipf' | 'one-hot' | 'one' | 'none';
  readonly keyCount: number;
}

export interface PeerEvent {
  readonly n: number;
  readonly type: Workload;
  readonly key: string | null;
  readonly data: { readonly n: number; readonly padding: string };
}

/** The same events in the same order for the same cell. */
export function* peerEvents(cell: PeerCell): Generator<PeerEvent> {
  const padding = 'x'.repeat(80);
  const keyOf = keysOf(cell);
  for (let n = 0; n < cell.events; n += 1) {
    yield { n, type: cell.workload, key: keyOf(n), data: { n, padding } };
  }
}

function keysOf({ keys, keyCount }: PeerCell): (n: number) => string | null {
  const uniform = (n: number): string => `key-${(n * 7919) % keyCount}`;
  switch (keys) {
    case 'uniform':
      return uniform;
    case 'one-hot':
      return (n) => (n % 2 === 0 ? 'key-hot' : uniform(n));
    case 'one':
      return () => 'key-0';
    case 'none':
      return () => null;
    case 'zipf':
      return zipf(keyCount);
  }
}

/** Zipf's law with exponent 1.1: key k has the weight 1 / (k + 1) ** 1.1. */
function zipf(keyCount: number): (n: number) => string {
  const upTo = new Float64Array(keyCount);
  let sum = 0;
  for (let key = 0; key < keyCount; key += 1) {
    sum += (key + 1) ** -1.1;
    upTo[key] = sum;
  }
  return (n) => {
    const drawn = fraction(n) * sum;
    let [low, high] = [0, keyCount - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (upTo[middle]! < drawn) low = middle + 1;
      else high = middle;
    }
    return `key-${low}`;
  };
}

/** A number in [0, 1) that looks drawn, and depends on `n` alone (the mixer of MurmurHash3). */
function fraction(n: number): number {
  let mixed = n + 0x9e3779b9;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
}
