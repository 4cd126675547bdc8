// Ordinary cells and cells of a variant in turns, so that what is beside them on the machine is beside both.

import type { CellRun } from '../cell.js';
import type { Lab } from '../lab.js';
import type { CellSpec } from '../report.js';
import type { Variant } from '../variant.js';

export interface Pairs {
  readonly without: readonly CellRun[];
  readonly having: readonly CellRun[];
}

/** Runs so many pairs, whose order changes from one to the next; `name` is for who watches. */
export async function cellPairs(
  lab: Lab,
  of: { name: string; spec: CellSpec; variant: Variant; pairs: number },
): Promise<Pairs> {
  const { name, spec, variant, pairs } = of;
  const [without, having]: [CellRun[], CellRun[]] = [[], []];
  for (let pair = 1; pair <= pairs; pair += 1) {
    lab.say(`${name}: ${variant}, pair ${pair} of ${pairs}`);
    const turns = [
      async () => without.push(await lab.cell({ spec, latency: null })),
      async () => having.push(await lab.cell({ spec, latency: null, variant })),
    ];
    for (const turn of pair % 2 === 0 ? turns.reverse() : turns) await turn();
  }
  return { without, having };
}
