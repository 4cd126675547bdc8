// Reads a batch message event by event, in the order in which batchMessage joined them. Texts are cut out as the
// reader moves on; data and extras are decoded only when asked for, as that can fail and is a handler thread's work.

import type { HandlerEvent } from '../handler.js';
import { type BatchMessage, lengthOf, lengthsPerEvent, numberOf, numbersPerEvent } from './messages.js';

/** The part of an event that few have. */
interface Extras {
  readonly time?: string;
  readonly headers?: Record<string, string>;
}

const noHeaders: Readonly<Record<string, string>> = Object.freeze(Object.create(null));

export class BatchReader {
  readonly #message: BatchMessage;
  #index = -1;
  #textAt = 0;
  #bytesAt = 0;

  // The event the reader stands at.
  partition = 0;
  position = 0;
  handler = 0;
  attempt = 0;
  type = '';
  key: string | null = null;
  id: string | null = null;
  #extras: string | null = null;
  #dataText: string | null = null;
  #dataFrom = 0;

  constructor(message: BatchMessage) {
    this.#message = message;
  }

  /** Moves to the next event; the first call moves to the first. Call it `count` times. */
  advance(): void {
    this.#index += 1;
    const { numbers, lengths } = this.#message;
    const n = this.#index * numbersPerEvent;
    this.partition = numbers[n + numberOf.partition]!;
    this.position = numbers[n + numberOf.position]!;
    this.handler = numbers[n + numberOf.handler]!;
    this.attempt = numbers[n + numberOf.attempt]!;
    const l = this.#index * lengthsPerEvent;
    this.type = this.#text(lengths[l + lengthOf.type]!) ?? '';
    this.key = this.#text(lengths[l + lengthOf.key]!);
    this.id = this.#text(lengths[l + lengthOf.id]!);
    this.#extras = this.#text(lengths[l + lengthOf.extras]!);
    this.#dataText = this.#text(lengths[l + lengthOf.dataText]!);
    this.#dataFrom = this.#bytesAt;
    this.#bytesAt += Math.max(0, lengths[l + lengthOf.dataBytes]!);
  }

  /** The event as its handler sees it: an object of its own. Throws when its data cannot be decoded. */
  event(): HandlerEvent {
    const extras = this.#extras === null ? null : (JSON.parse(this.#extras) as Extras);
    return {
      type: apart(this.type)!,
      key: apart(this.key),
      id: apart(this.id),
      data: this.#data(),
      time: extras?.time ?? null,
      headers: extras?.headers === undefined ? noHeaders : Object.assign(Object.create(null), extras.headers),
      partition: this.#message.partitions[this.partition]!,
      position: this.position,
    };
  }

  #data(): unknown {
    if (this.#dataText !== null) return JSON.parse(this.#dataText);
    const { lengths, bytes } = this.#message;
    if (lengths[this.#index * lengthsPerEvent + lengthOf.dataBytes]! < 0) return undefined;
    // A copy: bytes kept by a handler do not keep the batch, and a transfer of theirs does not take it away.
    return new Uint8Array(bytes.subarray(this.#dataFrom, this.#bytesAt));
  }

  #text(length: number): string | null {
    if (length < 0) return null;
    const from = this.#textAt;
    this.#textAt += length;
    return this.#message.text.slice(from, this.#textAt);
  }
}

/**
 * The same text with memory of its own. V8 makes a slice of 13 characters or more a window on the whole text, so a
 * handler that keeps a key, as one with state per key does, would keep the text of its batch with it.
 */
function apart(text: string | null): string | null {
  return text === null || text.length < 13 ? text : ` ${text}`.slice(1);
}
