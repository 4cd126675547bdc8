// @opentelemetry/api as far as it is used, and how it is found: it is no dependency, and loaded only where the option
// `openTelemetry` asks for it. The types are our own, so that whoever does without it needs none of its.

import { KeylaneError, messageOf, shown } from './errors.js';

/** Opaque here. */
export interface OtelContext {
  readonly getValue: unknown;
}

export interface OtelSpanContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
}

export type OtelAttributes = Readonly<Record<string, string | number | boolean>>;

export interface OtelSpan {
  spanContext(): OtelSpanContext;
  setAttributes(attributes: OtelAttributes): unknown;
  recordException(error: { readonly name?: string; readonly message: string }): void;
  setStatus(status: { readonly code: number; readonly message?: string }): unknown;
  end(): void;
}

export interface OtelTracer {
  startSpan(
    name: string,
    options: {
      readonly kind: number;
      readonly attributes: OtelAttributes;
      readonly links?: readonly { readonly context: OtelSpanContext }[];
    },
    context?: OtelContext,
  ): OtelSpan;
}

interface Instrument {
  readonly isAnInstrument: unknown;
}

/** What a callback of instruments is given, once for each collection. */
export interface OtelObservation {
  observe(instrument: Instrument, value: number, attributes?: OtelAttributes): void;
}

export interface OtelMeter {
  createObservableCounter(name: string, options: { readonly description: string; readonly unit?: string }): Instrument;
  createObservableGauge(name: string, options: { readonly description: string; readonly unit?: string }): Instrument;
  addBatchObservableCallback(callback: (of: OtelObservation) => void, instruments: Instrument[]): void;
  removeBatchObservableCallback(callback: (of: OtelObservation) => void, instruments: Instrument[]): void;
}

export interface OtelApi {
  readonly ROOT_CONTEXT: OtelContext;
  readonly SpanKind: { readonly INTERNAL: number; readonly PRODUCER: number; readonly CONSUMER: number };
  readonly SpanStatusCode: { readonly ERROR: number };
  readonly context: { active(): OtelContext; with<Result>(context: OtelContext, run: () => Result): Result };
  readonly propagation: {
    inject(context: OtelContext, carrier: Record<string, string>): void;
    extract(context: OtelContext, carrier: Readonly<Record<string, string>>): OtelContext;
  };
  readonly trace: {
    getTracer(name: string): OtelTracer;
    setSpan(context: OtelContext, span: OtelSpan): OtelContext;
    getSpanContext(context: OtelContext): OtelSpanContext | undefined;
    isSpanContextValid(context: OtelSpanContext): boolean;
  };
  readonly metrics: { getMeter(name: string): OtelMeter };
}

/** What was thrown as an exception of a span. */
export function thrownAs(thrown: unknown): Error | { readonly message: string } {
  return thrown instanceof Error ? thrown : { message: shown(thrown) };
}

/** Has a span say what was thrown. */
export function markFailed({ SpanStatusCode }: OtelApi, span: OtelSpan, thrown: unknown): void {
  const error = thrownAs(thrown);
  span.recordException(error);
  span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
}

/** By which tracers and meters of keylane are known. */
export const otelName = 'keylane';

/** Loads it. Rejects with a KeylaneError `bad-option` where it is not installed. */
export async function loadOpenTelemetry(): Promise<OtelApi> {
  try {
    return (await import('@opentelemetry/api')) as unknown as OtelApi;
  } catch (error) {
    const what = 'openTelemetry needs the package @opentelemetry/api';
    const advice = 'install it beside keylane, with an SDK that exports what it is told';
    throw new KeylaneError('bad-option', `${what}: ${messageOf(error)}; ${advice}`, { cause: error });
  }
}
