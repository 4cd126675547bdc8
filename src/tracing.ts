// Spans and metrics of the main thread: one span for each event that is published, one for each batch. The context of
// the first goes into the event's headers, by whatever propagator the program has, and so reaches the thread that runs
// it. A context that the event has already is not lost: its span is the parent, or linked to.

import type { Slot } from './dispatch/ring-buffer.js';
import { KeylaneError, shown } from './errors.js';
import type { SourceEvent } from './event.js';
import { readExtras } from './extras.js';
import {
  type OtelApi,
  type OtelContext,
  type OtelObservation,
  type OtelSpan,
  type OtelSpanContext,
  type OtelTracer,
  otelName,
} from './open-telemetry.js';
import { PublishSpan } from './publish-span.js';
import type { Stats } from './stats.js';
import { TelemetryFence } from './telemetry-fence.js';

/** Events of a batch that its span is linked to, at most. */
const linksMax = 64;

/** A batch under way, for who ends it and for who carries its context to the thread. */
export interface BatchSpan {
  readonly trace: Readonly<Record<string, string>>;
  /** Null: nothing is known of how it ended. */
  end(report: { readonly busyUs: number } | null): void;
}

export class Tracing {
  readonly #api: OtelApi;
  readonly #tracer: OtelTracer;
  readonly #fence: TelemetryFence;

  /** @param onWarning is told of the first thing that telemetry throws. */
  constructor(api: OtelApi, onWarning: (error: KeylaneError) => void) {
    this.#api = api;
    this.#tracer = api.trace.getTracer(otelName);
    this.#fence = new TelemetryFence((what, cause) => onWarning(new KeylaneError('telemetry-failed', what, { cause })));
  }

  /** Begins the span of an event that is being published; null for what is no event. It has not been checked yet. */
  published(event: SourceEvent): PublishSpan | null {
    if (typeof event !== 'object' || event === null) return null;
    return this.#fence.within(() => this.#published(event), null);
  }

  #published(event: SourceEvent): PublishSpan {
    const { trace, propagation, SpanKind } = this.#api;
    const { parent, links } = this.#origin(event);
    const [type, key] = [textOf(event.type), event.key ?? null];
    const attributes = { 'messaging.system': otelName, 'messaging.operation.type': 'send', 'keylane.type': type };
    const span = this.#tracer.startSpan(
      `publish ${type}`,
      {
        kind: SpanKind.PRODUCER,
        attributes: key === null ? attributes : { ...attributes, 'keylane.key': textOf(key) },
        links: links.map((context) => ({ context })),
      },
      parent,
    );
    const carrier: Record<string, string> = {};
    // The span is to end all the same.
    this.#fence.within(() => propagation.inject(trace.setSpan(parent, span), carrier), undefined);
    return new PublishSpan({ api: this.#api, span, fence: this.#fence, carrier });
  }

  /**
   * What an event follows from: the span that is active; without one, that whose context it came with, as an event of
   * another service does. Beside an active one, that is linked to, as a span has one parent.
   */
  #origin({ headers }: SourceEvent): { readonly parent: OtelContext; readonly links: readonly OtelSpanContext[] } {
    const { context, propagation, trace } = this.#api;
    const active = context.active();
    if (typeof headers !== 'object' || headers === null) return { parent: active, links: [] };
    const span = trace.getSpanContext(active);
    if (span === undefined || !trace.isSpanContextValid(span)) {
      return { parent: propagation.extract(active, headers), links: [] };
    }
    return { parent: active, links: this.#contextIn(headers).filter(({ spanId }) => spanId !== span.spanId) };
  }

  /** A batch departs. Its span belongs to no trace of its events, as it has many, and is linked to theirs. */
  departed(slots: readonly Slot[]): BatchSpan | null {
    return this.#fence.within(() => this.#departed(slots), null);
  }

  #departed(slots: readonly Slot[]): BatchSpan {
    const { ROOT_CONTEXT, SpanKind, trace, propagation } = this.#api;
    const links = slots.slice(0, linksMax).flatMap(({ event }) => this.#contextOf(event?.extras ?? null));
    const attributes = { 'messaging.system': otelName, 'messaging.batch.message_count': slots.length };
    const span: OtelSpan = this.#tracer.startSpan(
      'run batch',
      { kind: SpanKind.INTERNAL, attributes, links: links.map((context) => ({ context })) },
      ROOT_CONTEXT,
    );
    const carrier: Record<string, string> = {};
    propagation.inject(trace.setSpan(ROOT_CONTEXT, span), carrier);
    return {
      trace: carrier,
      end: (report) => {
        this.#fence.within(() => {
          if (report !== null) span.setAttributes({ 'keylane.busy_us': report.busyUs });
          span.end();
        }, undefined);
      },
    };
  }

  /** Has meters read what `stats` says, whenever they are collected, until it says that all is over. */
  measure(stats: () => Stats): void {
    this.#fence.within(() => this.#measure(stats), undefined);
  }

  #measure(stats: () => Stats): void {
    const meter = this.#api.metrics.getMeter(otelName);
    const outcomes = meter.createObservableCounter('keylane.outcomes', { description: 'Durable outcomes, by status.' });
    const retries = meter.createObservableCounter('keylane.retries', {
      description: 'Tries that are followed by another.',
    });
    const events = meter.createObservableGauge('keylane.events', { description: 'Events, by where they are.' });
    const busy = meter.createObservableGauge('keylane.busy', {
      description: 'Busy share, by kind of thread.',
      unit: '1',
    });
    const threadBusy = meter.createObservableGauge('keylane.handler_thread.busy', {
      description: 'Busy share of each handler thread.',
      unit: '1',
    });
    const all = [outcomes, retries, events, busy, threadBusy];
    const observe = (of: OtelObservation): void => this.#fence.within(() => observeNow(of), undefined);
    const observeNow = (of: OtelObservation): void => {
      const now = stats();
      if (now.phase === 'stopped' || now.phase === 'failed') meter.removeBatchObservableCallback(observe, all);
      const statuses = {
        succeeded: now.succeeded,
        'dead-lettered': now.deadLettered,
        cancelled: now.cancelled,
        superseded: now.superseded,
      };
      for (const [status, count] of Object.entries(statuses)) of.observe(outcomes, count, { status });
      of.observe(retries, now.retried);
      for (const state of ['waiting', 'inFlight', 'unacknowledged', 'backlog', 'parked'] as const) {
        of.observe(events, now[state], { state });
      }
      const shares = { main: now.mainBusyShare, handlers: now.busyShare, writer: now.writerBusyShare };
      for (const [thread, share] of Object.entries(shares)) of.observe(busy, share, { thread });
      for (const { threadId, busyShare } of now.handlerThreads) {
        of.observe(threadBusy, busyShare, { 'thread.id': threadId });
      }
    };
    meter.addBatchObservableCallback(observe, all);
  }

  #contextOf(extras: string | null): OtelSpanContext[] {
    return extras === null ? [] : this.#contextIn(readExtras(extras).headers);
  }

  #contextIn(headers: Readonly<Record<string, string>>): OtelSpanContext[] {
    const { propagation, trace, ROOT_CONTEXT } = this.#api;
    const found = trace.getSpanContext(propagation.extract(ROOT_CONTEXT, headers));
    return found === undefined ? [] : [found];
  }
}

/** What is no text is refused later, in words of its own. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value : shown(value);
}
