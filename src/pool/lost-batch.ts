// Reports on behalf of a thread that died and can give none. The main thread makes them from the batch's own message:
// the one place where it builds rows.

import { messageOf } from '../errors.js';
import { handlerResult } from '../handler.js';
import { RowsBuilder } from '../outcome.js';
import { BatchReader } from './batch-reader.js';
import { errorRecordText } from './error-record.js';
import type { BatchMessage, BatchReport } from './messages.js';
import type { Progress } from './progress.js';

/** What is known of a batch that its thread cannot report. */
export interface LostBatch {
  /** What the thread died of: an error that nothing caught, or the end of the thread. */
  readonly reason: unknown;
  readonly progress: Progress;
  readonly endedAtUs: number;
  readonly errorSizeMax: number;
}

/** A batch that was begun has failed. One that was not runs again, and so does one that could not send its report. */
export function reportOfLost(message: BatchMessage, lost: LostBatch): BatchReport {
  return lost.progress.of(message.place) === 'begun' ? reportOfDeath(message, lost) : reportOfSkipped(message);
}

/** Every event failed: the thread died in the middle of them, and which of them did it is not known. */
function reportOfDeath(message: BatchMessage, lost: LostBatch): BatchReport {
  const error = errorRecordText(threadDied(lost.reason), lost.errorSizeMax);
  const startedAtUs = lost.progress.beganAtUs(message.place);
  const reader = new BatchReader(message);
  const rows = new RowsBuilder(message.count);
  const durationUs = Math.max(0, lost.endedAtUs - startedAtUs);
  for (let index = 0; index < message.count; index += 1) {
    reader.advance();
    const { partition, position, handler, attempt: attempts, id, type, key } = reader;
    const event = { partition, position, handler, attempts, id, type, key };
    rows.add({ ...event, succeeded: false, startedAtUs, durationUs, result: null, error });
  }
  return failedReport(message, { rows, busyUs: durationUs });
}

/** Every event failed, as the process died each time it was run alone; none is run again. */
export function reportOfKilled(message: BatchMessage, limits: { readonly errorSizeMax: number }): BatchReport {
  const reader = new BatchReader(message);
  const rows = new RowsBuilder(message.count);
  const startedAtUs = Date.now() * 1000;
  for (let index = 0; index < message.count; index += 1) {
    reader.advance();
    const { partition, position, handler, id, type, key } = reader;
    // The next try would be one too many: it is not made.
    const attempts = reader.attempt - 1;
    const event = { partition, position, handler, attempts, id, type, key };
    const error = errorRecordText(killedProcess(attempts), limits.errorSizeMax);
    rows.add({ ...event, succeeded: false, startedAtUs, durationUs: 0, result: null, error });
  }
  return failedReport(message, { rows, busyUs: 0 });
}

/** No event counts as tried: all of them run again. */
function reportOfSkipped(message: BatchMessage): BatchReport {
  const results = new Uint8Array(message.count).fill(handlerResult.skipped);
  return { results, rows: new RowsBuilder(0).finish(), rowCount: 0, failedCount: 0, busyUs: 0 };
}

function failedReport(message: BatchMessage, of: { rows: RowsBuilder; busyUs: number }): BatchReport {
  const { count } = message;
  const results = new Uint8Array(count).fill(handlerResult.failed);
  return { results, rows: of.rows.finish(), rowCount: count, failedCount: count, busyUs: of.busyUs };
}

function killedProcess(deaths: number): Error {
  const error = new Error(`the process ended ${deaths} times while this event was the only one running`);
  error.name = 'KilledProcess';
  Object.assign(error, { code: 'killed-process' });
  delete error.stack;
  return error;
}

function threadDied(reason: unknown): Error {
  const said = messageOf(reason);
  const error = new Error(`the handler's thread died while this batch ran: ${said}`, { cause: reason });
  error.name = 'ThreadDied';
  // The stack would show where keylane noticed; the cause has the one that helps.
  delete error.stack;
  return error;
}
