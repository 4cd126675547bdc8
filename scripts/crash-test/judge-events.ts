// What the judge asks of the journal: every row is an event that the client publishes, unchanged, and there only once.

import type { Database } from 'better-sqlite3';
import type { Findings } from './findings.js';
import { dataOf, numberIn, shownValue, workOf } from './workload.js';

/** The journal by number of event, and by position. */
export interface JournalFound {
  readonly positions: ReadonlyMap<number, number>;
  readonly numbers: ReadonlyMap<number, number>;
}

interface EventRow {
  readonly position: number;
  readonly id: string | null;
  readonly type: string;
  readonly key: string | null;
  readonly handler: string;
  readonly data: string | Buffer;
}

export function judgeEvents(db: Database, { seed, findings }: { seed: number; findings: Findings }): JournalFound {
  const positions = new Map<number, number>();
  const numbers = new Map<number, number>();
  const rows = db.prepare(`
    SELECT position, event.id AS id, type, key, name AS handler, data
    FROM event JOIN handler ON handler.id = event.handler ORDER BY position`);
  for (const { position, id, type, key, handler, data } of rows.iterate() as Iterable<EventRow>) {
    const n = numberIn(data);
    const work = workOf(seed, n);
    const isAsPublished = id === work.id && type === work.type && key === work.key && handler === work.type;
    if (!isAsPublished || shownValue(data) !== shownValue(dataOf(work))) {
      findings.add('other', `event ${position} is not as it was published`);
    }
    const first = positions.get(n);
    if (first !== undefined) {
      findings.add('duplicates', `events ${first} and ${position} are the same, ${id === null ? 'without id' : id}`);
    }
    positions.set(n, first ?? position);
    numbers.set(position, n);
  }
  return { positions, numbers };
}
