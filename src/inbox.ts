// What callbacks have noted for the pump, until its next turn takes it in.

import type { KeylaneError } from './errors.js';
import type { Flight } from './flights.js';
import type { Group } from './group.js';
import type { BatchReport } from './pool/messages.js';
import type { GroupResult, JournalPage, LanePage, LanePageRequest } from './store/messages.js';

/** What the writer said, in its order. */
export type WriterNews =
  | { readonly group: Group; readonly result: GroupResult }
  | { readonly page: JournalPage }
  | { readonly lanePage: LanePage; readonly asked: LanePageRequest }
  | { readonly takeIn: () => void };

/** What callbacks have noted since the last turn. */
export interface Inbox {
  reports: { flight: Flight; report: BatchReport }[];
  writer: WriterNews[];
  trouble: unknown[];
}

export function emptyInbox(): Inbox {
  return { reports: [], writer: [], trouble: [] };
}

/** What is to be done with an answer of the writer. */
interface Answer {
  takeIn(): void;
  refuse(error: KeylaneError): void;
}

/** Answers that no turn has taken in yet: somebody waits for each of them, whatever becomes of the pump. */
export class Untaken {
  readonly #answers = new Set<Answer>();

  /** Gives what a turn is to do with it. */
  note(answer: Answer): { takeIn(): void } {
    this.#answers.add(answer);
    const takeIn = (): void => {
      this.#answers.delete(answer);
      answer.takeIn();
    };
    return { takeIn };
  }

  /** No turn comes any more: by an error, or after an orderly end. */
  end(error: KeylaneError | null): void {
    for (const answer of this.#answers) {
      if (error === null) answer.takeIn();
      else answer.refuse(error);
    }
    this.#answers.clear();
  }
}
