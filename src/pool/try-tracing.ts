// Spans of a handler thread: one for each try, in the trace of the event's publisher, linked to the span of its batch,
// and active while the handler runs, so that what it does itself has its place in the trace.

import type { EncodedEvent, EventLimits } from '../event.js';
import { withHeaders } from '../extras.js';
import type { HandlerEvent } from '../handler.js';
import {
  markFailed,
  type OtelApi,
  type OtelContext,
  type OtelSpan,
  type OtelTracer,
  otelName,
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

  /** Runs a handler within its span, once; gives and throws what the handler does. */
  run(event: HandlerEvent, of: TryOf, handler: () => unknown): unknown {
    const fence = this.#fence;
    const started = fence.within(() => this.#start(event, of), null);
    if (started === null) return handler();
    const { span, parent } = started;
    let came: Came | null = null;
    const call = (): void => {
      came = cameOf(handler);
    };
    const { context, trace } = this.#api;
    fence.within(() => context.with(trace.setSpan(parent, span), call), undefined);
    // Where it threw before it came to that.
    return this.#ended(span, came ?? cameOf(handler));
  }

  #start(event: HandlerEvent, of: TryOf): { readonly span: OtelSpan; readonly parent: OtelContext } {
    const { trace, propagation, ROOT_CONTEXT, SpanKind } = this.#api;
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
    return { span, parent };
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

  #ended(span: OtelSpan, came: Came): unknown {
    if ('thrown' in came) {
      this.#end(span, came);
      throw came.thrown;
    }
    const { value } = came;
    if (!isPromiseLike(value)) {
      this.#end(span, came);
      return value;
    }
    return value.then(
      (settled) => {
        this.#end(span, { value: settled });
        return settled;
      },
      (thrown) => {
        this.#end(span, { thrown });
        throw thrown;
      },
    );
  }

  #end(span: OtelSpan, came: Came): void {
    this.#fence.within(() => {
      if ('thrown' in came) markFailed(this.#api, span, came.thrown);
      span.end();
    }, undefined);
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
