// A processor for tests: everything but threads is real, the store included, and time passes when the test says so. It
// begins, runs and ends in the test's own thread.

import type { Audience } from '../audience.js';
import type { Published } from '../create-processor.js';
import { badEvent, KeylaneError, shown } from '../errors.js';
import { type Identity, isIdentity } from '../event.js';
import { schemasFrom } from '../event-encoder.js';
import type { EventMap } from '../event-map.js';
import type { Handlers } from '../handler.js';
import { openStore } from '../open-store.js';
import { loadOpenTelemetry } from '../open-telemetry.js';
import { configFrom } from '../options.js';
import type { Outcome } from '../outcome.js';
import { ordersOf, policiesOf } from '../policy.js';
import { emitLimitsOf } from '../pool/emitter.js';
import { loadHandlers, moduleOf } from '../pool/handler-module.js';
import { type LoadRequest, locate, type PreflightResult } from '../pool/preflight.js';
import { TryTracing } from '../pool/try-tracing.js';
import { Processor } from '../processor.js';
import type { Schemas } from '../standard-schema.js';
import type { JournaledEvent } from '../store/stored-event.js';
import { Tracing } from '../tracing.js';
import { Trouble } from '../trouble.js';
import { InlineStore } from './inline-store.js';
import { InlineThreads } from './inline-threads.js';
import { mulberry32 } from './mulberry32.js';
import { isWithin } from './patience.js';
import { TestClock } from './test-clock.js';
import { checkTestOptions, nowDefault, patienceMsDefault, type TestOptions } from './test-options.js';

export type { TestOptions };

/** Rounds of the event loop without anything to do, after which there is nothing: a batch hands over within them. */
const quietRounds = 4;

/** How long a call of a listener may take, in real time, before it is taken to wait for what the clock has later. */
const listenerMs = 100;

const endAdvice = 'let it end, or advance() the clock past its timeoutMs and graceMs';

/**
 * Makes a processor that runs handlers in this thread, with one thread unless `threads` says otherwise. Rejects with a
 * KeylaneError as `createProcessor` does. Without `seed` everything happens in the same order each time.
 */
export async function createTestProcessor<H extends Handlers, const S extends Schemas = Record<never, never>>(
  options: TestOptions<H, S>,
): Promise<TestProcessor<NoInfer<Published<H, S>>>> {
  checkTestOptions(options);
  const { handlers, policies, now = nowDefault, seed, patienceMs = patienceMsDefault, schemas, ...rest } = options;
  const given = {
    threads: 1,
    groupWaitMs: 0,
    freezeState: true,
    ...rest,
    intake: 'journal',
    durability: 'process',
  } as const;
  const config = configFrom({ ...given, handlers: 'file:///handlers-of-a-test', store: 'test.db' });
  const module = moduleOf({ default: handlers, policies }, 'the handlers of the test');
  const { table } = module;
  const source = { url: config.handlers.toString(), exportName: 'default', table };
  const whole = policiesOf(table, config);
  const { retention, order } = config;
  const telemetry = config.openTelemetry ? await loadOpenTelemetry() : null;
  const checkedBy = schemasFrom(schemas);
  const clock = new TestClock(Number(now));
  const trouble = new Trouble();
  const tracing = telemetry === null ? null : new Tracing(telemetry, (error) => trouble.warning(error));
  const random = seed === undefined ? null : mulberry32(seed);
  const pool = new InlineThreads({
    ...{ module, tracing: telemetry === null ? null : new TryTracing(telemetry) },
    policies: whole,
    limits: limitsOf(config),
    threads: config.threads,
    clock,
    random,
    jitter: mulberry32(seed ?? 0),
  });
  const orders = ordersOf(table, order);
  const store = new InlineStore({ durability: 'process', retention, order, orders, handlerNames: table.names });
  try {
    const processor = new InlineProcessor<Published<H, S>>({
      ...{ config, table, clock, pool, writer: store, opened: store.opened, trouble },
      load: loadInline,
      sources: [source],
      ...{ schemas: checkedBy, tracing },
      journal: await store.openJournal({ isVolatile: false }),
      flight: { depart: () => {}, arrive: () => {}, addHandlers: () => {}, close: () => {} },
    });
    return new TestProcessor({ processor, clock, pool, store, patienceMs });
  } catch (error) {
    await store.abort();
    store.remove();
    throw error;
  }
}

/** Loads a module of handlers that come later; all run in this thread. */
async function loadInline(module: string | URL, { exportName }: LoadRequest): Promise<PreflightResult> {
  const url = locate(module);
  return { url, table: (await loadHandlers(url.href, exportName)).table, execArgv: [] };
}

function limitsOf(config: ReturnType<typeof configFrom>): ConstructorParameters<typeof InlineThreads>[0]['limits'] {
  const { batchSizeMax, batchBytesMax, resultSizeMax, errorSizeMax, postponementsMax, stateSizeMax, freezeState } =
    config;
  const sizes = { batchSizeMax, reportSizeMax: batchBytesMax, resultSizeMax, errorSizeMax, stateSizeMax };
  return { ...sizes, postponementsMax, freezeState, emits: emitLimitsOf(config) };
}

/** A processor that says what of others it waits for. */
class InlineProcessor<Events extends object> extends Processor<Events> {
  /** Schemas that are asked. */
  get checks(): Promise<unknown> | null {
    return this.engine.publishing.checks;
  }

  /** A listener with calls under way, if there is one. */
  listening(): ReturnType<Audience['underWay']> {
    return this.engine.audience.underWay();
  }
}

interface Parts<Events extends object> {
  readonly processor: InlineProcessor<Events>;
  readonly clock: TestClock;
  readonly pool: InlineThreads;
  readonly store: InlineStore;
  readonly patienceMs: number;
}

export class TestProcessor<Events extends object = EventMap> {
  /** The processor: publish to it, pause it, ask it. */
  readonly processor: Processor<Events>;
  readonly #parts: Parts<Events>;
  readonly #outcomes: Outcome[] = [];

  /** @internal */
  constructor(parts: Parts<Events>) {
    this.#parts = parts;
    this.processor = parts.processor;
    this.processor.on('outcome', (outcome) => this.#outcomes.push(outcome));
  }

  /** Where its store is, until it is disposed of. */
  get path(): string {
    return this.#parts.store.path;
  }

  /** The time of its wall clock, in milliseconds since the Unix epoch. */
  get nowMs(): number {
    return this.#parts.clock.wallMs();
  }

  /**
   * Resolves when nothing more happens unless time passes: handlers and listeners that run and schemas that take their
   * time are waited for, retries and breakers are not. Rejects when one has not ended after `patienceMs` of real time:
   * it waits for what does not come, or for its time limit, which `advance` brings.
   */
  async settle(): Promise<void> {
    const { clock, pool, processor } = this.#parts;
    for (let quiet = 0; quiet < quietRounds; ) {
      await nextRound();
      quiet = clock.isBusy ? 0 : quiet + 1;
      if (quiet < quietRounds) continue;
      const { checks } = processor;
      const listening = processor.listening();
      if (checks !== null) await this.#within(checks, { what: () => 'a schema has taken', advice: 'let it answer' });
      else if (pool.isBusy)
        await this.#within(this.#nextEnd(), { what: () => `${this.#running} has run for`, advice: endAdvice });
      else if (listening === null || !(await this.#isOneOver(listening))) return;
      quiet = 0;
    }
  }

  /** Lets time pass, and all that is due meanwhile happen, each at its time. Handlers that run are not waited for. */
  async advance(ms: number): Promise<void> {
    if (!(ms >= 0 && ms < Number.POSITIVE_INFINITY)) {
      throw new KeylaneError('bad-option', `advance takes a number of ms from 0, got ${shown(ms)}`);
    }
    const { clock } = this.#parts;
    const target = clock.nowMs() + ms;
    await this.#rounds();
    while (clock.nextAtMs <= target) {
      clock.moveTo(clock.nextAtMs);
      await this.#rounds();
    }
    clock.moveTo(target);
    await this.#rounds();
  }

  /** Lets as much time pass as it takes to finish everything accepted, and ends. */
  async drain(): Promise<void> {
    const { clock, processor } = this.#parts;
    let isOver = false;
    const over = processor.drain().finally(() => {
      isOver = true;
    });
    over.catch(() => {});
    for (;;) {
      await this.settle();
      if (isOver) {
        await over;
        // Listeners are told the rest.
        return this.settle();
      }
      if (clock.nextAtMs < Number.POSITIVE_INFINITY) clock.moveTo(clock.nextAtMs);
    }
  }

  /** The events that were published, in their order. */
  published(): JournaledEvent[] {
    const reader = openStore(this.#parts.store.path);
    try {
      return [...reader.events()];
    } finally {
      reader.close();
    }
  }

  /** The outcomes so far, in the order in which they became durable. */
  outcomes(): readonly Outcome[] {
    return this.#outcomes;
  }

  /**
   * The newest outcome of an event, by its receipt, identity or id, of one handler if that is named, or null: as it was
   * told. What is discarded later stays a dead letter here; its receipt asks the store.
   */
  outcomeOf(of: { readonly identity: Identity } | Identity | string, handler?: string): Outcome | null {
    if (typeof of !== 'string' && !isIdentity('identity' in Object(of) ? (of as { identity: unknown }).identity : of)) {
      throw badEvent('the event of an outcome', 'told by its receipt, its identity or its id', of);
    }
    const found = this.#outcomes.findLast((outcome) => {
      if (handler !== undefined && outcome.handler !== handler) return false;
      if (typeof of === 'string') return outcome.id === of;
      const { partition, position } = 'identity' in of ? of.identity : of;
      return outcome.identity.partition === partition && outcome.identity.position === position;
    });
    return found ?? null;
  }

  /** Ends at once, and removes the store. */
  async close(): Promise<void> {
    await this.processor.abort();
    this.#parts.store.remove();
  }

  /** Closes. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #rounds(): Promise<void> {
    for (let quiet = 0; quiet < quietRounds; quiet = this.#parts.clock.isBusy ? 0 : quiet + 1) await nextRound();
  }

  /** Waits for a call of a listener; says whether one is over. Where something is due later, it may wait for that. */
  async #isOneOver({ name, over }: { readonly name: string; readonly over: Promise<unknown> }): Promise<boolean> {
    if (this.#parts.clock.nextAtMs < Number.POSITIVE_INFINITY) return isWithin(over, listenerMs);
    await this.#within(over, { what: () => `a call of ${name} has taken`, advice: 'let it end' });
    return true;
  }

  /** Resolves when a batch or a call of a listener ends: the one may wait for the other. */
  #nextEnd(): Promise<unknown> {
    const { pool, processor } = this.#parts;
    return Promise.race([pool.nextEnd(), processor.listening()?.over ?? new Promise(() => {})]);
  }

  /** What is waited for, for messages. */
  get #running(): string {
    const handler = this.#parts.pool.runs;
    return handler === null ? 'a batch' : `an event of handler ${shown(handler)}`;
  }

  async #within(end: Promise<unknown>, of: { what: () => string; advice: string }): Promise<void> {
    const { patienceMs } = this.#parts;
    if (await isWithin(end, patienceMs)) return;
    throw new KeylaneError('aborted', `${of.what()} ${patienceMs} ms of real time: ${of.advice}`);
  }
}

function nextRound(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
