// What users hold. It wires the parts together, owns the phase, and turns calls into what the intake and the pump
// understand. It never runs a handler, touches SQLite, or reads a result that nobody asked to see.

import { Announcer, type Listener, type ProcessorEvents } from './announcer.js';
import type { Clock } from './clock.js';
import { Consumption } from './consumption.js';
import { Dispatcher } from './dispatch/dispatcher.js';
import { KeylaneError, messageOf, shown } from './errors.js';
import { type EventLimits, type EventMap, type EventOf, encodeEvent, type Identity } from './event.js';
import type { Fed } from './feed.js';
import type { HandlerTable } from './handler.js';
import { Intake } from './intake.js';
import { Interrupt, untilInterrupted } from './interrupt.js';
import type { Config } from './options.js';
import type { RowNames } from './outcome.js';
import { Partitions } from './partitions.js';
import type { Phase } from './phase.js';
import { Pump } from './pump.js';
import type { Source } from './sources/source.js';
import { type Stats, statsFrom } from './stats.js';
import type { JournalStart } from './store/messages.js';
import type { HandlerThreads, WriterThread } from './threads.js';
import type { Trouble } from './trouble.js';

/** What `publish` gives once the event is accepted. */
export interface Receipt {
  readonly identity: Identity;
}

/** Admissions after which `publishMany` lets the rest of the process run. */
const admissionsPerTurn = 512;

interface Parts {
  readonly config: Config;
  readonly table: HandlerTable;
  readonly writer: WriterThread;
  readonly pool: HandlerThreads;
  readonly journal: JournalStart;
  readonly trouble: Trouble;
  readonly clock: Clock;
}

/** Runs handlers on every core, in order per key, with one durable outcome per event. Made by `createProcessor`. */
export class Processor<Events extends EventMap = EventMap> {
  /** The partition of published events. */
  static readonly journalPartition = 'journal';
  /** The handlers it runs: their names, and whether the only one takes every type. */
  readonly handlers: HandlerTable;
  readonly #parts: Parts;
  readonly #limits: EventLimits;
  readonly #announcer = new Announcer();
  readonly #dispatcher: Dispatcher;
  readonly #partitions: Partitions;
  readonly #names: RowNames;
  readonly #pump: Pump;
  readonly #intake: Intake;
  readonly #startedMs: number;
  readonly #consumption: Consumption;
  /** Written by #enter alone. */
  #phase: Phase = 'idle';
  /** What ended it before its time: the trouble, or `abort`. */
  #cutShortBy: KeylaneError | null = null;
  #ending: Promise<void> | null = null;
  #clearing: Promise<unknown> = Promise.resolve();

  /** @internal */
  constructor(parts: Parts) {
    const { config, table, pool, writer, clock, journal } = parts;
    this.#parts = parts;
    this.handlers = table;
    this.#limits = config;
    this.#startedMs = clock.nowMs();
    this.#dispatcher = new Dispatcher({ ...config, handlerCount: table.names.length });
    this.#partitions = new Partitions(this.#dispatcher);
    this.#names = {
      partition: (index) => this.#partitions.nameOf(index),
      handler: (index) => table.names[index] ?? '',
    };
    this.#pump = new Pump({
      dispatcher: this.#dispatcher,
      partitions: this.#partitions,
      runners: pool,
      writer,
      clock,
      limits: config,
      letIn: () => this.#intake.letIn(),
      inspect: (report) => this.#announcer.inspect(report, this.#names),
      onFatal: (error) => this.#fail(error),
    });
    const { partition, positionUnused } = journal;
    this.#partitions.open(Processor.journalPartition, { partition, watermark: positionUnused });
    const indexes = new Map(table.names.map((name, index) => [name, index]));
    this.#intake = new Intake({
      room: () => this.#dispatcher.room,
      admit: (event, owed) => this.#dispatcher.admit(event, owed),
      watermark: (index) => this.#dispatcher.watermark(index),
      handlerOf: table.takes === 'every-type' ? () => 0 : (type) => indexes.get(type) ?? null,
      wake: () => this.#pump.wake(),
      publishersMax: config.publishersMax,
      journal: { partition, positionNext: positionUnused },
    });
    this.#consumption = new Consumption({
      ...{ writer, clock, limits: config, handlers: table, reserved: Processor.journalPartition },
      ...{ intake: this.#intake, partitions: this.#partitions },
      onWarning: (error) => this.#announcer.tell('warning', error),
    });
    parts.trouble.connect({
      onFatal: (error) => this.#fail(error),
      onWarning: (error) => this.#announcer.tell('warning', error),
    });
    if (config.autoStart) this.start();
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** Starts running what was accepted while idle, and what comes. Does nothing in any other phase. */
  start(): void {
    if (this.#phase !== 'idle') return;
    this.#enter('running');
    this.#pump.open();
  }

  /**
   * Accepts an event; waits while there is no room. Events that one caller publishes are accepted in the order of the
   * calls. Rejects with `bad-event`, `overloaded`, the reason of `signal`, or with what ended the processor:
   * `not-running` after drain or stop, `aborted`, or the trouble it failed with.
   */
  async publish(event: EventOf<Events>, options?: { signal?: AbortSignal }): Promise<Receipt> {
    const signal = options?.signal;
    signal?.throwIfAborted();
    const encoded = encodeEvent(event, this.#limits);
    const position = this.#intake.offer(encoded) ?? (await this.#intake.wait(encoded, signal));
    this.#pump.wake();
    return { identity: { partition: Processor.journalPartition, position } };
  }

  /** Accepts an event if there is room now; null if there is none. Throws where `publish` would reject. */
  tryPublish(event: EventOf<Events>): Receipt | null {
    const position = this.#intake.offer(encodeEvent(event, this.#limits));
    if (position === null) return null;
    this.#pump.wake();
    return { identity: { partition: Processor.journalPartition, position } };
  }

  /**
   * Accepts events one after another, waiting for room as needed, and resolves when the last one is accepted. It
   * allocates no receipts. At an event that is refused it rejects; what came before that event stays accepted.
   */
  async publishMany(
    events: Iterable<EventOf<Events>> | AsyncIterable<EventOf<Events>>,
    options?: { signal?: AbortSignal },
  ): Promise<{ accepted: number }> {
    const signal = options?.signal;
    let accepted = 0;
    const accept = (event: EventOf<Events>): Promise<unknown> | null => {
      signal?.throwIfAborted();
      const encoded = encodeEvent(event, this.#limits);
      const waiting = this.#intake.offer(encoded) === null ? this.#intake.wait(encoded, signal) : null;
      accepted += 1;
      return waiting ?? (accepted % admissionsPerTurn === 0 ? this.#pump.nextTurn() : null);
    };
    const given: unknown = events;
    if (typeof given !== 'object' || given === null || !(Symbol.iterator in given || Symbol.asyncIterator in given)) {
      throw new KeylaneError(
        'bad-event',
        `events must be an iterable or async iterable of events, got ${shown(given)}`,
      );
    }
    if (Symbol.asyncIterator in events) {
      const interrupt = new Interrupt({ signal, onClosed: (callback) => this.#intake.onClosed(callback) });
      for await (const event of untilInterrupted(events, interrupt)) await accept(event);
    } else {
      for (const event of events) {
        const pending = accept(event);
        if (pending !== null) await pending;
      }
    }
    this.#pump.wake();
    return { accepted };
  }

  /**
   * Accepts what a source gives, as there is room, and resolves when the source has ended and every event of it is
   * durable. It goes on where durable outcomes of the source's partition end. Cut short by `drain`, `stop` or `signal`
   * it resolves with `ended: false`; it rejects with the source's own error once what came before is durable.
   */
  consume(source: Source, options?: { signal?: AbortSignal }): Promise<Fed> {
    return this.#consumption.consume(source, options?.signal);
  }

  /** Takes nothing more in, finishes everything held, and closes the store and the threads. */
  drain(): Promise<void> {
    return this.#end({ finishHeld: true });
  }

  /** Takes nothing more in, finishes what is in flight, leaves the rest, and closes. Says how many events it left. */
  async stop(): Promise<{ left: number }> {
    await this.#end({ finishHeld: false });
    return { left: this.#dispatcher.held };
  }

  /** Ends now: what is not durable will not be. Calls that wait reject with `aborted`. */
  async abort(): Promise<void> {
    if (this.#phase !== 'stopped' && this.#phase !== 'failed') {
      this.#kill('stopped', new KeylaneError('aborted', 'abort() ended the processor before this was done'));
    }
    await this.#clearing;
  }

  /** Drains. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain();
  }

  /** One snapshot of the counts. */
  stats(): Stats {
    return statsFrom({
      phase: this.#phase,
      uptimeMs: this.#parts.clock.nowMs() - this.#startedMs,
      threads: this.#parts.pool.threads,
      publishersWaiting: this.#intake.publishersWaiting,
      held: this.#dispatcher.counts(),
      done: this.#pump.counts(),
    });
  }

  on<Name extends keyof ProcessorEvents>(name: Name, listener: Listener<Name>): this {
    this.#announcer.on(name, listener);
    return this;
  }

  off<Name extends keyof ProcessorEvents>(name: Name, listener: Listener<Name>): this {
    this.#announcer.off(name, listener);
    return this;
  }

  #end(how: { finishHeld: boolean }): Promise<void> {
    if (this.#phase === 'failed') return this.#clearing.then(() => Promise.reject(this.#cutShortBy));
    if (this.#phase === 'stopped' && this.#ending === null) return Promise.resolve();
    if (!how.finishHeld) this.#pump.shut();
    if (this.#ending === null) {
      if (how.finishHeld) this.#pump.open();
      const closed = new KeylaneError('not-running', 'the processor takes no more events: it is draining or stopped');
      this.#enter('draining');
      this.#intake.close(closed, { fatal: false });
      this.#ending = this.#finish();
    }
    return this.#ending;
  }

  async #finish(): Promise<void> {
    try {
      await this.#pump.whenQuiet();
      this.#refuseIfCutShort();
      this.#intake.settleFeeds();
      await this.#parts.pool.close();
      this.#refuseIfCutShort();
      await this.#parts.writer.close(this.#partitions.takeLast());
      this.#refuseIfCutShort();
    } catch (error) {
      // Unless abort() or trouble came first, closing itself has failed.
      this.#fail(
        error instanceof KeylaneError ? error : new KeylaneError('internal', messageOf(error), { cause: error }),
      );
      throw this.#cutShortBy ?? error;
    }
    this.#pump.kill();
    this.#enter('stopped');
  }

  /** While the end was under way, abort() or trouble may have overtaken it. */
  #refuseIfCutShort(): void {
    if (this.#cutShortBy !== null) throw this.#cutShortBy;
  }

  #fail(error: KeylaneError): void {
    if (this.#phase === 'stopped' || this.#phase === 'failed') return;
    this.#kill('failed', error);
    this.#announcer.tell('fatal', error);
  }

  /** Ends everything at once, and refuses everyone who waits. */
  #kill(phase: 'stopped' | 'failed', error: KeylaneError): void {
    this.#cutShortBy = error;
    this.#enter(phase);
    this.#pump.kill();
    this.#intake.close(error, { fatal: true });
    this.#clearing = Promise.allSettled([this.#parts.pool.abort(), this.#parts.writer.abort()]);
  }

  #enter(phase: Phase): void {
    this.#phase = phase;
  }
}
