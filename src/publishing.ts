// What becomes of calls of publish: the event is checked and encoded, goes in or waits for room, and its receipt comes
// once it is accepted. It knows neither the ring nor the journal. Where calls are traced, the span of one ends when its
// event is accepted or refused.

import { AcceptedEvent, AtOnce, ReceiptWaiter } from './accepted-event.js';
import { KeylaneError, shown } from './errors.js';
import type { EncodedEvent, EventLimits, SourceEvent } from './event.js';
import type { EventEncoder } from './event-encoder.js';
import type { Waiter } from './group.js';
import type { Intake } from './intake.js';
import { Interrupt, untilInterrupted } from './interrupt.js';
import { signalOf, type WithSignal } from './option-spec.js';
import type { Outcome } from './outcome.js';
import type { PublishSpan } from './publish-span.js';
import type { Pump } from './pump.js';
import { checkOwesOne, onlyOne, type Receipt, type Receipts } from './receipts.js';

/** What `publishMany` gives once all events are accepted. */
export interface ManyAccepted {
  readonly accepted: number;
  /** Events whose id was known already; they were not accepted again. */
  readonly duplicates: number;
}

interface Parts {
  readonly intake: Intake;
  readonly pump: Pump;
  readonly receipts: Receipts;
  readonly encoder: EventEncoder;
  readonly limits: EventLimits;
  /** Whether the journal has to store an event before it is accepted; otherwise it is as soon as it is taken in. */
  readonly isJournaled: boolean;
  /** Null where nothing is traced. */
  readonly tracing: { published(event: SourceEvent): PublishSpan | null } | null;
  /** Name of the partition of published events. */
  readonly partition: string;
}

/** Admissions after which `publishMany` lets the rest of the process run. */
const admissionsPerTurn = 512;

export class Publishing {
  readonly #parts: Parts;
  /** Hears of each event that is accepted as soon as it is taken in. */
  readonly #atOnce = new AtOnce();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** See `EventEncoder.checks`. */
  get checks(): Promise<unknown> | null {
    return this.#parts.encoder.checks;
  }

  /** See `Processor.publish`. */
  async publish(event: SourceEvent, options: WithSignal | undefined): Promise<Receipt> {
    const signal = signalOf(options);
    signal?.throwIfAborted();
    const span = this.#begin(event);
    try {
      const encoding = this.#parts.encoder.encode(event, signal);
      const encoded = this.#carried(encoding instanceof Promise ? await encoding : encoding, span);
      const receipt = await (this.#offerForReceipt(encoded) ?? this.#waitForReceipt(encoded, signal));
      span?.accepted();
      return receipt;
    } catch (error) {
      span?.refused(error);
      throw error;
    }
  }

  /** See `Processor.tryPublish`. */
  tryPublish(event: SourceEvent): Promise<Receipt> | null {
    const { intake, encoder, tracing } = this.#parts;
    let span: PublishSpan | null = null;
    try {
      const encoded = encoder.encodeNow(event);
      // What finds no room publishes nothing: no span is begun for it.
      if (tracing !== null && !intake.hasRoomFor(encoded)) return null;
      span = this.#begin(event);
      const receipt = this.#offerForReceipt(this.#carried(encoded, span));
      if (span !== null && receipt !== null) endWith(receipt, span);
      return receipt;
    } catch (error) {
      (span ?? this.#begin(event))?.refused(error);
      throw error;
    }
  }

  /** Takes an event in now; null where there is no room. It is called for each event, so that it makes little. */
  #offerForReceipt(event: EncodedEvent): Promise<Receipt> | null {
    const { intake, pump, isJournaled, partition, receipts } = this.#parts;
    const waiter = isJournaled ? new ReceiptWaiter(this.#parts) : this.#atOnce;
    if (!intake.offer(event, waiter)) return null;
    pump.wake();
    if (waiter instanceof ReceiptWaiter) return waiter.receipt();
    return Promise.resolve(new AcceptedEvent(this.#atOnce.accepted!, partition, receipts));
  }

  async #waitForReceipt(event: EncodedEvent, signal: AbortSignal | undefined): Promise<Receipt> {
    const { intake, pump } = this.#parts;
    const waiter = new ReceiptWaiter(this.#parts);
    await intake.wait(event, { waiter, signal });
    pump.wake();
    return waiter.receipt();
  }

  /** See `Processor.process`. */
  async process(event: SourceEvent, options: WithSignal | undefined): Promise<Outcome> {
    const signal = signalOf(options);
    const { intake, pump, encoder, receipts } = this.#parts;
    signal?.throwIfAborted();
    const span = this.#begin(event);
    try {
      const encoding = encoder.encode(event, signal);
      // Events are accepted in the order of the calls.
      const encoded = this.#carried(encoding instanceof Promise ? await encoding : encoding, span);
      checkOwesOne(encoded.type, intake.routeOf(encoded).length);
      const outcomes = new Promise<readonly Outcome[]>((resolve, reject) => {
        // It is asked for in the moment in which it is accepted: then nothing can have become of it.
        const waiter: Waiter = {
          resolve: ({ position, duplicate }) => {
            span?.accepted();
            resolve(duplicate ? receipts.outcomes(position, signal) : receipts.outcomesOfNew(position, signal));
          },
          reject,
        };
        if (!intake.offer(encoded, waiter)) intake.wait(encoded, { waiter, signal }).catch(reject);
      });
      pump.wake();
      return onlyOne(await outcomes);
    } catch (error) {
      // Where it was accepted before, its span has ended.
      span?.refused(error);
      throw error;
    }
  }

  /**
   * Takes an event in for which there is no receipt; null when that is done, else it waits for room. Throws or rejects
   * where it never will be taken in.
   */
  admit(event: SourceEvent, signal: AbortSignal | undefined, waiter: Waiter | null = null): Promise<void> | null {
    const span = this.#begin(event);
    try {
      const taken = this.#admit(event, { signal, waiter, span });
      if (span === null) return taken;
      if (taken === null) span.accepted();
      else endWith(taken, span);
      return taken;
    } catch (error) {
      span?.refused(error);
      throw error;
    }
  }

  #admit(event: SourceEvent, of: Admission): Promise<void> | null {
    const encoded = this.#parts.encoder.encode(event, of.signal);
    if (!(encoded instanceof Promise)) return this.#offer(encoded, of);
    return encoded.then((one) => this.#offer(one, of) ?? undefined);
  }

  #offer(encoded: EncodedEvent, { signal, waiter, span }: Admission): Promise<void> | null {
    const { intake } = this.#parts;
    const event = this.#carried(encoded, span);
    const told = event.id === null ? null : waiter;
    return intake.offer(event, told) ? null : intake.wait(event, { waiter: told, signal });
  }

  #begin(event: SourceEvent): PublishSpan | null {
    const { tracing } = this.#parts;
    return tracing === null ? null : tracing.published(event);
  }

  /** With the context of its span. */
  #carried(event: EncodedEvent, span: PublishSpan | null): EncodedEvent {
    return span === null ? event : span.carriedBy(event, this.#parts.limits);
  }

  /** See `Processor.publishMany`. */
  async publishMany(
    events: Iterable<SourceEvent> | AsyncIterable<SourceEvent>,
    options: WithSignal | undefined,
  ): Promise<ManyAccepted> {
    const signal = signalOf(options);
    const { intake, pump } = this.#parts;
    let offered = 0;
    let duplicates = 0;
    // Only an event with an id can be a duplicate. What is refused is heard of below.
    const counter: Waiter = {
      resolve: ({ duplicate }) => {
        if (duplicate) duplicates += 1;
      },
      reject: () => {},
    };
    const accept = (event: SourceEvent): Promise<unknown> | null => {
      signal?.throwIfAborted();
      const waiting = this.admit(event, signal, counter);
      offered += 1;
      return waiting ?? (offered % admissionsPerTurn === 0 ? pump.nextTurn() : null);
    };
    const given: unknown = events;
    if (typeof given !== 'object' || given === null || !(Symbol.iterator in given || Symbol.asyncIterator in given)) {
      throw new KeylaneError(
        'bad-event',
        `events must be an iterable or async iterable of events, got ${shown(given)}`,
      );
    }
    try {
      if (Symbol.asyncIterator in events) {
        const interrupt = new Interrupt({ signal, onClosed: (callback) => intake.onClosed(callback) });
        for await (const event of untilInterrupted(events, interrupt)) await accept(event);
      } else {
        for (const event of events) {
          const pending = accept(event);
          if (pending !== null) await pending;
        }
      }
    } catch (error) {
      // What came before is accepted: whoever hears of the error can rely on that.
      await pump.whenStored().catch(() => {});
      throw error;
    }
    // Events are stored in order, so that with the last of them all are, and all duplicates are counted.
    await pump.whenStored();
    return { accepted: offered - duplicates, duplicates };
  }
}

/** How one event is taken in. */
interface Admission {
  readonly signal: AbortSignal | undefined;
  readonly waiter: Waiter | null;
  readonly span: PublishSpan | null;
}

/** Has a span end as a promise does, which its caller hears of besides. */
function endWith(taken: Promise<unknown>, span: PublishSpan): void {
  taken.then(
    () => span.accepted(),
    (error) => span.refused(error),
  );
}
