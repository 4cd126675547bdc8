// The judge of the crash test, in a process of its own: reads the finished store and the logs, and believes the logs.
// Called as `node judge.js <request as JSON>`; prints its verdict as JSON.

import Database from 'better-sqlite3';
import { type Fault, Findings } from './findings.js';
import { judgeAccepted } from './judge-accepted.js';
import { judgeEvents } from './judge-events.js';
import { judgeOutcomes } from './judge-outcomes.js';
import { judgeTries } from './judge-tries.js';

export interface JudgeRequest {
  readonly store: string;
  readonly folder: string;
  readonly seed: number;
  readonly lives: number;
  /** Lines of the consumed file. */
  readonly lines: number;
}

export interface Verdict extends Readonly<Record<Fault, number>> {
  /** Events that the client was told were accepted. */
  readonly accepted: number;
  readonly lines: number;
  readonly outcomes: number;
  readonly tries: number;
  readonly examples: readonly string[];
}

const request = JSON.parse(process.argv[2] as string) as JudgeRequest;
const db = new Database(request.store, { readonly: true, fileMustExist: true });
const findings = new Findings();
judgeStore();
const journal = judgeEvents(db, { seed: request.seed, findings });
const accepted = judgeAccepted(request, { journal, findings });
const tries = judgeTries(request, findings);
const outcomes = judgeOutcomes(db, { ...request, journal, ended: tries.ended, findings });
db.close();
const { counts, examples } = findings;
const verdict: Verdict = { accepted, lines: request.lines, outcomes, tries: tries.count, ...counts, examples };
console.log(JSON.stringify(verdict));

/** The file is sound, its last user closed it in order, and nothing is owed or suspected. */
function judgeStore(): void {
  const expected: readonly [string, unknown][] = [
    ['PRAGMA integrity_check', 'ok'],
    [`SELECT value FROM meta WHERE name = 'clean'`, 1],
    ['SELECT count(*) FROM pending_events', 0],
    ['SELECT count(*) FROM suspect', 0],
    ['SELECT count(*) FROM dead_letters', 0],
  ];
  for (const [sql, value] of expected) {
    const found = db.prepare(sql).pluck().get();
    if (found !== value) findings.add('other', `${sql} must give ${value}, gave ${found}`);
  }
}
