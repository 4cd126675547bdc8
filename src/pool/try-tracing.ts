// Spans of a handler thread: one for each try, in the trace of the event's publisher, linked to the span of its batch,
// and active while the handler runs, so that what it does itself has its place in the trace.

import type { SourceEvent } from '../event.js';
import type { HandlerEvent } from '../handler.js';
import { headersToAddTo, type OtelApi, type OtelSpan, type OtelTracer, otelName } from '../open-telemetry.js';

interface TryOf {
  readonly handler: string;
  readonly attempt: number;
  /** The context of its batch's span, as it came with the batch. */
  readonly batch: Readonly<Record<string, string>>;
}

export class TryTracing {
  readonly #api: OtelApi;
  readonly #tracer: OtelTracer;

  constructor(api: OtelApi) {
    this.#api = api;
    this.#tracer = api.trace.getTracer(otelName);
  }

  /** Runs a handler within its span; gives and throws what the handler does. */
  run(event: HandlerEvent, of: TryOf, handler: () => unknown): unknown {
    const { context, trace, propagation, ROOT_CONTEXT, SpanKind } = this.#api;
    const parent = propagation.extract(ROOT_CONTEXT, event.headers);
    const batch = trace.getSpanContext(propagation.extract(ROOT_CONTEXT, of.batch));
    const span = this.#tracer.startSpan(
      `handle ${of.handler}`,
      {
        kind: SpanKind.CONSUMER,
        attributes: {
          ...{ 'messaging.system': otelName, 'messaging.operation.type': 'process', 'keylane.type': event.type },
          ...{
            'keylane.partition': event.partition,
            'keylane.position': event.position,
            'keylane.attempt': of.attempt,
          },
          ...(event.key !== null && { 'keylane.key': event.key }),
        },
        links: batch === undefined ? [] : [{ context: batch }],
      },
      parent,
    );
    return context.with(trace.setSpan(parent, span), () => this.#ended(span, handler));
  }

  /** An event that a handler emits, with the context of its try in its headers. */
  emitted<Event extends SourceEvent>(event: Event): Event {
    const headers = headersToAddTo(event);
    if (headers === null) return event;
    this.#api.propagation.inject(this.#api.context.active(), headers);
    return { ...event, headers };
  }

  #ended(span: OtelSpan, handler: () => unknown): unknown {
    let came: unknown;
    try {
      came = handler();
    } catch (thrown) {
      this.#fail(span, thrown);
      throw thrown;
    }
    if (!(came instanceof Promise)) {
      span.end();
      return came;
    }
    return came.then(
      (value) => {
        span.end();
        return value;
      },
      (thrown) => {
        this.#fail(span, thrown);
        throw thrown;
      },
    );
  }

  #fail(span: OtelSpan, thrown: unknown): void {
    const error = thrown instanceof Error ? thrown : { message: String(thrown) };
    span.recordException(error);
    span.setStatus({ code: this.#api.SpanStatusCode.ERROR, message: error.message });
    span.end();
  }
}
