// Builds the one message that carries a batch to a handler thread: its events joined, their numbers in an array.
// BatchReader reads it back in the thread.

import type { EncodedEvent } from '../event.js';
import { invariant } from '../invariant.js';
import { EventsJoiner } from '../joined-events.js';
import { joinStates } from '../joined-states.js';
import type { StateAt } from '../keyed-state.js';
import { type BatchMessage, numberOf, numbersPerEvent } from './messages.js';

/** One event as a batch carries it. */
export interface BatchEvent {
  readonly partition: number;
  readonly position: number;
  readonly handler: number;
  readonly attempt: number;
  readonly postponed: number;
  readonly run: number;
  readonly event: EncodedEvent | null;
}

/** Joins events into a message for `place`; `nameOf` names their partitions. `states`: with which its runs begin. */
export function batchMessage(
  events: readonly BatchEvent[],
  to: {
    place: number;
    states?: readonly StateAt[];
    trace?: Readonly<Record<string, string>>;
    nameOf(partition: number): string;
  },
): BatchMessage {
  const count = events.length;
  const numbers = new Float64Array(count * numbersPerEvent);
  const joiner = new EventsJoiner(count);
  const partitions: Record<number, string> = {};
  for (let index = 0; index < count; index += 1) {
    const { partition, position, handler, attempt, postponed, run, event } = events[index]!;
    invariant(event !== null, 'a batch holds events');
    partitions[partition] ??= to.nameOf(partition);
    const n = index * numbersPerEvent;
    numbers[n + numberOf.partition] = partition;
    numbers[n + numberOf.position] = position;
    numbers[n + numberOf.handler] = handler;
    numbers[n + numberOf.attempt] = attempt;
    numbers[n + numberOf.postponed] = postponed;
    numbers[n + numberOf.run] = run;
    joiner.add(event);
  }
  const { lengths, text, bytes } = joiner.finish();
  const message = { kind: 'batch', place: to.place, count, partitions, numbers, lengths, text, bytes } as const;
  if (to.states === undefined && to.trace === undefined) return message;
  return {
    ...message,
    ...(to.states !== undefined && { states: joinStates(to.states) }),
    ...(to.trace !== undefined && { trace: to.trace }),
  };
}
