// The options that are swept, and which values of each are tried.

import { optionTable } from '../../src/options.js';
import { idleShareMax } from './limits.js';

/** A value for each option that is swept; the names are those of the options. */
export interface Setting {
  readonly threads: number;
  readonly batchTargetMs: number;
  readonly groupWaitMs: number;
  readonly groupSizeMax: number;
}

/** In the order in which they are swept: what matters most comes first. */
export const axes = ['threads', 'batchTargetMs', 'groupWaitMs', 'groupSizeMax'] as const satisfies (keyof Setting)[];

export type Axis = (typeof axes)[number];

/** The default is always one of them. */
export const candidates: Readonly<Record<Exclude<Axis, 'threads'>, readonly number[]>> = {
  batchTargetMs: withDefault('batchTargetMs', [2, 5, 25, 60]),
  groupWaitMs: withDefault('groupWaitMs', [0, 3, 30]),
  groupSizeMax: withDefault('groupSizeMax', [512, 16_384]),
};

const threadsMost = optionTable.threads.max;

/** One, doubled up to the cores, and the cores; beyond them only where handlers wait for something. */
export function threadCandidates({ cores, idleShare }: { cores: number; idleShare: number }): number[] {
  const doubled = Array.from({ length: 8 }, (_, power) => 2 ** power).filter((count) => count <= cores);
  const beyond = idleShare <= idleShareMax ? [] : [2, 4, 8].map((times) => times * cores);
  return [...new Set([...doubled, cores, ...beyond])].filter((count) => count <= threadsMost).sort((a, b) => a - b);
}

export function settingText(setting: Partial<Setting>): string {
  return axes
    .filter((axis) => setting[axis] !== undefined)
    .map((axis) => `${axis} ${setting[axis]?.toLocaleString('en-US')}`)
    .join(', ');
}

function withDefault(axis: Exclude<Axis, 'threads'>, others: readonly number[]): number[] {
  return [...others, optionTable[axis].default].sort((a, b) => a - b);
}
