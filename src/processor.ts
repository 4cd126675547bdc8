// What users hold. It wires the parts together, owns the phase, and turns calls into what the intake and the pump
// understand. It never runs a handler, touches SQLite, or reads a result that nobody asked to see.

import { Acceptance } from './acceptance.js';
import { Announcer, type Listener, type ProcessorEvents } from './announcer.js';
import type { Clock } from './clock.js';
import { Consumption } from './consumption.js';
import { Dispatcher } from './dispatch/dispatcher.js';
import { KeylaneError, messageOf } from './errors.js';
import { type EventMap, type EventOf, journalPartition } from './event.js';
import type { Fed } from './feed.js';
import type { HandlerTable } from './handler.js';
import { Intake } from './intake.js';
import { Journal } from './journal.js';
import type { Config } from './options.js';
import type { RowNames } from './outcome.js';
import { Partitions } from './partitions.js';
import type { Phase } from './phase.js';
import { type ManyAccepted, Publishing, type Receipt } from './publishing.js';
import { Pump } from './pump.js';
import type { Source } from './sources/source.js';
import { type Stats, statsFrom } from './stats.js';
import type { JournalStart, OpenResult } from './store/messages.js';
import type { FlightRecorder, HandlerThreads, WriterThread } from './threads.js';
import type { Trouble } from './trouble.js';

/** What was owed when the processor was made. */
export interface Recovery {
  /** Journaled events without an outcome. */
  readonly pending: number;
  /** Whether the user before had closed the store in order. */
  readonly wasClean: boolean;
  /** Published events that may have ended the process, and run alone therefore; sources have theirs besides. */
  readonly suspects: number;
}

interface Parts {
  readonly config: Config;
  readonly table: HandlerTable;
  readonly writer: WriterThread;
  readonly pool: HandlerThreads;
  readonly opened: OpenResult;
  readonly journal: JournalStart;
  readonly flight: FlightRecorder;
  readonly trouble: Trouble;
  readonly clock: Clock;
}

/** Runs handlers on every core, in order per key, with one durable outcome per event. Made by `createProcessor`. */
export class Processor<Events extends EventMap = EventMap> {
  /** The handlers it runs: their names, and whether the only one takes every type. */
  readonly handlers: HandlerTable;
  readonly #parts: Parts;
  /** What was owed when it was made. */
  readonly recovery: Recovery;
  readonly #announcer = new Announcer();
  readonly #dispatcher: Dispatcher;
  readonly #partitions: Partitions;
  readonly #names: RowNames;
  readonly #pump: Pump;
  readonly #journal: Journal;
  readonly #acceptance: Acceptance;
  readonly #intake: Intake;
  readonly #publishing: Publishing;
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
    this.#startedMs = clock.nowMs();
    this.#dispatcher = new Dispatcher({ ...config, handlerCount: table.names.length });
    this.#partitions = new Partitions(this.#dispatcher);
    this.#names = {
      partition: (index) => this.#partitions.nameOf(index),
      handler: (index) => table.names[index] ?? '',
    };
    const onWarning = (error: KeylaneError): void => this.#announcer.tell('warning', error);
    const [dispatcher, partitions] = [this.#dispatcher, this.#partitions];
    const { pending, suspects } = journal;
    this.recovery = { pending, suspects: suspects.length / 2, wasClean: parts.opened.wasClean };
    this.#journal = new Journal(journal, { dispatcher, partitions, onWarning, pageBytesMax: config.batchBytesMax });
    this.#pump = new Pump({
      ...{ dispatcher, partitions, journal: this.#journal, runners: pool, flight: parts.flight },
      ...{ writer, clock, limits: config },
      letIn: () => {
        this.#acceptance.look();
        this.#intake.letIn();
      },
      inspect: (report) => this.#announcer.inspect(report, this.#names),
      onFatal: (error) => this.#fail(error),
    });
    this.#acceptance = new Acceptance({
      ...{ limits: config, dispatcher, journal: this.#journal, pump: this.#pump, clock, onWarning },
    });
    this.#intake = new Intake({
      room: () => this.#acceptance.roomForSources,
      admit: (event, owed) => dispatcher.admit(event, owed),
      accept: (owed) => this.#acceptance.accept(owed),
      refill: () => this.#pump.refill(),
      watermark: (index) => dispatcher.watermark(index),
      handlerOf: handlerFinder(table),
      wake: () => this.#pump.wake(),
      publishersMax: config.publishersMax,
    });
    this.#publishing = new Publishing({
      ...{ intake: this.#intake, pump: this.#pump, limits: config, partition: journalPartition },
    });
    this.#consumption = new Consumption({
      ...{ writer, clock, limits: config, handlers: table, reserved: journalPartition },
      ...{ intake: this.#intake, partitions, onWarning },
    });
    parts.trouble.connect({ onFatal: (error) => this.#fail(error), onWarning });
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
   * Accepts an event: once resolved it is stored, at the configured durability (with intake `memory`: held in memory),
   * and will have exactly one outcome. Waits while there is no room. Events that one caller publishes are accepted in
   * the order of the calls; an id that was journaled before is not accepted again. Rejects with `bad-event`,
   * `overloaded`, the reason of `signal` while it waits for room, or with what ended the processor: `not-running` after
   * drain or stop, `aborted`, or the trouble it failed with.
   */
  publish(event: EventOf<Events>, options?: { signal?: AbortSignal }): Promise<Receipt> {
    return this.#publishing.publish(event, options?.signal);
  }

  /**
   * Takes an event in if there is room now, and gives the promise that `publish` would; null if there is none. Throws
   * where `publish` would reject.
   */
  tryPublish(event: EventOf<Events>): Promise<Receipt> | null {
    return this.#publishing.tryPublish(event);
  }

  /**
   * Accepts events one after another, waiting for room as needed, and resolves when the last one is accepted. It
   * allocates no receipts. At an event that is refused it rejects; what came before that event stays accepted.
   */
  publishMany(
    events: Iterable<EventOf<Events>> | AsyncIterable<EventOf<Events>>,
    options?: { signal?: AbortSignal },
  ): Promise<ManyAccepted> {
    return this.#publishing.publishMany(events, options?.signal);
  }

  /**
   * Accepts what a source gives, as there is room, and resolves when the source has ended and every event of it is
   * durable. It goes on where durable outcomes of the source's partition end. Cut short by `drain`, `stop` or `signal`
   * it resolves with `ended: false`; it rejects with the source's own error once what came before is durable.
   */
  consume(source: Source, options?: { signal?: AbortSignal }): Promise<Fed> {
    return this.#consumption.consume(source, options?.signal);
  }

  /**
   * Takes nothing more in, finishes everything accepted, the backlog included, and closes the store and the threads.
   * A `stop()` that comes meanwhile cuts it short: both resolve then, and `stop` says what is left.
   */
  drain(): Promise<void> {
    return this.#end({ finishHeld: true });
  }

  /** Takes nothing more in, finishes what is in flight, leaves the rest, and closes. Says how many events it left. */
  async stop(): Promise<{ left: number }> {
    await this.#end({ finishHeld: false });
    return { left: this.#dispatcher.held + this.#journal.backlog };
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
      journal: { backlog: this.#journal.backlog, parked: this.#journal.parked, recovered: this.recovery.pending },
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
      this.#acceptance.close();
      this.#refuseIfCutShort();
      this.#intake.settleFeeds();
      await this.#parts.pool.close();
      this.#refuseIfCutShort();
      // Before the store is free for somebody else, who has a log of that name too.
      this.#parts.flight.close();
      await this.#parts.writer.close(this.#partitions.takeLast());
      this.#refuseIfCutShort();
    } catch (error) {
      // Unless abort() or trouble came first, closing itself has failed.
      this.#fail(
        error instanceof KeylaneError ? error : new KeylaneError('internal', messageOf(error), { cause: error }),
      );
      throw this.#cutShortBy ?? error;
    }
    this.#pump.kill(null);
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
    this.#pump.kill(error);
    this.#acceptance.close();
    this.#intake.close(error, { fatal: true });
    // The flight log goes first: another user of the store may come as soon as its lock is free.
    this.#parts.flight.close();
    // The lock goes last: until the threads have exited they may run events that its next holder would run too.
    const { pool, writer } = this.#parts;
    this.#clearing = Promise.allSettled([pool.abort()]).then(() => Promise.allSettled([writer.abort()]));
  }

  #enter(phase: Phase): void {
    this.#phase = phase;
  }
}

/** Finds the index of the handler that takes a type. */
function handlerFinder({ names, takes }: HandlerTable): (type: string) => number | null {
  if (takes === 'every-type') return () => 0;
  const indexes = new Map(names.map((name, index) => [name, index]));
  return (type) => indexes.get(type) ?? null;
}
