// The span of one event on its way in: from the call that publishes it until it is accepted or refused, whichever comes
// first. Its context travels in the event's headers.

import type { EncodedEvent, EventLimits } from './event.js';
import { withHeaders } from './extras.js';
import { markFailed, type OtelApi, type OtelSpan } from './open-telemetry.js';
import type { TelemetryFence } from './telemetry-fence.js';

interface Parts {
  readonly api: OtelApi;
  readonly span: OtelSpan;
  readonly fence: TelemetryFence;
  /** Its context, as the program's propagator writes it. */
  readonly carrier: Readonly<Record<string, string>>;
}

export class PublishSpan {
  readonly #parts: Parts;
  #hasEnded = false;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** The event with the context of the span; without it where its headers have no room for it. */
  carriedBy(event: EncodedEvent, limits: EventLimits): EncodedEvent {
    return { ...event, extras: withHeaders(event.extras, this.#parts.carrier, limits) };
  }

  accepted(): void {
    this.#end((span) => span.end());
  }

  refused(error: unknown): void {
    this.#end((span) => {
      markFailed(this.#parts.api, span, error);
      span.end();
    });
  }

  #end(how: (span: OtelSpan) => void): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#parts.fence.within(() => how(this.#parts.span), undefined);
  }
}
