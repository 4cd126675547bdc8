// Streams that publish what is written to them: Node's and the web's, over one sink. What is written waits for room as
// any publisher does; no receipt is made for it.

import { Writable } from 'node:stream';
import { WritableStream } from 'node:stream/web';
import type { SourceEvent } from './event.js';
import type { Idleness } from './idleness.js';
import type { Intake } from './intake.js';
import { badOption, checkOption, unknownOption } from './option-spec.js';
import type { Publishing } from './publishing.js';
import type { Pump } from './pump.js';
import { emptyRoute, type Routes } from './routes.js';
import { WrittenEvents } from './written-events.js';

export interface WritableOptions {
  /**
   * What the end of the stream waits for: `accepted`, without it, until all that was written is stored (with intake
   * `memory`: held), or `durable`, until none of it waits or runs any more. Of what waits in the store handler and key
   * are known, and not whose it is: events of others that have both in common with one of the stream are waited for as
   * well. The handler is enough where that orders all of its events or none, for events without a key, and for a
   * stream of more than 10,000 keys; under order `global`, every event is waited for.
   */
  readonly until?: 'accepted' | 'durable';
  /** Events that the stream holds while there is no room, from 1 to 16,384; 16 without it. */
  readonly highWaterMark?: number;
}

interface Parts {
  readonly publishing: Publishing;
  readonly pump: Pump;
  readonly intake: Intake;
  readonly idleness: Idleness;
  readonly handlers: { readonly routes: Pick<Routes, 'of'> };
}

/** Keys of its events that a stream keeps. */
const keysMax = 10_000;

/** Where the events of one stream go. */
class EventSink {
  readonly #parts: Parts;
  /** Null where its end does not wait for them. */
  readonly #events: WrittenEvents | null;
  readonly #aborted = new AbortController();
  readonly #stopListening: () => void;
  #isEnding = false;
  #written = 0;

  /** @param onEnded told when the processor takes nothing more in before the stream has come to its end. */
  constructor(parts: Parts, { until, onEnded }: { until: 'accepted' | 'durable'; onEnded: (error: Error) => void }) {
    this.#parts = parts;
    this.#events = until === 'durable' ? new WrittenEvents({ keysMax }) : null;
    this.#stopListening = parts.intake.onClosed(({ by, fatal }) => {
      // If that was before, whoever makes the stream has not begun to listen to it.
      queueMicrotask(() => {
        // What was written is finished all the same, unless nothing is.
        if (fatal || !this.#isEnding) onEnded(by);
      });
    });
  }

  /** Takes an event in; null when that is done, else it waits for room, or lets the rest of the process run. */
  write(event: SourceEvent): Promise<void> | null {
    const { publishing, pump } = this.#parts;
    const waiting = publishing.admit(event, this.#aborted.signal);
    this.#written += 1;
    pump.wake();
    if (this.#events !== null) {
      if (waiting !== null) return waiting.then(() => this.#note(event));
      this.#note(event);
    }
    return waiting ?? (this.#written % writesPerTurn === 0 ? pump.nextTurn() : null);
  }

  async end(): Promise<void> {
    this.#isEnding = true;
    if (this.#events === null) await this.#parts.pump.whenStored();
    else await this.#parts.idleness.whenDone(this.#events, this.#aborted.signal);
  }

  /** Once it is taken in, as handlers may come or go while it waits for room. */
  #note({ type, key = null }: SourceEvent): void {
    this.#events?.note(key, this.#parts.handlers.routes.of(type) ?? emptyRoute);
  }

  /** Waits for nothing any more. */
  dispose(): void {
    this.#stopListening();
    this.#aborted.abort();
  }
}

/** Writes after which a stream lets the rest of the process run. */
const writesPerTurn = 512;

/** A stream of Node, in object mode. */
export function nodeWritable(parts: Parts, options: WritableOptions): Writable {
  const { until, highWaterMark } = checked(options);
  const stream = new Writable({
    ...{ objectMode: true, highWaterMark },
    write: (event: SourceEvent, _encoding, callback) => {
      const waiting = attempted(() => sink.write(event));
      if (waiting === null) callback();
      else waiting.then(() => callback(), callback);
    },
    final: (callback) => {
      sink.end().then(() => callback(), callback);
    },
    destroy: (error, callback) => {
      sink.dispose();
      callback(error);
    },
  });
  const sink = new EventSink(parts, { until, onEnded: (error) => stream.destroy(error) });
  return stream;
}

/** A stream of the web. */
export function webWritable<Event extends SourceEvent>(parts: Parts, options: WritableOptions): WritableStream<Event> {
  const { until, highWaterMark } = checked(options);
  let sink: EventSink | null = null;
  return new WritableStream<Event>(
    {
      start: (controller) => {
        const onEnded = (error: Error): void => {
          controller.error(error);
          sink!.dispose();
        };
        sink = new EventSink(parts, { until, onEnded });
        // The stream itself would wait for the write that is under way, which waits for room.
        const { signal } = controller as unknown as { readonly signal: AbortSignal };
        signal.addEventListener('abort', () => sink!.dispose(), { once: true });
      },
      write: async (event) => {
        try {
          await sink!.write(event);
        } catch (error) {
          sink!.dispose();
          throw error;
        }
      },
      close: () => sink!.end().finally(() => sink!.dispose()),
    },
    { highWaterMark },
  );
}

/** What is wrong with an event is told as what is wrong with its acceptance is. */
function attempted(write: () => Promise<void> | null): Promise<void> | null {
  try {
    return write();
  } catch (error) {
    return Promise.reject(error);
  }
}

const highWaterMarkSpec = { kind: 'integer', default: 16, min: 1, max: 16_384, unit: 'events', sentence: '' } as const;

function checked(options: WritableOptions): Required<WritableOptions> {
  const names = ['until', 'highWaterMark'];
  const unknown = Object.keys(options).find((name) => !names.includes(name));
  if (unknown !== undefined) throw unknownOption(unknown, { names });
  const { until = 'accepted', highWaterMark = highWaterMarkSpec.default } = options;
  if (until !== 'accepted' && until !== 'durable') throw badOption('until', 'one of "accepted", "durable"', until);
  checkOption('highWaterMark', highWaterMarkSpec, highWaterMark);
  return { until, highWaterMark };
}
