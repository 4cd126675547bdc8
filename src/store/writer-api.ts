// What the main thread may ask of the writer thread, and the envelope in which every answer comes. An error thrown
// across the wire would lose its code and its cause, so none is thrown: it travels as a reply.

import { type ErrorRecord, KeylaneError, type KeylaneErrorCode } from '../errors.js';
import type { KeyState } from '../keyed-state.js';
import { recordOf } from './database.js';
import type { DeadLettersRequest, DeadLettersResult } from './dead-letter-messages.js';
import type { CancelRequest, CancelResult, EventOutcomes, OutcomesRequest } from './event-messages.js';
import type { HandlersAdded, HandlersKnown, OwedParked, OwedRequest } from './handler-messages.js';
import type {
  GroupRequest,
  GroupResult,
  JournalPage,
  JournalStart,
  LanePage,
  LanePageRequest,
  OpenRequest,
  OpenResult,
  PageRequest,
  PartitionStart,
  Repeat,
  StatesRequest,
  Watermark,
} from './messages.js';

export type Reply<Value> = { readonly ok: true; readonly value: Value } | Refusal;

/** A KeylaneError on its way. */
export interface Refusal {
  readonly ok: false;
  readonly code: KeylaneErrorCode;
  readonly message: string;
  readonly cause: ErrorRecord | null;
}

/** An answer, or that something sent before must come first: the call will be sent again. */
export type InTurn<Value> = Reply<Value> | 'out-of-turn';

/**
 * The verbs of the writer thread. `open` comes first. Those with a turn are numbered as they are sent, from 0: one that
 * finds no room on the disk (`store-full`) has not been carried out, and its turn is still to come. After `abort`, or a
 * `close` that is carried out, the thread ends.
 */
export interface WriterApi {
  open(request: OpenRequest): Reply<OpenResult>;
  openPartition(turn: number, name: string, how: Repeat): InTurn<PartitionStart>;
  openJournal(turn: number, how: { isVolatile: boolean } & Repeat): InTurn<JournalStart>;
  parkOwed(turn: number, request: OwedRequest): InTurn<OwedParked>;
  addHandlers(turn: number, request: HandlersAdded): InTurn<HandlersKnown>;
  removeHandler(turn: number, index: number): InTurn<null>;
  readJournal(turn: number, request: PageRequest): InTurn<JournalPage>;
  readLane(turn: number, request: LanePageRequest): InTurn<LanePage>;
  deadLetters(turn: number, request: DeadLettersRequest, how: Repeat): InTurn<DeadLettersResult>;
  cancel(turn: number, request: CancelRequest): InTurn<CancelResult>;
  readOutcomes(turn: number, request: OutcomesRequest): InTurn<readonly EventOutcomes[]>;
  readStates(turn: number, request: StatesRequest): InTurn<readonly (KeyState | null)[]>;
  setFingerprint(turn: number, partition: number, text: string): InTurn<null>;
  append(turn: number, group: GroupRequest): InTurn<GroupResult>;
  check(turn: number): InTurn<null>;
  close(turn: number, watermarks: readonly Watermark[]): InTurn<null>;
  abort(): Reply<null>;
}

/** The only names that a message may call. */
export const writerMethods: readonly string[] = [
  'open',
  'openPartition',
  'openJournal',
  'parkOwed',
  'addHandlers',
  'removeHandler',
  'readJournal',
  'readLane',
  'deadLetters',
  'cancel',
  'readOutcomes',
  'readStates',
  'setFingerprint',
  'append',
  'check',
  'close',
  'abort',
] satisfies (keyof WriterApi)[];

/** The writer thread's gate: calls are carried out in the order of their turns, and each turn once. */
export class Turnstile {
  #turn = 0;

  pass<Value>(turn: number, run: () => Value): InTurn<Value> {
    if (turn !== this.#turn) return 'out-of-turn';
    const reply = replyOf(run);
    if (reply.ok || reply.code !== 'store-full') this.#turn += 1;
    return reply;
  }
}

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
  throw errorIn(reply);
}

/** The error that a reply carries. */
export function errorIn({ code, message, cause }: Refusal): KeylaneError {
  return new KeylaneError(code, message, cause === null ? {} : { cause });
}
