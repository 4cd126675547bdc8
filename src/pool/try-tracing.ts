// Spans of a handler thread: one for each event that is tried, in the trace of its publisher, linked to the span of its
// batch. It is active while the handler runs, so that what that does itself has its place in the trace; of events that
// are tried together, the last one's is, as what they emit follows from that; where that fails, none of them has failed
// yet, as each is tried by itself then.

import type { EncodedEvent, EventLimits } from '../event.js';
import { withHeaders } from '../extras.js';
import type { HandlerEvent } from '../handler.js';
import {
  markFailed,
  type OtelApi,
  type OtelContext,
  type OtelSpan,
  type OtelSpanContext,
  type OtelTracer,
  otelName,
  thrownAs,
} from '../open-telemetry.js';
import { isPromiseLike } from '../promise-like.js';
import { TelemetryFence } from '../telemetry-fence.js';

interface TryOf {
  readonly handler: string;
  readonly attempt: number;
  /** The context of its batch's span, as it came with the batch. */
  readonly batch: Readonly<Record<string, string>>;
}

export class TryTracing {
  readonly #api: OtelApi;
  readonly #tracer: OtelTracer;
  readonly #fence = new TelemetryFence((what) => process.emitWarning(what, { code: 'telemetry-failed' }));

  constructor(api: OtelApi) {
    this.#api = api;
    this.#tracer = api.trace.getTracer(otelName);
  }

  /** Runs a handler within the spans of its events, once; gives and throws what the handler does. */
  run(events: readonly HandlerEvent[], of: TryOf, handler: () => unknown): unknown {
    const fence = this.#fence;
    const spans: OtelSpan[] = [];
    const active = fence.within(() => this.#startAll(events, { ...of, spans }), null);
    if (active === null) return this.#ended(spans, cameOf(handler));
    let came: Came | null = null;
    const call = (): void => {
      came = cameOf(handler);
    };
    fence.within(() => this.#api.context.with(active, call), undefined);
    // Where it threw before it came to that.
    return this.#ended(spans, came ?? cameOf(handler));
  }

  /** Puts the spans that it starts into `spans`, and gives the context of the last. */
  #startAll(events: readonly HandlerEvent[], { spans, ...of }: TryOf & { spans: OtelSpan[] }): OtelContext | null {
    const { trace, propagation, ROOT_CONTEXT } = this.#api;
    const batch = trace.getSpanContext(propagation.extract(ROOT_CONTEXT, of.batch));
    let active: OtelContext | null = null;
    for (const event of events) {
      const parent = propagation.extract(ROOT_CONTEXT, event.headers);
      const span = this.#start(event, { ...of, parent, links: batch === undefined ? [] : [{ context: batch }] });
      if (events.length > 1) span.setAttributes({ 'keylane.together': events.length });
      spans.push(span);
      active = trace.setSpan(parent, span);
    }
    return active;
  }

  #start(event: HandlerEvent, of: TryOf & { parent: OtelContext; links: { context: OtelSpanContext }[] }): OtelSpan {
    const { SpanKind } = this.#api;
    return this.#tracer.startSpan(
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
        links: of.links,
      },
      of.parent,
    );
  }

  /** An event that a handler emits, with the context of its try in its headers, if they have room for it. */
  emitted(event: EncodedEvent, limits: EventLimits): EncodedEvent {
    const { propagation, context } = this.#api;
    return this.#fence.within(() => {
      const carrier: Record<string, string> = {};
      propagation.inject(context.active(), carrier);
      return { ...event, extras: withHeaders(event.extras, carrier, limits) };
    }, event);
  }

  #ended(spans: readonly OtelSpan[], came: Came): unknown {
    if ('thrown' in came) {
      this.#end(spans, came);
      throw came.thrown;
    }
    const { value } = came;
    if (!isPromiseLike(value)) {
      this.#end(spans, came);
      return value;
    }
    return value.then(
      (settled) => {
        this.#end(spans, { value: settled });
        return settled;
      },
      (thrown) => {
        this.#end(spans, { thrown });
        throw thrown;
      },
    );
  }

  #tellThrown(span: OtelSpan, thrown: unknown, { isTogether }: { isTogether: boolean }): void {
    if (isTogether) span.recordException(thrownAs(thrown));
    else markFailed(this.#api, span, thrown);
  }

  #end(spans: readonly OtelSpan[], came: Came): void {
    for (const span of spans) {
      this.#fence.within(() => {
        if ('thrown' in came) this.#tellThrown(span, came.thrown, { isTogether: spans.length > 1 });
        span.end();
      }, undefined);
    }
  }
}

/** What a handler gave, or threw. */
type Came = { readonly value: unknown } | { readonly thrown: unknown };

function cameOf(handler: () => unknown): Came {
  try {
    return { value: handler() };
  } catch (thrown) {
    return { thrown };
  }
}
