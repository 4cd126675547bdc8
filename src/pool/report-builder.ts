// Builds the report of a batch from what came of its events. Handler threads use it for what they ran, the main thread
// for what a thread that died has left.

import { type EncodedEvent, journalPartition, sizeOf } from '../event.js';
import { type HandlerResult, handlerResult } from '../handler.js';
import { EventsJoiner } from '../joined-events.js';
import { joinStates, type LeftStates } from '../joined-states.js';
import type { StateAt } from '../keyed-state.js';
import { type RowsBuilder, type Verdict, verdict } from '../outcome.js';
import type { BatchReader } from './batch-reader.js';
import type { EndedTry } from './ended-try.js';
import { type BatchMessage, type BatchReport, type EmittedEvents, noRun } from './messages.js';

const verdicts: Readonly<Record<HandlerResult, Verdict | null>> = {
  [handlerResult.succeeded]: verdict.succeeded,
  [handlerResult.failed]: verdict.deadLettered,
  [handlerResult.skipped]: null,
  [handlerResult.retrying]: verdict.tryFailed,
  [handlerResult.postponed]: verdict.tryPostponed,
  [handlerResult.cancelled]: verdict.cancelled,
  [handlerResult.doubted]: null,
};

/** What is said of the batch as a whole; see BatchReport. */
interface Ended {
  readonly busyUs: number;
  readonly threadId: number;
  readonly heapGrowthBytes?: number;
  readonly ran?: number;
}

export class ReportBuilder {
  readonly #message: BatchMessage;
  readonly #rows: RowsBuilder;
  readonly #isJournaled: boolean;
  /** An event of which nothing is said was skipped. */
  readonly #results: Uint8Array;
  readonly #durationsUs: Float32Array;
  #delaysMs: Float64Array | null = null;
  #failedCount = 0;
  readonly #states: StateAt[] = [];
  /** By index of the event, once it has one. */
  readonly #rowOf: Int32Array;
  readonly #emitted: { readonly event: EncodedEvent; readonly by: number }[] = [];
  #emittedSize = 0;
  /** The run of the last of `#states`. */
  #stateRun = noRun;

  /** @param rows has no rows yet; it is empty again after `finish`. */
  constructor(message: BatchMessage, { rows, isJournaled }: { rows: RowsBuilder; isJournaled: boolean }) {
    this.#message = message;
    this.#rows = rows;
    this.#isJournaled = isJournaled;
    this.#results = new Uint8Array(message.count).fill(handlerResult.skipped);
    this.#durationsUs = new Float32Array(message.count);
    this.#rowOf = new Int32Array(message.count);
  }

  /** What came of the event at which the reader stands. */
  add(index: number, reader: BatchReader, ended: EndedTry): void {
    const { result } = ended;
    const verdictOfRow = verdicts[result];
    this.#results[index] = result;
    if (verdictOfRow === null) return;
    const isAgain = result === handlerResult.retrying || result === handlerResult.postponed;
    if (isAgain) {
      this.#delaysMs ??= new Float64Array(this.#message.count);
      this.#delaysMs[index] = ended.delayMs;
    }
    if (result === handlerResult.failed) this.#failedCount += 1;
    for (const event of ended.emitted ?? []) {
      this.#emitted.push({ event, by: index });
      this.#emittedSize += sizeOf(event);
    }
    const { startedAtUs, durationUs } = ended;
    this.#durationsUs[index] = durationUs;
    this.#rowOf[index] = this.#rows.count;
    const isKept = result === handlerResult.failed || result === handlerResult.cancelled ? this.#keeps(reader) : false;
    this.#rows.add({
      partition: reader.partition,
      position: reader.position,
      handler: reader.handler,
      verdict: verdictOfRow,
      attempts: ended.isTried ? reader.attempt : reader.attempt - 1,
      startedAtUs,
      durationUs,
      dueAtUs: isAgain ? Math.round(startedAtUs + durationUs + ended.delayMs * 1000) : 0,
      id: reader.id,
      type: reader.type,
      key: reader.key,
      result: ended.value,
      error: ended.error,
      extras: isKept ? reader.extras : null,
      data: isKept ? (reader.dataText ?? reader.dataBytes) : null,
    });
  }

  /** Size of what its events have emitted. */
  get emittedSize(): number {
    return this.#emittedSize;
  }

  /** To what an event of this run has changed its key's state; call it after `add`. A run tells only the last. */
  addState(state: StateAt, { run }: Pick<BatchReader, 'run'>): void {
    if (run !== noRun && run === this.#stateRun) this.#states.pop();
    this.#stateRun = run;
    this.#states.push(state);
  }

  finish({ busyUs, threadId, heapGrowthBytes = 0, ran = 0 }: Ended): BatchReport {
    const rowCount = this.#rows.count;
    return {
      results: this.#results,
      rows: this.#rows.finish(),
      rowCount,
      failedCount: this.#failedCount,
      delaysMs: this.#delaysMs,
      durationsUs: this.#durationsUs,
      ...{ busyUs, threadId },
      heapGrowthBytes,
      ...(ran > 0 && { ran }),
      ...(this.#states.length > 0 && { states: this.#leftStates() }),
      ...(this.#emitted.length > 0 && { emitted: this.#joined() }),
    };
  }

  #leftStates(): LeftStates {
    return { ...joinStates(this.#states), rows: Int32Array.from(this.#states, ({ index }) => this.#rowOf[index]!) };
  }

  #joined(): EmittedEvents {
    const joiner = new EventsJoiner(this.#emitted.length);
    for (const { event } of this.#emitted) joiner.add(event);
    return { events: joiner.finish(), by: Int32Array.from(this.#emitted, ({ by }) => by) };
  }

  /** Whether the row has to keep the event, as the store has it nowhere else and may have to run it again. */
  #keeps(reader: BatchReader): boolean {
    return !this.#isJournaled || this.#message.partitions[reader.partition] !== journalPartition;
  }
}
