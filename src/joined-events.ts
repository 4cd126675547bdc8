// Many events in the form in which they cross threads: their texts joined into one string, their bytes into one array,
// their lengths in a third. Both ends of that road are here, so the layout has one home.

import type { EncodedEvent } from './event.js';

/** Lengths of one event in JoinedEvents.lengths, in this order; -1 for absent. Data is either text or bytes. */
export const lengthOf = { type: 0, key: 1, id: 2, extras: 3, dataText: 4, dataBytes: 5 } as const;
export const lengthsPerEvent = 6;

/** Events joined into few large values. */
export interface JoinedEvents {
  readonly count: number;
  /** lengthsPerEvent an event, see lengthOf. */
  readonly lengths: Int32Array;
  /** type, key, id, extras and data text of every event, one after another. */
  readonly text: string;
  /** Data given as bytes, one after another. */
  readonly bytes: Uint8Array;
}

const noBytes = new Uint8Array(0);

/** Joins events one after another. */
export class EventsJoiner {
  readonly #count: number;
  readonly #lengths: Int32Array;
  #index = 0;
  #text = '';
  #bytes: Uint8Array[] | null = null;

  constructor(count: number) {
    this.#count = count;
    this.#lengths = new Int32Array(count * lengthsPerEvent);
  }

  add(event: EncodedEvent): void {
    const lengths = this.#lengths;
    const from = this.#index * lengthsPerEvent;
    this.#index += 1;
    const { type, key, id, extras, data } = event;
    lengths[from + lengthOf.type] = type.length;
    lengths[from + lengthOf.key] = key === null ? -1 : key.length;
    lengths[from + lengthOf.id] = id === null ? -1 : id.length;
    lengths[from + lengthOf.extras] = extras === null ? -1 : extras.length;
    lengths[from + lengthOf.dataText] = -1;
    lengths[from + lengthOf.dataBytes] = -1;
    this.#text += type;
    if (key !== null) this.#text += key;
    if (id !== null) this.#text += id;
    if (extras !== null) this.#text += extras;
    if (data === null) return;
    if (typeof data === 'string') {
      lengths[from + lengthOf.dataText] = data.length;
      this.#text += data;
      return;
    }
    lengths[from + lengthOf.dataBytes] = data.byteLength;
    this.#bytes ??= [];
    this.#bytes.push(data);
  }

  finish(): JoinedEvents {
    const bytes = this.#bytes === null ? noBytes : Buffer.concat(this.#bytes);
    return { count: this.#count, lengths: this.#lengths, text: this.#text, bytes };
  }
}

/** Reads joined events back, in the order in which they were added. Texts are slices of the joined one. */
export class JoinedEventsReader {
  readonly #joined: JoinedEvents;
  #next = 0;
  #textAt = 0;
  #bytesAt = 0;

  // The event the reader stands at.
  type = '';
  key: string | null = null;
  id: string | null = null;
  extras: string | null = null;
  dataText: string | null = null;
  #bytesFrom = 0;
  #bytesLength = -1;

  constructor(joined: JoinedEvents) {
    this.#joined = joined;
  }

  /** Moves to the next event; the first call moves to the first. Call it `count` times. */
  advance(): void {
    const { lengths } = this.#joined;
    const l = this.#next * lengthsPerEvent;
    this.#next += 1;
    this.type = this.#text(lengths[l + lengthOf.type]!) ?? '';
    this.key = this.#text(lengths[l + lengthOf.key]!);
    this.id = this.#text(lengths[l + lengthOf.id]!);
    this.extras = this.#text(lengths[l + lengthOf.extras]!);
    this.dataText = this.#text(lengths[l + lengthOf.dataText]!);
    this.#bytesFrom = this.#bytesAt;
    this.#bytesLength = lengths[l + lengthOf.dataBytes]!;
    if (this.#bytesLength > 0) this.#bytesAt += this.#bytesLength;
  }

  /** A view of the event's bytes; null when its data is none or text. */
  get dataBytes(): Uint8Array | null {
    if (this.#bytesLength < 0) return null;
    return this.#joined.bytes.subarray(this.#bytesFrom, this.#bytesFrom + this.#bytesLength);
  }

  /** The event with memory of its own. */
  event(): EncodedEvent {
    const bytes = this.dataBytes;
    return {
      type: apart(this.type),
      key: this.key === null ? null : apart(this.key),
      id: this.id === null ? null : apart(this.id),
      extras: this.extras === null ? null : apart(this.extras),
      data:
        bytes !== null ? Uint8Array.prototype.slice.call(bytes) : this.dataText === null ? null : apart(this.dataText),
    };
  }

  #text(length: number): string | null {
    if (length < 0) return null;
    const from = this.#textAt;
    this.#textAt += length;
    return this.#joined.text.slice(from, this.#textAt);
  }
}

/**
 * The same text with memory of its own. V8 makes a slice of 13 characters or more a window on the whole text, so one
 * that is kept would keep the text of all.
 */
export function apart(text: string): string {
  return text.length < 13 ? text : ` ${text}`.slice(1);
}
