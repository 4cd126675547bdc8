// Lanes of the store as the main thread and the writer thread both name them, and those of events that have no order
// among them: one that waits for a time is in the lane of the span in which it is due, one whose key is paused in a
// lane of that key, any other in one of a few by its position. Both threads make the same name of the same row.

/** A lane by the index of its handler and its key; under order `global` the only one is -1 and ''. */
export interface LaneName {
  readonly handler: number;
  readonly key: string;
}

/** A stretch of time, by the wall clock. */
export interface DueSpan {
  readonly fromMs: number;
  readonly widthMs: number;
}

/** As many lanes of one handler as this hold what waits for no time, so that they come back beside each other. */
const spread = 64;

/**
 * A span is at least so many times shorter than the wait of what is put there, and less than twice as many. So its
 * events come back together and none much too soon or too late, and of one handler at most 65 spans of one width lie
 * ahead: with waits of a day at most, which have 22 widths, 1,430.
 */
const partsMin = 32;

/** In the place of a time, what an event without an order waits for whose key is paused. */
export const dueWithKey = -1;
/** Begins the keys of lanes of a key; those of all others begin with a digit. */
const keySign = '=';

/** How a lane without an order names its handler on the wire: made of the index, and back. */
export function withoutOrder(handler: number): number {
  return -2 - handler;
}

/** Whether a lane, as it is named on the wire, has no order. */
export function isWithoutOrder({ handler }: LaneName): boolean {
  return handler < -1;
}

/**
 * The key of the lane of an event without an order.
 * @param event `dueAtUs` is 0 when it waits for no time, or `dueWithKey`; `startedAtUs` is when it began to wait.
 */
export function keyWithoutOrder(event: {
  readonly position: number;
  readonly key: string | null;
  readonly startedAtUs?: number;
  readonly dueAtUs?: number;
}): string {
  const { position, key, startedAtUs = 0, dueAtUs = 0 } = event;
  if (dueAtUs === dueWithKey) return `${keySign}${key}`;
  if (dueAtUs === 0) return String(position % spread);
  const waitMs = (dueAtUs - startedAtUs) / 1000;
  const widthMs = 2 ** Math.floor(Math.log2(Math.max(1, waitMs / partsMin)));
  return `${Math.floor(dueAtUs / 1000 / widthMs) * widthMs}+${widthMs}`;
}

/** The key whose events a lane without an order has, as they were paused; null when it is any other lane. */
export function pausedKeyOf(name: LaneName): string | null {
  return isWithoutOrder(name) && name.key.startsWith(keySign) ? name.key.slice(keySign.length) : null;
}

/** The span that a lane stands for; null when it is any other lane. */
export function spanOf(name: LaneName): DueSpan | null {
  const sign = isWithoutOrder(name) && pausedKeyOf(name) === null ? name.key.indexOf('+') : -1;
  if (sign === -1) return null;
  return { fromMs: Number(name.key.slice(0, sign)), widthMs: Number(name.key.slice(sign + 1)) };
}

/** No event of a span waited for longer when it was put there. */
export function longestWaitMs({ widthMs }: DueSpan): number {
  return 2 * partsMin * widthMs;
}
