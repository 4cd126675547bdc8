// What callbacks have noted for the pump, until its next turn takes it in.

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
