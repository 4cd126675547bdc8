// Calls of a processor about what goes in and what comes out: receipts, listeners, streams. Each is put together from
// parts of the engine; none knows the life of the processor.

import type { Writable } from 'node:stream';
import type { WritableStream } from 'node:stream/web';
import { Announcer, type Listener, type ProcessorEvents } from './announcer.js';
import { type BusiestBy, type BusiestKeys, busiestKeys } from './busiest-keys.js';
import type { AddOptions, RemoveOptions } from './changing-handlers.js';
import type { Engine } from './engine.js';
import { KeylaneError } from './errors.js';
import type { EventOf, TypeOf } from './event-map.js';
import type { HandlerTable } from './handler.js';
import { type Health, healthOf } from './health.js';
import { signalOf, type WithSignal } from './option-spec.js';
import type { Outcome } from './outcome.js';
import { type EventFilter, Matcher, type OutcomeFilter } from './outcome-filter.js';
import { type OutcomeIterator, PulledOutcomes } from './outcome-iterator.js';
import type { PauseFilter } from './pausing.js';
import { prometheusText } from './prometheus.js';
import { endedBefore } from './receipts.js';
import type { DurableState } from './state-look-up.js';
import type { Stats } from './stats.js';
import { nodeWritable, type WritableOptions, webWritable } from './streams.js';
import {
  checkListener,
  ListenerQueue,
  type OutcomeListener,
  type QueueOptions,
  type SubscribeOptions,
  type Subscription,
  type Wanted,
  wantedFrom,
} from './subscription.js';

export abstract class ProcessorCalls<Events extends object> {
  /** @internal */
  protected readonly announcer = new Announcer();

  /** @internal */
  protected abstract readonly engine: Engine;

  /**
   * What it failed with. Written by the Processor.
   * @internal
   */
  protected failure: KeylaneError | null = null;

  /**
   * Calls, unless the processor has ended: then it rejects with what ended it.
   * @internal
   */
  protected abstract whileOpen<Value>(call: () => Promise<Value>): Promise<Value>;

  /** The handlers it runs: their names, and which types each takes. */
  get handlers(): HandlerTable {
    return this.engine.handlers.table;
  }

  /** One snapshot of the counts. */
  abstract stats(): Stats;

  /** Whether it does its work, and what wants to be looked at: judged from the counts of this moment. */
  health(): Health {
    return healthOf(this.stats(), this.failure);
  }

  /**
   * The counts as text for Prometheus (`prometheusContentType`); `labels` are added to each metric. Throws a
   * KeylaneError `bad-option` for labels that cannot be, or that a metric has.
   */
  prometheusText(labels: Readonly<Record<string, string>> = {}): string {
    const stats = this.stats();
    return prometheusText({ stats, health: healthOf(stats, this.failure) }, labels);
  }

  /**
   * The keys of which most waits in memory, of which something has waited longest there, or which took most handler
   * time of late; and whether the order of a key is the bottleneck. Looks at every key in memory.
   */
  busiestKeys(limit = 10, by: BusiestBy = 'waiting'): BusiestKeys {
    const { dispatcher, names, pump, admissions, clock, orders } = this.engine;
    const { threads, backlog } = this.stats();
    const parts = {
      dispatcher,
      threads,
      backlog,
      admissions,
      orders,
      costs: pump.figures.keyCosts,
      nowMs: clock.nowMs(),
    };
    return busiestKeys({ ...parts, nameOf: names.handler }, { limit, by });
  }

  /**
   * Publishes an event and resolves with its durable outcome, whatever its status: a dead letter is an outcome, not an
   * error. For a duplicate it is the outcome of the event that has its id. Rejects as `publish` does where the event is
   * not accepted; before it is, with `several-outcomes` or `unmatched` where not just one handler takes its type; and
   * as `Receipt.outcome` does once it is.
   */
  process<T extends TypeOf<Events>>(event: EventOf<Events, T>, options?: WithSignal): Promise<Outcome> {
    return this.engine.publishing.process(event, options);
  }

  /**
   * The durable state that a handler keeps for a key, or null: what its last durable outcome has left. Events that run
   * or are on their way to the store have not changed it yet; `whenIdle({ handler, key })` waits for them. Rejects with
   * `bad-option`, or with what ended the processor.
   */
  state(handler: string, key: string): Promise<DurableState | null> {
    return this.whileOpen(() => this.engine.states.find(handler, key));
  }

  /**
   * Resolves when no accepted event waits or runs: all of them, or those of a type, key or handler; events that wait
   * for their next try are waited for, parked ones are not. Of events that wait in the store for want of memory, a
   * filter knows only those that were there when this was called, and of retries that wait there not the type. Rejects
   * with what ended the processor before, unless everything is done.
   */
  async whenIdle(which: EventFilter = {}, options?: WithSignal): Promise<void> {
    await this.engine.idleness.whenIdle(new Matcher(which, 'events'), signalOf(options));
  }

  /**
   * Has a listener told of durable outcomes: of a type, where each `*` stands for any text (`order.*`), or of a filter.
   * Those of one key come in their order, and where it gives a promise, the next one of that key waits for it; other
   * keys may overlap, up to `concurrency`. What it throws or rejects with is told as a `warning`, and it goes on. While
   * `queueMax` outcomes wait for it, no batch starts. Throws a KeylaneError once the processor has ended.
   */
  subscribe(which: string | OutcomeFilter, listener: OutcomeListener, options: SubscribeOptions = {}): Subscription {
    checkListener(listener);
    const wanted = wantedFrom(which, options, { verb: 'subscribe', names: ['signal', 'queueMax', 'concurrency'] });
    const { queueMax, concurrency } = wanted;
    const { audience } = this.engine;
    const queue = new ListenerQueue({
      ...{ matcher: wanted.matcher, name: wanted.name, listener, queueMax, concurrency, ...audience.links },
      orderOf: (handler) => this.engine.orderOf(handler),
      onWarning: (error) => this.announcer.tell('warning', error),
    });
    audience.add(queue);
    endBy(wanted, { end: () => queue.unsubscribe(), ended: queue.done });
    return queue;
  }

  /**
   * Durable outcomes one after another, from this call on, for `for await`, `Readable.from`, `ReadableStream.from`. It
   * ends when the processor was drained or stopped and what had come until then was taken; abort, trouble and `signal`
   * end it at once, and are thrown. `break`, `return()` and `await using` leave it. While `queueMax` outcomes wait for
   * it, no batch starts.
   */
  outcomes(which: string | OutcomeFilter = {}, options: QueueOptions = {}): OutcomeIterator {
    const wanted = wantedFrom(which, options, { verb: 'outcomes', names: ['signal', 'queueMax'] });
    const { matcher, name, queueMax, signal } = wanted;
    const { audience } = this.engine;
    const pulled = new PulledOutcomes({ matcher, name, queueMax, ...audience.links });
    audience.add(pulled);
    endBy(wanted, { end: () => pulled.cutShort(signal?.reason), ended: pulled.left });
    return pulled;
  }

  /**
   * A stream of Node in object mode that publishes what is written to it, for `pipeline`. A bad event destroys it with
   * `bad-event`, what ends the processor with that; what was written before stays accepted.
   */
  writable(options: WritableOptions = {}): Writable {
    return nodeWritable(this.engine, options);
  }

  /** The same as a stream of the web, for `pipeTo`. */
  writableStream(options: WritableOptions = {}): WritableStream<EventOf<Events>> {
    return webWritable(this.engine, options);
  }

  /**
   * Lets no event start from now on: of any handler and key (`{}`), of a handler, a key, or a key of one handler.
   * What is in flight is finished; what comes is accepted, stored, and waits in order. `whenIdle` waits for it, `stop`
   * leaves it, and `drain` resumes everything, as it finishes what was accepted. A pause is not stored: the next start
   * has none. At most 10,000 keys can be paused. Throws a KeylaneError `bad-option`, `overloaded`, or what ended the
   * processor.
   */
  pause(which: PauseFilter = {}): void {
    this.engine.pausing.pause(which);
  }

  /** Takes a pause back: the one that was made with the same filter, or, without one, all of them. */
  resume(which?: PauseFilter): void {
    this.engine.pausing.resume(which);
  }

  /**
   * Adds the handlers that a module exports: events that are accepted from then on are owed to them too, after what
   * waits for handlers of their names in the store. Resolves with their names when threads that have them have taken
   * over and the store knows them; waits for a handler of such a name that is being removed. Rejects, and handlers stay
   * as they are, with `bad-handlers` where the module is not sound, has a name that is taken, or another order than
   * what waits for it; with `not-running` or what ended the processor, where that comes first.
   */
  addHandlers(module: string | URL, options: AddOptions = {}): Promise<readonly string[]> {
    return this.whileOpen(() => this.engine.changing.add(module, options));
  }

  /**
   * Removes a handler: no event that is accepted from now on is owed to it. What was accepted before is finished
   * (`finish`: resolves then; it waits for retries and pauses, not for keys that are stopped behind a dead letter), or
   * stays in the store (`park`: resolves when what was running is done and the rest is stored); called again with
   * `park`, one that finishes is parked. Rejects with `bad-option` where there is no such handler.
   */
  removeHandler(name: string, options: RemoveOptions): Promise<void> {
    return this.whileOpen(() => this.engine.changing.remove(name, options));
  }

  on<Name extends keyof ProcessorEvents>(name: Name, listener: Listener<Name>): this {
    this.announcer.on(name, listener);
    return this;
  }

  off<Name extends keyof ProcessorEvents>(name: Name, listener: Listener<Name>): this {
    this.announcer.off(name, listener);
    return this;
  }

  /**
   * Tells those who wait for outcomes that no more come, once everything is told; the store is open still.
   * @internal
   */
  protected async endCalls(): Promise<void> {
    const { receipts, idleness, audience } = this.engine;
    await receipts.finish(endedBefore());
    idleness.close(endedBusy(), { isOrderly: true });
    audience.end(null);
  }

  /**
   * Tells them at once what has ended the processor.
   * @internal
   */
  protected cutCalls(error: KeylaneError): void {
    const { receipts, idleness, audience } = this.engine;
    receipts.close(error);
    idleness.close(error, { isOrderly: false });
    audience.end(error);
  }
}

/** Told to those who wait until nothing waits or runs. */
function endedBusy(): KeylaneError {
  const what = 'the processor has ended, and not everything that was waited for is done';
  return new KeylaneError('not-running', `${what}: what is left stays in the store, and goes on at the next start`);
}

/** Has a signal end something; it is let go of when that has ended otherwise. */
function endBy({ signal }: Wanted, of: { end: () => void; ended: Promise<void> }): void {
  if (signal === undefined) return;
  if (signal.aborted) of.end();
  signal.addEventListener('abort', of.end, { once: true });
  const letGo = (): void => signal.removeEventListener('abort', of.end);
  of.ended.then(letGo, letGo);
}
