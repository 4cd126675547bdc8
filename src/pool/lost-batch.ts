// Reports on behalf of a thread that died and can give none. The main thread makes them from the batch's own message:
// the one place where it builds rows.

import { RowsBuilder } from '../outcome.js';
import { BatchReader } from './batch-reader.js';
import { errorRecordText } from './error-record.js';
import { type BatchMessage, type BatchReport, handlerResult } from './messages.js';

/** What is known of a batch whose thread died while it ran. */
export interface DeadBatch {
  /** What the thread died of: an error that nothing caught, or the end of the thread. */
  readonly reason: unknown;
  readonly beganAtUs: number;
  readonly endedAtUs: number;
  readonly errorSizeMax: number;
}

/** Every event failed: the thread died in the middle of them, and which of them did it is not known. */
export function reportOfDeath(message: BatchMessage, of: DeadBatch): BatchReport {
  const error = errorRecordText(threadDied(of.reason), of.errorSizeMax);
  const reader = new BatchReader(message);
  const rows = new RowsBuilder(message.count);
  const durationUs = Math.max(0, of.endedAtUs - of.beganAtUs);
  for (let index = 0; index < message.count; index += 1) {
    reader.advance();
    const { partition, position, handler, attempt: attempts, id, type, key } = reader;
    const event = { partition, position, handler, attempts, id, type, key };
    rows.add({ ...event, succeeded: false, startedAtUs: of.beganAtUs, durationUs, result: null, error });
  }
  const results = new Uint8Array(message.count).fill(handlerResult.failed);
  return { results, rows: rows.finish(), rowCount: message.count, failedCount: message.count, busyUs: durationUs };
}

/** No event counts as tried: all of them run again. */
export function reportOfSkipped(message: BatchMessage): BatchReport {
  const results = new Uint8Array(message.count).fill(handlerResult.skipped);
  return { results, rows: new RowsBuilder(0).finish(), rowCount: 0, failedCount: 0, busyUs: 0 };
}

function threadDied(reason: unknown): Error {
  const said = reason instanceof Error ? reason.message : String(reason);
  const error = new Error(`the handler's thread died while this batch ran: ${said}`, { cause: reason });
  error.name = 'ThreadDied';
  // The stack would show where keylane noticed; the cause has the one that helps.
  delete error.stack;
  return error;
}
