// Builds the one message that carries a batch to a handler thread: the texts of its events joined into one string,
// their numbers and lengths in two arrays. BatchRunner reads it back in the thread.

import type { EncodedEvent } from '../event.js';
import { type BatchMessage, lengthOf, lengthsPerEvent, numberOf, numbersPerEvent } from './messages.js';

/** One event as a batch carries it. */
export interface BatchEvent {
  readonly partition: number;
  readonly position: number;
  readonly handler: number;
  readonly attempt: number;
  readonly event: EncodedEvent | null;
}

const noBytes = new Uint8Array(0);

/** Joins events into a message for `place`; `nameOf` names their partitions. */
export function batchMessage(
  events: readonly BatchEvent[],
  to: { place: number; nameOf(partition: number): string },
): BatchMessage {
  const count = events.length;
  const numbers = new Float64Array(count * numbersPerEvent);
  const lengths = new Int32Array(count * lengthsPerEvent);
  const joined: Joined = { text: '', bytes: null };
  const partitions: Record<number, string> = {};
  for (let index = 0; index < count; index += 1) {
    const { partition, position, handler, attempt, event } = events[index]!;
    partitions[partition] ??= to.nameOf(partition);
    const n = index * numbersPerEvent;
    numbers[n + numberOf.partition] = partition;
    numbers[n + numberOf.position] = position;
    numbers[n + numberOf.handler] = handler;
    numbers[n + numberOf.attempt] = attempt;
    if (event !== null) join(event, { joined, lengths, from: index * lengthsPerEvent });
  }
  const bytes = joined.bytes === null ? noBytes : Buffer.concat(joined.bytes);
  return { kind: 'batch', place: to.place, count, partitions, numbers, lengths, text: joined.text, bytes };
}

interface Joined {
  text: string;
  bytes: Uint8Array[] | null;
}

function join(event: EncodedEvent, to: { joined: Joined; lengths: Int32Array; from: number }): void {
  const { joined, lengths, from } = to;
  const { type, key, id, extras, data } = event;
  lengths[from + lengthOf.type] = type.length;
  lengths[from + lengthOf.key] = key === null ? -1 : key.length;
  lengths[from + lengthOf.id] = id === null ? -1 : id.length;
  lengths[from + lengthOf.extras] = extras === null ? -1 : extras.length;
  lengths[from + lengthOf.dataText] = -1;
  lengths[from + lengthOf.dataBytes] = -1;
  joined.text += type;
  if (key !== null) joined.text += key;
  if (id !== null) joined.text += id;
  if (extras !== null) joined.text += extras;
  if (data === null) return;
  if (typeof data === 'string') {
    lengths[from + lengthOf.dataText] = data.length;
    joined.text += data;
    return;
  }
  lengths[from + lengthOf.dataBytes] = data.byteLength;
  joined.bytes ??= [];
  joined.bytes.push(data);
}
