// Which cells a run of the bench has: slices through workloads, threads, keys, payloads and settings, each with events
// for about a second; or every combination of what the command line names.

import { keyNames, type PayloadName, payloadSizes } from './bench-events.js';
import { cores } from './machine.js';
import type { CellSpec } from './report.js';
import { nominalUs, type Workload, workloadNames } from './workloads.js';

/** What is to be run; what a flag does not name has one value. */
export interface Axes {
  readonly workloads: readonly string[];
  readonly threads: readonly number[];
  readonly payloads: readonly string[];
  readonly keys: readonly string[];
  readonly intake: readonly CellSpec['intake'][];
  readonly durability: readonly CellSpec['durability'][];
}

export const axisChoices = {
  workloads: workloadNames,
  payloads: Object.keys(payloadSizes),
  keys: keyNames,
  intake: ['memory', 'journal'],
  durability: ['process', 'power'],
} as const;

const threadCounts = [...new Set([1, 2, cores])];

export const defaultAxes: Axes = {
  ...{ workloads: ['no-op', '60us', '600us', '5ms'], threads: threadCounts, payloads: ['100B'], keys: ['uniform'] },
  ...{ intake: ['memory'], durability: ['process'] },
};

/** Bytes of payload that a cell publishes at most. */
const payloadBytesMax = 200_000_000;

/** A cell with events for about `seconds`, on the cores there are. */
export function cellOf(given: Partial<CellSpec>, seconds = 1.5): CellSpec {
  const spec = {
    ...{ workload: 'no-op', threads: cores, keys: 'uniform', keyCount: 1000, payload: '100B', batchSizeMax: 1024 },
    ...({ intake: 'memory', durability: 'process' } as const),
    ...given,
  };
  const us = nominalUs[spec.workload as Workload];
  const lanes = spec.keys === 'one' ? 1 : spec.keys === 'one-hot' ? 2 : spec.threads;
  const threads = spec.workload === 'no-op' ? 1 : Math.min(lanes, spec.threads, cores);
  const fitting = payloadBytesMax / payloadSizes[spec.payload as PayloadName];
  const events = Math.max(10, Math.ceil(Math.min((threads * seconds * 1e6) / us, fitting)));
  return { ...spec, events: given.events ?? events };
}

/** Every combination. */
export function crossed(axes: Axes, seconds?: number): CellSpec[] {
  return axes.workloads.flatMap((workload) =>
    axes.threads.flatMap((threads) =>
      axes.payloads.flatMap((payload) =>
        axes.keys.flatMap((keys) =>
          axes.intake.flatMap((intake) =>
            axes.durability.map((durability) =>
              cellOf({ workload, threads, payload, keys, intake, durability }, seconds),
            ),
          ),
        ),
      ),
    ),
  );
}

/** One slice along each axis, the rest of it as in `defaultAxes`. */
export function slices(): CellSpec[] {
  const keyed = ['zipf', 'one-hot', 'one', 'none'];
  const sizes = Object.keys(payloadSizes).filter((payload) => payload !== '100B');
  return [
    ...crossed(defaultAxes),
    ...keyed.map((keys) => cellOf({ workload: '60us', keys })),
    ...sizes.map((payload) => cellOf({ payload })),
    cellOf({ durability: 'power' }),
    cellOf({ intake: 'journal' }),
    cellOf({ intake: 'journal', durability: 'power' }),
    ...[16, 64, 256].map((batchSizeMax) => cellOf({ workload: '60us', batchSizeMax })),
  ];
}

/** Seconds in all, and yet each kind of key, payload and setting once. */
export function smokeCells(): CellSpec[] {
  const seconds = 0.05;
  return [
    cellOf({}, seconds),
    cellOf({ intake: 'journal', durability: 'power' }, seconds),
    cellOf({ keys: 'zipf', payload: '10kB-bytes', intake: 'journal' }, seconds),
    cellOf({ workload: '60us', threads: 1 }, seconds),
    cellOf({ workload: '60us', keys: 'one-hot' }, seconds),
    cellOf({ workload: '600us', keys: 'none', payload: '1MB', events: 20 }, seconds),
    cellOf({ workload: '5ms', keys: 'one', events: 10 }, seconds),
  ];
}
