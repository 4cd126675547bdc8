// What names a cell: the fields of its specification, always in the same order. Knows nothing of what was measured.

import type { CellSpec } from './report.js';

export const specFields = [
  'workload',
  'threads',
  'events',
  'keys',
  'keyCount',
  'payload',
  'intake',
  'durability',
  'batchSizeMax',
] as const satisfies readonly (keyof CellSpec)[];

/** Equal for two cells that differ in none of the fields but those left out. */
export function cellKey(spec: CellSpec, leftOut: readonly (keyof CellSpec)[] = []): string {
  return JSON.stringify(specFields.filter((field) => !leftOut.includes(field)).map((field) => spec[field]));
}

/** The whole specification on one line, for a person. */
export function cellName(spec: CellSpec): string {
  const { workload, threads, events, keys, keyCount, payload, intake, durability, batchSizeMax } = spec;
  const who = `${workload}, ${threads} ${threads === 1 ? 'thread' : 'threads'}, ${events.toLocaleString('en-US')} events`;
  return `${who}, ${keysText({ keys, keyCount })}, ${payload}, ${intake} / ${durability}, batch ${batchSizeMax}`;
}

/** Such as `zipf 1,000`; how many keys there are says nothing where there is one or none. */
export function keysText({ keys, keyCount }: Pick<CellSpec, 'keys' | 'keyCount'>): string {
  return keys === 'one' || keys === 'none' ? keys : `${keys} ${keyCount.toLocaleString('en-US')}`;
}
