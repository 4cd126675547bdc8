// Which cells and peers belong into one chart: those that differ in what the chart shows and in nothing else.

import { cellKey } from '../cell-key.js';
import type { BenchReport, CellSpec, CellSummary, PeerSummary } from '../report.js';
import { peersThatRan } from './tables.js';

/** For each workload the cells that differ only in threads, where there are two or more; in order of threads. */
export function threadCells({ cells }: BenchReport): CellSummary[][] {
  return largestOfEachWorkload(families(cells, ['threads', 'events'])).map((family) => {
    return distinct(family, ({ threads }) => threads).sort((a, b) => a.threads - b.threads);
  });
}

/** For each workload the cells that differ only in the largest batch. */
export function batchSizeCells({ cells }: BenchReport): CellSummary[][] {
  return largestOfEachWorkload(families(cells, ['batchSizeMax'])).map((family) => {
    return distinct(family, ({ batchSizeMax }) => batchSizeMax).sort((a, b) => a.batchSizeMax - b.batchSizeMax);
  });
}

/** For each workload the cells that differ only in what is stored and how safely, from the lightest to the safest. */
export function durabilityCells({ cells }: BenchReport): CellSummary[][] {
  return largestOfEachWorkload(families(cells, ['intake', 'durability', 'events'])).map((family) =>
    distinct(family, storeText).sort((a, b) => storeRank(a) - storeRank(b)),
  );
}

export function storeText({ intake, durability }: Pick<CellSpec, 'intake' | 'durability'>): string {
  return `${intake}/${durability}`;
}

/** A cell for each workload and number of threads that the machine has cores for. */
export function latencyCells({ cells }: BenchReport): CellSummary[] {
  const withCores = cells.filter(({ isOverCores }) => !isOverCores);
  return distinct(withCores, ({ workload, threads }) => `${workload}, ${threads}`);
}

/** Hash-sharding by workload, over kinds of keys, where keylane ran beside it. */
export function shardedPeers(report: BenchReport): PeerSummary[][] {
  const sharded = peersThatRan(report).filter(
    ({ name, keylaneOver }) => /hash.?shard/i.test(name) && keylaneOver !== null,
  );
  return grouped(sharded, ({ workload }) => workload)
    .map((peers) => peers.filter(({ threads }) => threads === Math.max(...peers.map((peer) => peer.threads))))
    .map((peers) => distinct(peers, ({ keys }) => keys))
    .filter((peers) => peers.length > 1);
}

/** Peers at the same work, where keylane ran beside them. */
export function peersAtSameWork(report: BenchReport): PeerSummary[][] {
  const compared = peersThatRan(report).filter(({ keylaneOver }) => keylaneOver !== null);
  const workOf = ({ workload, threads, keys, keylaneIntake = 'memory' }: PeerSummary): string =>
    JSON.stringify([workload, threads, keys, keylaneIntake ?? 'memory']);
  return grouped(compared, workOf).filter((peers) => peers.length > 1);
}

/** Cells equal in all fields but the free ones. One cell alone, or the same cell twice, makes no chart. */
function families(cells: readonly CellSummary[], free: readonly (keyof CellSpec)[]): CellSummary[][] {
  const shown = free.filter((field) => field !== 'events');
  const shownOf = (cell: CellSummary): string => JSON.stringify(shown.map((field) => cell[field]));
  return grouped(cells, (cell) => cellKey(cell, free)).filter((family) => distinct(family, shownOf).length > 1);
}

function largestOfEachWorkload(all: readonly CellSummary[][]): CellSummary[][] {
  return grouped(all, ([first]) => first?.workload ?? '').map((same) => {
    return same.reduce((best, one) => (one.length > best.length ? one : best));
  });
}

function grouped<T>(items: readonly T[], keyOf: (item: T) => string): T[][] {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return [...groups.values()];
}

/** The first of those that are equal in what is asked. */
function distinct<T>(items: readonly T[], keyOf: (item: T) => unknown): T[] {
  const seen = new Map<unknown, T>();
  for (const item of items) if (!seen.has(keyOf(item))) seen.set(keyOf(item), item);
  return [...seen.values()];
}

function storeRank({ intake, durability }: CellSpec): number {
  return (intake === 'journal' ? 2 : 0) + (durability === 'power' ? 1 : 0);
}
