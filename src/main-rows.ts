// Rows that the main thread makes itself, of events that no handler thread has: those that are to wait in the store,
// and those that were cancelled or superseded before they ran. And what a group is told besides.

import type { ParkedBy } from './dispatch/away.js';
import { noDue, type Slot } from './dispatch/ring-buffer.js';
import { cancelledError, type ErrorRecord, printable, supersededError } from './errors.js';
import { handlerResult } from './handler.js';
import { type OutcomeRow, RowsBuilder, RowsReader, type Verdict, verdict } from './outcome.js';
import type { BatchReport } from './pool/messages.js';
import type { LaneParked } from './store/messages.js';
import { dueWithKey, keyWithoutOrder, type LaneName, pausedKeyOf, withoutOrder } from './store-lanes.js';

/** One row for each event, as bytes. */
export function rowsOf(
  slots: readonly Slot[],
  as: RowTime & { verdict: Verdict; isStored: (slot: Slot) => boolean },
): ArrayBuffer {
  const rows = new RowsBuilder(slots.length);
  for (const slot of slots) rows.add(rowOf(slot, { ...as, isStored: as.isStored(slot) }));
  return rows.finish();
}

/** When a row is made, by both clocks. */
export interface RowTime {
  readonly atUs: number;
  readonly nowMs: number;
}

/** The lane of the store for an event that is set aside and has no order; null for any other. */
export function laneWithoutOrder(slot: Slot, at: RowTime & { isKeyPaused: (slot: Slot) => boolean }): LaneName | null {
  const { lane, handler, position, event } = slot;
  if (lane === null || lane.key !== null) return null;
  const dueAtUs = slot.dueMs === noDue && at.isKeyPaused(slot) ? dueWithKey : dueAtUsOf(slot, at);
  const key = keyWithoutOrder({ position, key: event!.key, startedAtUs: at.atUs, dueAtUs });
  return { handler: withoutOrder(handler), key };
}

/** Notes in the slots of a batch what their tries failed with, for those that will be tried again. */
export function noteProblems(slots: readonly Slot[], report: Pick<BatchReport, 'rows' | 'results'>): void {
  const reader = new RowsReader(report.rows);
  for (let index = 0; index < slots.length; index += 1) {
    const result = report.results[index];
    if (result === handlerResult.skipped || result === handlerResult.doubted) continue;
    const { error } = reader.next();
    if (result === handlerResult.succeeded || error === null) continue;
    const { name, message } = JSON.parse(error) as ErrorRecord;
    slots[index]!.problem = printable(`${name}: ${message}`.slice(0, problemSizeMax));
  }
}

const problemSizeMax = 200;

/** Lanes that stopped, as the store is told of them. */
export function laneNames(stopped: readonly ParkedBy[]): LaneParked[] {
  return stopped.map(({ lane, partition, position, handler }) => {
    return { handler: lane.handler, key: lane.key!, partition, position, eventHandler: handler };
  });
}

/** Why an event was not run, by verdict. */
const errors: Readonly<Record<number, string>> = {
  [verdict.cancelled]: JSON.stringify(cancelledError),
  [verdict.superseded]: JSON.stringify(supersededError),
};

function rowOf(slot: Slot, as: RowTime & { verdict: Verdict; isStored: boolean }): OutcomeRow {
  const { partition, position, handler, attempt } = slot;
  const { id, type, key, extras, data } = slot.event!;
  return {
    ...{ partition, position, handler, verdict: as.verdict, attempts: attempt - 1, id, type, key },
    ...{ startedAtUs: as.atUs, durationUs: 0, result: null },
    // A lane that keeps an order comes back when its first event is due.
    dueAtUs: as.verdict === verdict.waiting && slot.sentTo !== null ? dueWithin(slot.sentTo, slot, as) : 0,
    error: errors[as.verdict] ?? null,
    // Nobody runs a superseded event again.
    extras: as.isStored || as.verdict === verdict.superseded ? null : extras,
    data: as.isStored || as.verdict === verdict.superseded ? null : data,
  };
}

/** What has the store put an event without an order where it is sent to. */
function dueWithin(lane: LaneName, slot: Slot, at: RowTime): number {
  return pausedKeyOf(lane) === null ? dueAtUsOf(slot, at) : dueWithKey;
}

/** When an event is due, in whole microseconds since the Unix epoch; 0 when it waits for no time. */
function dueAtUsOf({ dueMs }: Slot, { atUs, nowMs }: RowTime): number {
  return dueMs === noDue ? 0 : atUs + Math.round((dueMs - nowMs) * 1000);
}
