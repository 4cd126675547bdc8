// What the main thread may ask of the writer thread, and the envelope in which every answer comes. An error thrown
// across the wire would lose its code and its cause, so none is thrown: it travels as a reply.

import { type ErrorRecord, KeylaneError, type KeylaneErrorCode } from '../errors.js';
import { recordOf } from './database.js';
import type {
  GroupRequest,
  GroupResult,
  JournalPage,
  JournalStart,
  OpenRequest,
  OpenResult,
  PageRequest,
  PartitionStart,
  Watermark,
} from './messages.js';

export type Reply<Value> =
  | { readonly ok: true; readonly value: Value }
  | {
      readonly ok: false;
      readonly code: KeylaneErrorCode;
      readonly message: string;
      readonly cause: ErrorRecord | null;
    };

/** The verbs of the writer thread. `open` comes first, `close` last: the thread ends after its reply. */
export interface WriterApi {
  open(request: OpenRequest): Reply<OpenResult>;
  openPartition(name: string): Reply<PartitionStart>;
  openJournal(how: { isVolatile: boolean }): Reply<JournalStart>;
  readJournal(request: PageRequest): Reply<JournalPage>;
  setFingerprint(partition: number, text: string): Reply<null>;
  append(group: GroupRequest): Reply<GroupResult>;
  close(watermarks: readonly Watermark[] | null): Reply<null>;
}

/** The only names that a message may call. */
export const writerMethods: readonly string[] = [
  'open',
  'openPartition',
  'openJournal',
  'readJournal',
  'setFingerprint',
  'append',
  'close',
] satisfies (keyof WriterApi)[];

/** Runs a verb in the writer thread and puts what comes of it into an envelope. Never throws. */
export function replyOf<Value>(run: () => Value): Reply<Value> {
  try {
    return { ok: true, value: run() };
  } catch (error) {
    if (error instanceof KeylaneError) {
      const cause = error.cause === undefined ? null : recordOf(error.cause);
      return { ok: false, code: error.code, message: error.message, cause };
    }
    const cause = recordOf(error);
    return { ok: false, code: 'store-failed', message: cause.message, cause };
  }
}

/** Opens an envelope in the main thread: gives the value or throws the KeylaneError. */
export function openReply<Value>(reply: Reply<Value>): Value {
  if (reply.ok) return reply.value;
  throw new KeylaneError(reply.code, reply.message, reply.cause === null ? {} : { cause: reply.cause });
}
