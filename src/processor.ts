// What users hold. It wires the parts together, owns the phase, and turns calls into what the intake and the pump
// understand. It never runs a handler, touches SQLite, or reads a result that nobody asked to see.

import type { CancelFound } from './cancellations.js';
import type { DeadLetterSelection } from './dead-letter-selection.js';
import { Engine, type EngineParts } from './engine.js';
import { KeylaneError, messageOf } from './errors.js';
import type { Identity } from './event.js';
import type { EventMap, EventOf, TypeOf } from './event-map.js';
import { type Explanation, explainLane } from './explain.js';
import type { Fed } from './feed.js';
import { LoopShare } from './loop-share.js';
import type { WithSignal } from './option-spec.js';
import { checkOption } from './option-spec.js';
import { optionTable } from './options.js';
import type { Phase } from './phase.js';
import { ProcessorCalls } from './processor-calls.js';
import type { ManyAccepted } from './publishing.js';
import type { Receipt } from './receipts.js';
import type { Source } from './sources/source.js';
import { type Stats, statsOf } from './stats.js';
import { numbersPerSuspect, type OpenResult } from './store/messages.js';
import type { Discarded, Redriven } from './store/redrive-store.js';
import type { Trouble } from './trouble.js';

/** What was owed when the processor was made. */
export interface Recovery {
  /** Published events without an outcome, and what else waits in the store. */
  readonly pending: number;
  /** Whether the user before had closed the store in order. */
  readonly wasClean: boolean;
  /** Published events that may have ended the process, and run alone therefore; sources have theirs besides. */
  readonly suspects: number;
}

interface Parts extends EngineParts {
  readonly opened: OpenResult;
  readonly trouble: Trouble;
}

/** Runs handlers on every core, in order per key, with one durable outcome per event. Made by `createProcessor`. */
export class Processor<Events extends object = EventMap> extends ProcessorCalls<Events> {
  readonly #parts: Parts;
  /** What was owed when it was made. */
  readonly recovery: Recovery;
  /** @internal */
  protected override readonly engine: Engine;
  readonly #startedMs: number;
  readonly #loopShare: LoopShare;
  /** Written by #enter alone. */
  #phase: Phase = 'idle';
  /** What ended it before its time: the trouble, or `abort`. */
  #cutShortBy: KeylaneError | null = null;
  #ending: Promise<void> | null = null;
  #clearing: Promise<unknown> = Promise.resolve();

  /** @internal */
  constructor(parts: Parts) {
    super();
    const { config, clock, journal } = parts;
    this.#parts = parts;
    this.#startedMs = clock.nowMs();
    this.#loopShare = new LoopShare(this.#startedMs);
    this.announcer.store = parts.opened.path;
    const waiting = journal.lanes.reduce((sum, lane) => sum + lane.waiting, 0);
    const { wasClean } = parts.opened;
    this.recovery = {
      pending: journal.pending + journal.parked + waiting,
      suspects: journal.suspects.length / numbersPerSuspect,
      wasClean,
    };
    const onFatal = (error: KeylaneError): void => this.#fail(error);
    const onWarning = (error: KeylaneError): void => this.announcer.tell('warning', error);
    this.engine = new Engine(parts, {
      announcer: this.announcer,
      onBreaker: ({ handler, state }) =>
        this.announcer.tell('breaker', { handler: this.engine.names.handler(handler), state }),
      ...{ onFatal, onWarning },
    });
    parts.trouble.connect({ onFatal, onWarning });
    if (config.autoStart) this.start();
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** Starts running what was accepted while idle, and what comes. Does nothing in any other phase. */
  start(): void {
    if (this.#phase !== 'idle') return;
    this.#enter('running');
    this.engine.pump.open();
  }

  /**
   * Accepts an event: once resolved it is stored, at the configured durability (with intake `memory`: held in memory),
   * and will have exactly one outcome. Waits while there is no room. Events that one caller publishes are accepted in
   * the order of the calls; an id that was journaled before is not accepted again. Rejects with `bad-event`,
   * `overloaded`, the reason of `signal` while it waits for room, or with what ended the processor: `not-running` after
   * drain or stop, `aborted`, or the trouble it failed with.
   */
  publish<T extends TypeOf<Events>>(event: EventOf<Events, T>, options?: WithSignal): Promise<Receipt> {
    return this.engine.publishing.publish(event, options);
  }

  /** Takes an event in if there is room now, and gives what `publish` would; else null. Throws where that rejects. */
  tryPublish<T extends TypeOf<Events>>(event: EventOf<Events, T>): Promise<Receipt> | null {
    return this.engine.publishing.tryPublish(event);
  }

  /**
   * Accepts events one after another, waiting for room as needed, and resolves when the last one is accepted. It
   * allocates no receipts. At an event that is refused it rejects; what came before that event stays accepted.
   */
  publishMany<T extends TypeOf<Events>>(
    events: Iterable<EventOf<Events, T>> | AsyncIterable<EventOf<Events, T>>,
    options?: WithSignal,
  ): Promise<ManyAccepted> {
    return this.engine.publishing.publishMany(events, options);
  }

  /**
   * Accepts what a source gives, as there is room, and resolves when the source has ended and every event of it is
   * durable. It goes on where durable outcomes of the source's partition end. Cut short by `drain`, `stop` or `signal`
   * it resolves with `ended: false`; it rejects with the source's own error once what came before is durable.
   */
  consume(source: Source, options?: WithSignal): Promise<Fed> {
    return this.engine.consumption.consume(source, options);
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
    const { dispatcher, journal, away } = this.engine;
    return { left: dispatcher.held + journal.backlog + away.backlog };
  }

  /** Ends now: what is not durable will not be. Calls that wait reject with `aborted`. */
  async abort(): Promise<void> {
    if (this.#phase !== 'stopped' && this.#phase !== 'failed') {
      this.#kill('stopped', new KeylaneError('aborted', 'abort() ended the processor before this was done'));
    }
    await this.#clearing;
  }

  /**
   * Runs dead letters again, in the order in which they were accepted: one by its identity, all that fit, or all
   * (`{}`). Resolves when that is stored; their tries are counted anew, and what they failed with before stays on
   * record. Of a lane that is parked, the dead letter comes first, then those that wait behind it.
   */
  redrive(which: DeadLetterSelection): Promise<Redriven> {
    return this.whileOpen(() => this.engine.deadLetters.redrive(which));
  }

  /** Gives dead letters up, for a reason that is kept with them; a lane that is parked behind one goes on. */
  discard(which: DeadLetterSelection, reason: string): Promise<Discarded> {
    return this.whileOpen(() => this.engine.deadLetters.discard(which, reason));
  }

  /**
   * Cancels an event by its identity, or a published one by its id. One that waits gets the outcome `cancelled`; one
   * that runs is told by `context.aborted` and `context.signal`, and its thread is ended after `graceMs`; of an event
   * with several handlers, for each or for the one that is named. Resolves when what it says is stored.
   */
  cancel(event: Identity | string, options?: { readonly handler?: string }): Promise<CancelFound> {
    return this.whileOpen(() => this.engine.cancellations.cancel(event, options));
  }

  /** Says, in words and as data, why the events of a key are where they are. */
  explain(lane: { readonly handler: string; readonly key: string }): Explanation {
    const { clock } = this.#parts;
    const { dispatcher, away, flights, audience, policies, partitions, orders } = this.engine;
    return explainLane(lane, {
      ...{ dispatcher, away, flights, audience, policies, clock, handlers: this.engine.handlers, orders },
      nameOf: (partition) => partitions.nameOf(partition),
      phase: () => this.#phase,
    });
  }

  /**
   * Changes the number of handler threads, from 1 to 256. Resolves when new ones have taken over, while the old finish
   * what they run and end; rejects when they cannot be made ready, and the old ones go on.
   */
  setThreads(threads: number): Promise<void> {
    return this.whileOpen(async () => {
      checkOption('threads', optionTable.threads, threads);
      await this.#parts.pool.setThreads(threads);
      this.engine.dispatcher.shareAmong(threads);
      this.engine.pump.wake();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain();
  }

  override stats(): Stats {
    const nowMs = this.#parts.clock.nowMs();
    return statsOf(this.engine, {
      ...{ phase: this.#phase, nowMs, uptimeMs: nowMs - this.#startedMs, threads: this.#parts.pool.threads },
      mainBusyShare: this.#loopShare.read(nowMs),
      recovered: this.recovery.pending,
      pendingAtStart: this.#parts.journal.pending + this.#parts.journal.parked,
    });
  }

  /** @internal */
  protected override whileOpen<Value>(call: () => Promise<Value>): Promise<Value> {
    if (this.#phase !== 'stopped' && this.#phase !== 'failed') return call();
    const ended = new KeylaneError('not-running', `the processor has ended (phase ${this.#phase}): make another`);
    return Promise.reject(this.#cutShortBy ?? ended);
  }

  #end(how: { finishHeld: boolean }): Promise<void> {
    if (this.#phase === 'failed') return this.#clearing.then(() => Promise.reject(this.#cutShortBy));
    if (this.#phase === 'stopped' && this.#ending === null) return Promise.resolve();
    if (!how.finishHeld) this.engine.pump.shut();
    if (this.#ending === null) {
      if (how.finishHeld) this.engine.pump.open();
      const closed = new KeylaneError('not-running', 'the processor takes no more events: it is draining or stopped');
      this.#enter('draining');
      this.engine.pausing.end(closed);
      this.engine.changing.end(closed);
      this.engine.intake.close(closed, { fatal: false });
      this.#ending = this.#finish();
    }
    return this.#ending;
  }

  async #finish(): Promise<void> {
    try {
      await this.engine.pump.whenQuiet();
      this.engine.pump.shut(); // What is redriven from now on is for the next user of the store.
      this.engine.acceptance.close();
      this.#refuseIfCutShort();
      await this.engine.cancellations.close();
      this.engine.intake.settleFeeds();
      await this.endCalls();
      await this.#parts.pool.close();
      this.#refuseIfCutShort();
      // Before the store is free for somebody else, who has a log of that name too.
      this.#parts.flight.close();
      await this.#parts.writer.close(this.engine.partitions.takeLast());
      this.#refuseIfCutShort();
    } catch (error) {
      // Unless abort() or trouble came first, closing itself has failed.
      this.#fail(
        error instanceof KeylaneError ? error : new KeylaneError('internal', messageOf(error), { cause: error }),
      );
      throw this.#cutShortBy ?? error;
    }
    this.engine.pump.kill(null);
    this.#enter('stopped');
  }

  /** While the end was under way, abort() or trouble may have overtaken it. */
  #refuseIfCutShort(): void {
    if (this.#cutShortBy !== null) throw this.#cutShortBy;
  }

  #fail(error: KeylaneError): void {
    if (this.#phase === 'stopped' || this.#phase === 'failed') return;
    this.failure = error;
    this.#kill('failed', error);
    this.announcer.tell('fatal', error);
  }

  /** Ends everything at once, and refuses everyone who waits. */
  #kill(phase: 'stopped' | 'failed', error: KeylaneError): void {
    this.#cutShortBy = error;
    this.#enter(phase);
    this.engine.pump.kill(error);
    this.engine.flights.abandon();
    this.engine.acceptance.close();
    void this.engine.cancellations.close();
    this.engine.intake.close(error, { fatal: true });
    this.cutCalls(error);
    this.engine.pausing.end(error);
    this.engine.changing.end(error);
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
