// Reads a batch message event by event, in the order in which batchMessage joined them. Data and extras are decoded
// only when asked for, as that can fail and is a handler thread's work.

import { readExtras } from '../extras.js';
import type { HandlerEvent } from '../handler.js';
import { apart, JoinedEventsReader } from '../joined-events.js';
import { type BatchMessage, noRun, numberOf, numbersPerEvent } from './messages.js';

export class BatchReader extends JoinedEventsReader {
  readonly #message: BatchMessage;
  #index = -1;

  // Of the event the reader stands at, besides its texts.
  partition = 0;
  position = 0;
  handler = 0;
  attempt = 0;
  postponed = 0;
  run = noRun;

  constructor(message: BatchMessage) {
    super(message);
    this.#message = message;
  }

  override advance(): void {
    super.advance();
    this.#index += 1;
    const { numbers } = this.#message;
    const n = this.#index * numbersPerEvent;
    this.partition = numbers[n + numberOf.partition]!;
    this.position = numbers[n + numberOf.position]!;
    this.handler = numbers[n + numberOf.handler]!;
    this.attempt = numbers[n + numberOf.attempt]!;
    this.postponed = numbers[n + numberOf.postponed]!;
    this.run = numbers[n + numberOf.run]!;
  }

  /** Whether no later event of the batch is of the same run. */
  get endsItsRun(): boolean {
    const next = this.#index + 1;
    if (this.run === noRun || next === this.#message.count) return true;
    return this.#message.numbers[next * numbersPerEvent + numberOf.run] !== this.run;
  }

  /** The event as its handler sees it: an object of its own. Throws when its data cannot be decoded. */
  handlerEvent(): HandlerEvent {
    const extras = readExtras(this.extras);
    return {
      type: apart(this.type),
      key: this.key === null ? null : apart(this.key),
      id: this.id === null ? null : apart(this.id),
      data: this.#data(),
      time: extras.time,
      version: extras.version,
      correlationId: extras.correlationId,
      causationId: extras.causationId,
      headers: extras.headers,
      depth: extras.depth,
      partition: this.#message.partitions[this.partition]!,
      position: this.position,
    };
  }

  #data(): unknown {
    if (this.dataText !== null) return JSON.parse(this.dataText);
    // A copy: bytes kept by a handler do not keep the batch, and a transfer of theirs does not take it away.
    return this.dataBytes === null ? undefined : new Uint8Array(this.dataBytes);
  }
}
