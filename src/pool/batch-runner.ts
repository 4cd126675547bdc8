// Runs batches in a handler thread: one after another, each event in its turn, every try fenced. What comes out is a
// report, whatever the handlers do short of ending the thread. It knows nothing of ports, Piscina or other threads.

import { setImmediate as nextRound } from 'node:timers/promises';
import { type HandlerContext, handlerResult } from '../handler.js';
import { RowsBuilder } from '../outcome.js';
import { BatchReader } from './batch-reader.js';
import { errorRecordText } from './error-record.js';
import type { HandlerModule } from './handler-module.js';
import type { BatchMessage, BatchReport } from './messages.js';
import type { Progress } from './progress.js';
import { encodeResult } from './result-codec.js';

export interface BatchRunnerParts {
  readonly module: HandlerModule;
  readonly threadId: number;
  readonly limits: {
    readonly batchSizeMax: number;
    readonly reportSizeMax: number;
    readonly resultSizeMax: number;
    readonly errorSizeMax: number;
  };
  readonly progress: Progress;
  /** Microseconds since the Unix epoch. */
  nowUs(): number;
}

export class BatchRunner {
  readonly #parts: BatchRunnerParts;
  readonly #rows: RowsBuilder;
  /** The context of a first try, by handler; frozen, so one serves all events. */
  readonly #firstTries: readonly HandlerContext[];
  /** The last batch that came; settled when it is done. */
  #last: Promise<unknown> = Promise.resolve();
  #unfinished = 0;

  constructor(parts: BatchRunnerParts) {
    this.#parts = parts;
    this.#rows = new RowsBuilder(parts.limits.batchSizeMax);
    this.#firstTries = parts.module.table.names.map((handler) => {
      return Object.freeze({ handler, attempt: 1, threadId: parts.threadId });
    });
  }

  /** Runs a batch as soon as those before it are done. */
  run(message: BatchMessage): Promise<BatchReport> {
    const turn = this.#unfinished === 0 ? null : this.idle().then(() => nextRound());
    this.#unfinished += 1;
    const report = this.#runInTurn(message, turn).finally(() => {
      this.#unfinished -= 1;
    });
    this.#last = report;
    return report;
  }

  /** Resolves when every batch that has come is done. */
  idle(): Promise<void> {
    return this.#last.then(
      () => {},
      () => {},
    );
  }

  /**
   * A batch that waited starts a round of the event loop after its predecessor ended: by then the predecessor's report
   * is on its way, and a promise it left rejected has ended the thread before this batch is begun.
   */
  async #runInTurn(message: BatchMessage, turn: Promise<void> | null): Promise<BatchReport> {
    if (turn !== null) await turn;
    const { nowUs, progress, limits } = this.#parts;
    const rows = this.#rows;
    const results = new Uint8Array(message.count);
    const reader = new BatchReader(message);
    const beganAtUs = nowUs();
    progress.begin(message.place, beganAtUs);
    let startedAtUs = beganAtUs;
    let failedCount = 0;
    for (let index = 0; index < message.count; index += 1) {
      if (rows.size >= limits.reportSizeMax) {
        results.fill(handlerResult.skipped, index);
        break;
      }
      reader.advance();
      let result: string | Uint8Array | null = null;
      let error: string | null = null;
      try {
        const returned = this.#call(reader);
        result = encodeResult(isThenable(returned) ? await returned : returned, limits.resultSizeMax);
      } catch (thrown) {
        error = errorRecordText(thrown, limits.errorSizeMax);
        results[index] = handlerResult.failed;
        failedCount += 1;
      }
      const endedAtUs = nowUs();
      const { partition, position, handler, attempt: attempts, id, type, key } = reader;
      const succeeded = error === null;
      const durationUs = endedAtUs - startedAtUs;
      rows.add({
        partition,
        position,
        handler,
        succeeded,
        attempts,
        startedAtUs,
        durationUs,
        id,
        type,
        key,
        result,
        error,
      });
      startedAtUs = endedAtUs;
    }
    const rowCount = rows.count;
    const report = { results, rows: rows.finish(), rowCount, failedCount, busyUs: nowUs() - beganAtUs };
    progress.finish(message.place);
    return report;
  }

  #call(reader: BatchReader): unknown {
    const { handler, attempt } = reader;
    const { handlers, table } = this.#parts.module;
    const context =
      attempt === 1
        ? this.#firstTries[handler]!
        : { handler: table.names[handler]!, attempt, threadId: this.#parts.threadId };
    return handlers[handler]!(reader.handlerEvent(), context);
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}
