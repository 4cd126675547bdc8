// Brings durable outcomes to whoever wants them: listeners by name, those who take them at their own pace, and
// receipts. It decodes what somebody wants, once, and nothing else.

import type { Announcer } from './announcer.js';
import type { Audience } from './audience.js';
import type { Slot } from './dispatch/ring-buffer.js';
import type { Identity } from './event.js';
import {
  isOutcome,
  type Outcome,
  type OutcomeRow,
  outcomeFrom,
  type RowNames,
  RowsReader,
  retryFrom,
  verdict,
} from './outcome.js';
import type { BatchReport } from './pool/messages.js';
import type { Receipts } from './receipts.js';
import type { EventOutcomes } from './store/event-messages.js';

/** What is told of a batch, or of what the main thread has decided itself. */
export type ReportedRows = Pick<BatchReport, 'rows' | 'failedCount' | 'delaysMs'>;

interface Parts {
  readonly announcer: Announcer;
  readonly audience: Audience;
  readonly receipts: Receipts;
  readonly names: RowNames;
  /** Reads what became of events; `act` is called in between what the writer said before and after. */
  read(events: readonly Identity[], act: (found: readonly EventOutcomes[]) => void): Promise<unknown>;
}

/** What of a report somebody wants. */
interface Interest {
  readonly all: boolean;
  readonly deadLetters: boolean;
  readonly retries: boolean;
  /** Whether single outcomes are wanted. */
  readonly some: boolean;
}

export class OutcomeNews {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Decodes what somebody wants to hear of a report, before its rows leave; gives back how to tell it. */
  inspect(report: ReportedRows, slots: readonly Slot[]): (() => void) | null {
    const { announcer, audience, receipts, names } = this.#parts;
    const all = announcer.listens('outcome');
    const deadLetters = report.failedCount > 0 && announcer.listens('deadLetter');
    const retries = report.delaysMs !== null && announcer.listens('retry');
    const some = all || audience.wantAny(slots, names.handler) || receipts.awaitAny(slots);
    if (!some && !deadLetters && !retries) return null;
    return this.#decode(report, { all, deadLetters, retries, some });
  }

  /** Tells outcomes of an event that the store has decided by itself, for some handlers. Resolves when that is done. */
  async tellStored(identity: Identity, handlers: readonly string[]): Promise<void> {
    const { announcer, audience, read } = this.#parts;
    if (!announcer.listens('outcome') && audience.isEmpty) return;
    await read([identity], ([found]) => {
      for (const outcome of found?.outcomes ?? []) if (handlers.includes(outcome.handler)) this.#tell(outcome);
    });
  }

  #decode(report: ReportedRows, interest: Interest): () => void {
    const { announcer, names } = this.#parts;
    const reader = new RowsReader(report.rows);
    const news: (() => void)[] = [];
    for (let index = 0; index < reader.count; index += 1) {
      const row = reader.next();
      if (!isOutcome(row)) {
        if (interest.retries) news.push(() => announcer.tell('retry', retryFrom(row, names)));
      } else if (this.#wants(row, interest)) {
        const outcome = outcomeFrom(row, names);
        news.push(() => this.#tell(outcome));
      }
    }
    return () => {
      for (const tell of news) tell();
    };
  }

  #wants(row: OutcomeRow, { all, deadLetters, some }: Interest): boolean {
    if (all || (deadLetters && row.verdict === verdict.deadLettered)) return true;
    const { audience, receipts, names } = this.#parts;
    if (!some) return false;
    const { type, key } = row;
    return (
      receipts.awaits(row.partition, row.position) || audience.wants({ type, key, handler: names.handler(row.handler) })
    );
  }

  #tell(outcome: Outcome): void {
    const { announcer, audience, receipts } = this.#parts;
    announcer.tell('outcome', outcome);
    if (outcome.status === 'dead-lettered') announcer.tell('deadLetter', outcome);
    audience.tell(outcome);
    receipts.heard(outcome);
  }
}
