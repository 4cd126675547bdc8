// Reports on behalf of a thread that died and can give none. The main thread makes them from the batch's own message
// and from what the thread left in shared memory: the results of the events that had finished, and which one was
// running.

import { handlerResult, type Policy } from '../handler.js';
import { RowsBuilder } from '../outcome.js';
import { BatchReader } from './batch-reader.js';
import type { EndedTry } from './ended-try.js';
import { errorRecordText } from './error-record.js';
import { afterFailure, killedProcess, threadDied, timedOut, wasCancelled } from './failed-try.js';
import { togetherFrom } from './key-batch.js';
import type { BatchMessage, BatchReport } from './messages.js';
import { abortFlag, type Place } from './progress.js';
import { ReportBuilder } from './report-builder.js';

/** What is known of a batch that its thread cannot report. */
export interface LostBatch {
  /** What the thread died of: an error that nothing caught, or the end of the thread. */
  readonly reason: unknown;
  readonly place: Place;
  readonly threadId: number;
  readonly endedAtUs: number;
  /** Whether the event that was running is charged with the death, or doubted, or has nothing to do with it. */
  readonly blame: 'charged' | 'doubted' | 'spared';
  readonly of: LostLimits;
}

export interface LostLimits {
  readonly names: readonly string[];
  readonly policies: readonly Policy[];
  readonly isJournaled: boolean;
  readonly errorSizeMax: number;
  readonly random?: () => number;
}

/** Events that had finished keep their results, the one that ran is blamed or not, the others run again. */
export function reportOfLost(message: BatchMessage, lost: LostBatch): BatchReport {
  const { place, of } = lost;
  const builder = new ReportBuilder(message, { rows: new RowsBuilder(message.count), isJournaled: of.isJournaled });
  const reader = new BatchReader(message);
  let index = 0;
  let busyUs = 0;
  for (const ended of place.ledger()) {
    reader.advance();
    builder.add(index, reader, ended);
    const state = message.states === undefined ? undefined : place.stateOf(index);
    if (state !== undefined) builder.addState({ index, state }, reader);
    busyUs += ended.durationUs;
    index += 1;
  }
  const running = place.running();
  if (running !== null && lost.blame !== 'spared') {
    // Those before it that had ended as well are run again, as the state that they left went with the thread.
    const isAfterOthers = running.index > index;
    for (; index <= running.index; index += 1) reader.advance();
    index = running.index;
    const durationUs = Math.max(0, lost.endedAtUs - running.startedAtUs);
    const of = { ...lost, index, handler: reader.handler, isAfterOthers };
    builder.add(index, reader, {
      ...(lost.blame === 'charged' && !isInDoubt(message, of) ? chargedWith(reader, of) : doubted),
      startedAtUs: running.startedAtUs,
      durationUs,
    });
    busyUs += durationUs;
  }
  return builder.finish({ busyUs, threadId: lost.threadId, ran: running === null ? index : running.index + 1 });
}

/**
 * Whether the event may have run together with others of its key, or is behind some that run again, before which it may
 * not have an outcome. A cancelled one is to end in any case.
 */
function isInDoubt(
  message: BatchMessage,
  { of, place, index, handler, isAfterOthers }: LostBatch & { index: number; handler: number; isAfterOthers: boolean },
): boolean {
  if (place.flagOf(index) === abortFlag.cancelled) return false;
  return isAfterOthers || (of.policies[handler]!.takesRuns === true && togetherFrom(index, message) > 1);
}

const doubted = { result: handlerResult.doubted, isTried: true, delayMs: 0, value: null, error: null, emitted: null };

/** What came of the event that ran when its thread died. */
function chargedWith(
  { handler, attempt }: BatchReader,
  { reason, place, of, index }: LostBatch & { index: number },
): Omit<EndedTry, 'startedAtUs' | 'durationUs'> {
  const policy = of.policies[handler]!;
  const flag = place.flagOf(index);
  const told = { isTried: true, value: null, emitted: null };
  if (flag === abortFlag.cancelled) {
    const error = errorRecordText(wasCancelled(reason), of.errorSizeMax);
    return { ...told, result: handlerResult.cancelled, delayMs: 0, error };
  }
  const isTimedOut = flag === abortFlag.timedOut;
  const error = isTimedOut ? timedOut(of.names[handler]!, policy) : threadDied(reason);
  return {
    ...told,
    ...afterFailure(policy, { attempt, isPermanent: false, ...(of.random !== undefined && { random: of.random }) }),
    error: errorRecordText(error, of.errorSizeMax),
  };
}

/** Every event failed, as the process died each time it was run alone; none is run again. */
export function reportOfKilled(
  message: BatchMessage,
  of: { readonly errorSizeMax: number; readonly isJournaled: boolean },
): BatchReport {
  const builder = new ReportBuilder(message, { rows: new RowsBuilder(message.count), isJournaled: of.isJournaled });
  const reader = new BatchReader(message);
  for (let index = 0; index < message.count; index += 1) {
    reader.advance();
    builder.add(index, reader, {
      ...{ result: handlerResult.failed, startedAtUs: Date.now() * 1000, durationUs: 0, delayMs: 0, value: null },
      emitted: null,
      // The next try would be one too many: it is not made.
      isTried: false,
      error: errorRecordText(killedProcess(reader.attempt - 1), of.errorSizeMax),
    });
  }
  return builder.finish({ busyUs: 0, threadId: 0 });
}
