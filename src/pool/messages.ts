// The types that cross between the main thread and the handler threads, and nothing else. Only plain values cross.
// Per batch there is one message each way; per event there is a share of its arrays, never an object.

import type { HandlerTable, Policy } from '../handler.js';
import type { JoinedEvents } from '../joined-events.js';
import type { JoinedStates, LeftStates } from '../joined-states.js';
import type { EmitLimits } from './emitter.js';

/** Numbers of one event in BatchMessage.numbers, in this order. */
export const numberOf = { partition: 0, position: 1, handler: 2, attempt: 3, postponed: 4, run: 5 } as const;
export const numbersPerEvent = 6;

/** `numberOf.run` of an event that no other of its batch has to wait for. */
export const noRun = -1;

/** Main thread to handler thread: run these events, in this order. */
export interface BatchMessage extends JoinedEvents {
  readonly kind: 'batch';
  /** Which of the pool's places the batch takes: the index of its marks in `Progress`. */
  readonly place: number;
  /** Names of the batch's partitions, by the index that `numbers` carries. */
  readonly partitions: Readonly<Record<number, string>>;
  /** numbersPerEvent an event, see numberOf; events of one lane have the same `run`. */
  readonly numbers: Float64Array;
  /** The context of the batch's span, as a propagator carries it; left out where nothing is traced. */
  readonly trace?: Readonly<Record<string, string>>;
  /** With which state each run of a handler that keeps some begins; left out where none does. */
  readonly states?: JoinedStates;
}

/** Handler thread to main thread: what came of a batch. */
export interface BatchReport {
  /** A HandlerResult per event, in the batch's order. */
  readonly results: Uint8Array;
  /** Rows of the events that were tried (see RowsBuilder), in the batch's order; forwarded unread. */
  readonly rows: ArrayBuffer;
  readonly rowCount: number;
  /** How many events it dead-letters. */
  readonly failedCount: number;
  /** Per event, how long to wait before the next try, in ms; null when no event is to be tried again. */
  readonly delaysMs: Float64Array | null;
  /** Per event, how long its try took, in microseconds; 0 where there was none. */
  readonly durationsUs: Float32Array;
  /** Time spent in handlers and codecs, in microseconds, and the thread that spent it; 0 where none has. */
  readonly busyUs: number;
  readonly threadId: number;
  /** Of a thread that died: how many of its events, from the first, had run, whatever becomes of them. */
  readonly ran?: number;
  /** How much the used heap of the thread has grown since its first batch; 0 where nobody asked for it. */
  readonly heapGrowthBytes: number;
  /** The states that it changed, each once, as the last event of a run that did has left it; left out without any. */
  readonly states?: LeftStates;
  /** What its events have emitted; left out where that is nothing. */
  readonly emitted?: EmittedEvents;
}

/** Emitted events, in the order of the events that emitted them and of their calls. */
export interface EmittedEvents {
  readonly events: JoinedEvents;
  /** For each, the index in the batch of the event that emitted it. */
  readonly by: Int32Array;
}

/** Main thread to handler thread, at the end: run `teardown()`. A thread runs it once, however often it is told. */
export interface TearDownMessage {
  readonly kind: 'tear-down';
}

export type PoolMessage = BatchMessage | TearDownMessage;

/** Handler thread to main thread: the answer to a PoolMessage. `failed`: the thread cannot do what it was told. */
export type PoolAnswer =
  /** The batch was run; its report went ahead as ThreadNews. */
  | { readonly kind: 'ran' }
  | { readonly kind: 'torn-down'; readonly threadId: number }
  | { readonly kind: 'failed'; readonly reason: string };

/**
 * Handler thread to main thread, over the thread's own port, which is emptied even after the thread has died: what was
 * reported is never lost. A handlers module can use that port as well, so the kinds say whose they are.
 */
export type ThreadNews =
  /** Once per thread: our own code is loaded. */
  | { readonly kind: 'keylane-begun' }
  /** Once per thread: the module is loaded and `setup()` done. */
  | { readonly kind: 'keylane-ready'; readonly threadId: number }
  /** Once per thread, instead: the module cannot be loaded, or `setup()` failed. */
  | { readonly kind: 'keylane-failed'; readonly reason: string }
  | { readonly kind: 'keylane-report'; readonly place: number; readonly report: BatchReport };

/** What the pre-flight thread is given at its start. */
export interface PreflightThreadData {
  /** URL of the handlers module, as text. */
  readonly handlersUrl: string;
  /** The export that defines its handlers. */
  readonly exportName: string;
}

/** Where handlers come from, and what pre-flight found there. */
export interface HandlerSource {
  /** URL of the module, as text. */
  readonly url: string;
  /** The export of it that defines them. */
  readonly exportName: string;
  readonly table: HandlerTable;
  /** Whether all of them went: then nothing of it is loaded, and their indexes stay. */
  readonly isGone?: boolean;
}

/** Pre-flight thread to main thread, once: what it found. */
export type PreflightNews =
  | { readonly kind: 'keylane-table'; readonly table: HandlerTable }
  | { readonly kind: 'keylane-refused'; readonly reason: string };

/** What a handler thread is given at its start. */
export interface HandlerThreadData {
  /** The module, and what was added since; messages carry indexes into all of their handlers. */
  readonly sources: readonly HandlerSource[];
  /** By index of the handler, of all of them. */
  readonly policies: readonly Policy[];
  /** How often an event may ask to be tried later without its being counted. */
  readonly postponementsMax: number;
  /** Whether the journal holds the events of its partition; those of others are kept with their dead letters. */
  readonly isJournaled: boolean;
  readonly batchSizeMax: number;
  /** Size of a report (text units and bytes) at which the thread ends it and hands the rest of the batch back. */
  readonly reportSizeMax: number;
  readonly resultSizeMax: number;
  readonly errorSizeMax: number;
  readonly stateSizeMax: number;
  readonly emits: EmitLimits;
  /** Whether tries have spans. */
  readonly openTelemetry: boolean;
  /** Whether a state that a handler is given is frozen. */
  readonly freezeState: boolean;
  /** Wall clock minus monotonic clock, in microseconds: one value for all threads, so that their times compare. */
  readonly epochOffsetUs: number;
  /** Whether reports say how much the heap has grown. */
  readonly measuresHeap: boolean;
  /** How far the batch in each place has come, see Progress. */
  readonly progress: SharedArrayBuffer;
}
