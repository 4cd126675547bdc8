// What the judge asks of the log of acceptance: all of it is in the journal, at the position the receipt named, in the
// order of the receipts; and an id was accepted once.

import type { Findings } from './findings.js';
import type { JournalFound } from './judge-events.js';
import { type AcceptedLine, logPath, readLines } from './line-log.js';
import { dataOf, resultOf, shownValue, workOf } from './workload.js';

/** Gives the number of accepted events. */
export function judgeAccepted(
  { folder, seed, lives }: { folder: string; seed: number; lives: number },
  { journal, findings }: { journal: JournalFound; findings: Findings },
): number {
  const told = new Set<number>();
  const accepted = new Set<number>();
  let last = 0;
  for (let life = 1; life <= lives; life += 1) {
    for (const [n, position, duplicate, stored] of readLines<AcceptedLine>(
      logPath(folder, { log: 'accepted', life }),
    )) {
      told.add(n);
      const found = journal.positions.get(n);
      if (found === undefined) findings.add('lost', `event ${n} was accepted as ${position} and is not in the journal`);
      else if (found !== position) findings.add('other', `event ${n} was accepted as ${position}, is at ${found}`);
      if (duplicate === 1) {
        const work = workOf(seed, n);
        if (stored !== null && stored !== shownValue(resultOf(work.type, dataOf(work)))) {
          findings.add('other', `the receipt of duplicate ${work.id} brought ${stored}`);
        }
        continue;
      }
      if (accepted.has(n)) findings.add('duplicates', `event ${n} was accepted twice, the second time as ${position}`);
      accepted.add(n);
      if (position <= last) findings.add('outOfOrder', `event ${position} was accepted after ${last}`);
      last = position;
    }
  }
  return told.size;
}
