// What a planted fault is, and all of them.

import { changingFaults } from './changing-faults.js';
import { coreFaults } from './core-faults.js';
import { emitFaults } from './emit-faults.js';
import { outcomeFaults } from './outcome-faults.js';
import { poolFaults } from './pool-faults.js';
import { storeFaults } from './store-faults.js';

export interface Fault {
  readonly name: string;
  readonly file: string;
  /** A text that the file holds once, and what stands there instead. */
  readonly from: string;
  readonly to: string;
  /** Tests that run the sources and should notice; those of the core unless others are named, here or below. */
  readonly tests?: readonly string[];
  /** Tests that run the built package and should notice. */
  readonly built?: readonly string[];
}

export const faults: readonly Fault[] = [
  ...[...coreFaults, ...changingFaults, ...emitFaults],
  ...[...outcomeFaults, ...poolFaults, ...storeFaults],
];

/** Why faults cannot be planted as they are written down; `read` gives the text of a file. */
export function misfits(read: (file: string) => string): string[] {
  return faults.flatMap(({ name, file, from, to }) => {
    const count = read(file).split(from).length - 1;
    if (from === to) return [`"${name}" changes nothing`];
    return count === 1 ? [] : [`"${name}" needs a text once that ${file} holds ${count} times: ${from}`];
  });
}
