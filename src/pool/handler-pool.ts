// The handler threads as the main thread sees them: hand a batch over, get a report back, whatever becomes of the
// thread. Piscina keeps the threads and the ports to them, on the machine that it is given. Piscina's own failures mean
// one thing here, that a thread died: handlers' failures come inside reports.

import { KeylaneError } from '../errors.js';
import { invariant, unreachable } from '../invariant.js';
import { Deaths, deathsInARowMaxOf } from './deaths.js';
import { type Machine, type MachineThreads, systemMachine } from './machine.js';
import type { BatchMessage, BatchReport, PoolAnswer } from './messages.js';
import { Overseer, type RunningEvent } from './overseer.js';
import { PendingBatch } from './pending-batch.js';
import { piscinaOptions, placesPerThread } from './piscina-options.js';
import { type HandlerPoolOptions, namesOf } from './pool-options.js';
import { Progress } from './progress.js';
import { endThread, endThreads, idleMsOf, tearDown } from './tear-down.js';
import { ThreadRoster } from './thread-roster.js';

/**
 * starting: threads load. running: batches are taken. closing: no more batches, those under way are finished.
 * failed: the threads could not be kept running. ended: closed or aborted.
 */
type Phase = 'starting' | 'running' | 'closing' | 'failed' | 'ended';

export class HandlerPool {
  readonly threads: number;
  /** How many batches may be under way at once; a message's `place` is below it, and free. */
  readonly places: number;
  readonly machine: Machine;
  readonly #options: HandlerPoolOptions;
  readonly #piscina: MachineThreads;
  readonly #roster: ThreadRoster;
  readonly #overseer: Overseer;
  /** The thread that Piscina has just chosen for a batch. */
  #chosenThread = 0;
  #phase: Phase = 'starting';
  /** Batches that are not answered, by their places. */
  readonly #pending = new Map<number, PendingBatch>();
  /** Batches that wait for room in a ready thread, while a dead one is replaced. */
  readonly #waiting: PendingBatch[] = [];
  /** Tasks that Piscina has. */
  #handed = 0;
  /** Batches whose thread is dying; they are settled when it has exited, as until then it may still execute. */
  #lost: { batch: PendingBatch; reason: unknown }[] = [];
  #whenStarted: ((problem: KeylaneError | null) => void) | null = null;
  readonly #deaths: Deaths;
  #failure: KeylaneError | null = null;
  #ending: Promise<void> | null = null;
  #closing: Promise<void> | null = null;

  get threadIds(): readonly number[] {
    return this.#piscina.threads.map(({ threadId }) => threadId).filter((id) => id > 0);
  }

  /** Starts the threads; resolves when each has loaded the module and run `setup()`. Leaves nothing when one cannot. */
  static async start(options: HandlerPoolOptions): Promise<HandlerPool> {
    const pool = new HandlerPool(options);
    const problem = await new Promise<KeylaneError | null>((resolve) => {
      pool.#whenStarted = resolve;
      options.signal?.addEventListener('abort', () => resolve(pool.#refusal()), { once: true });
    });
    pool.#whenStarted = null;
    if (problem === null) {
      pool.#phase = 'running';
      return pool;
    }
    await pool.abort();
    throw problem;
  }

  private constructor(options: HandlerPoolOptions) {
    const { threads, loadTimeoutMs } = options.config;
    const machine = options.machine ?? systemMachine();
    this.threads = threads;
    this.places = threads * placesPerThread;
    this.machine = machine;
    this.#options = options;
    this.#deaths = new Deaths(deathsInARowMaxOf(threads));
    const progress = Progress.ofPlaces(this.places, { batchSizeMax: options.config.batchSizeMax });
    this.#overseer = new Overseer({
      ...{ names: namesOf(options), policies: options.policies, progress, machine },
      ...{ isJournaled: options.config.intake === 'journal', errorSizeMax: options.config.errorSizeMax },
      batches: () => this.#pending.values(),
      endThread: (threadId) => endThread(this.#piscina.threads, threadId),
      idleMs: (threadId) => idleMsOf(this.#piscina.threads, threadId),
    });
    const choice = {
      isReady: (threadId: number): boolean => this.#roster.isReady(threadId),
      onChosen: (threadId: number): void => {
        this.#chosenThread = threadId;
      },
    };
    const { epochOffsetUs } = machine;
    this.#piscina = machine.start(piscinaOptions({ ...options, ...choice, epochOffsetUs, progress: progress.shared }));
    this.#roster = new ThreadRoster(
      {
        onReady: () => this.#onReady(),
        onReport: (place, report) => this.#onReport(place, report),
        onUnfit: (reason) => this.#onUnfit(reason),
        onReplaced: () => this.#roster.follow(this.#piscina.threads),
        onDeath: (said) => this.#onDeath(said),
      },
      { loadTimeoutMs, machine },
    );
    this.#roster.follow(this.#piscina.threads);
    this.#piscina.on('workerCreate', () => this.#roster.follow(this.#piscina.threads));
    // Of threads that died while idle the roster has heard; without a listener the process would end.
    this.#piscina.on('error', () => {});
  }

  /**
   * Runs a batch in some thread. Gives a report even when the thread dies: events that had finished keep their results,
   * the one that was running is charged or doubted, the others were skipped. Rejects only when the pool has failed or
   * been aborted.
   */
  run(message: BatchMessage): Promise<BatchReport> {
    if (this.#phase !== 'running') return Promise.reject(this.#refusal());
    invariant(!this.#pending.has(message.place), 'a place holds one batch at a time');
    this.#overseer.reset(message);
    const batch = new PendingBatch(message);
    this.#pending.set(message.place, batch);
    this.#waiting.push(batch);
    this.#handOver();
    return batch.answered;
  }

  /** Has the try of an event end, or not begin; after `graceMs` its thread is ended. */
  cancel(place: number, index: number): void {
    if (this.#pending.has(place)) this.#overseer.cancel(place, index);
  }

  /** The event that runs in a place, and where; null before and after. */
  running(place: number): RunningEvent | null {
    const batch = this.#pending.get(place);
    return batch === undefined ? null : this.#overseer.running(batch);
  }

  /** Finishes what is under way, runs `teardown()` once in every thread, and ends the threads. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Ends the threads at once. Batches under way reject, after their threads have exited. */
  async abort(): Promise<void> {
    if (this.#phase !== 'failed') this.#phase = 'ended';
    await this.#end();
  }

  /**
   * Hands over what waits, never more than the ready threads have room for, so that Piscina's own queue stays empty.
   * That queue gives tasks to threads that are still starting, and once one of those dies it never starts another.
   */
  #handOver(): void {
    while (this.#waiting.length > 0 && this.#handed < this.#roster.readyCount * placesPerThread) {
      const batch = this.#waiting.shift()!;
      this.#handed += 1;
      batch.deathsBefore = this.#deaths.total;
      const answered = this.#piscina.run(batch.message);
      batch.threadId = this.#chosenThread;
      this.#overseer.watch();
      answered.then(
        (answer) => this.#onAnswer(batch, answer),
        (reason) => this.#onLost(batch, reason),
      );
    }
  }

  #onAnswer(batch: PendingBatch, answer: PoolAnswer): void {
    this.#handed -= 1;
    switch (answer.kind) {
      case 'ran':
        batch.whenReported((report) => {
          if (report !== null) this.#settle(batch, report);
          else
            this.#fail(
              new KeylaneError(
                'pool-failed',
                'a handler thread ran a batch and sent no report; leave parentPort to keylane',
              ),
            );
        });
        this.#handOver();
        return;
      case 'failed':
        this.#onUnfit(answer.reason);
        return;
      case 'torn-down':
        return;
      default:
        unreachable(answer);
    }
  }

  #onReport(place: number, report: BatchReport): void {
    this.#deaths.between();
    const batch = this.#pending.get(place);
    if (batch !== undefined) batch.report = report;
  }

  #onLost(batch: PendingBatch, reason: unknown): void {
    this.#handed -= 1;
    // Ending the threads loses every batch; they are rejected together, when all threads have exited.
    if (this.#phase === 'ended' || this.#phase === 'failed') return;
    batch.isLost = true;
    this.#lost.push({ batch, reason });
    this.#settleLost();
    this.#handOver();
  }

  #settleLost(): void {
    if (this.#roster.dyingCount > 0) return;
    const lost = this.#lost;
    this.#lost = [];
    for (const { batch, reason } of lost) {
      if (batch.report === null && batch.deathsBefore === this.#deaths.total) {
        // No thread died, so running it again could only fail again.
        this.#fail(new KeylaneError('internal', 'a batch could not be handed to a thread', { cause: reason }));
        return;
      }
      const report = batch.report ?? this.#overseer.reportOfLost(batch, reason);
      this.#deaths.cameOf(report);
      this.#settle(batch, report);
    }
  }

  #settle(batch: PendingBatch, report: BatchReport): void {
    this.#pending.delete(batch.message.place);
    batch.answer(report);
  }

  #onReady(): void {
    if (this.#roster.readyCount === this.threads) this.#whenStarted?.(null);
    this.#handOver();
  }

  #onUnfit(reason: string): void {
    if (this.#whenStarted !== null) this.#whenStarted(new KeylaneError('bad-handlers', reason));
    else this.#fail(new KeylaneError('pool-failed', `a handler thread could not be replaced: ${reason}`));
  }

  #onDeath(said: string): void {
    this.#deaths.add();
    if (this.#whenStarted !== null) {
      this.#whenStarted(new KeylaneError('bad-handlers', `${said}; correct the module or its setup()`));
      return;
    }
    this.#options.onWarning(new KeylaneError('pool-failed', said));
    this.#settleLost();
    if (this.#deaths.isHopeless) {
      const count = deathsInARowMaxOf(this.threads);
      const problem = `${count} handler threads died and no event was decided between them; the last`;
      this.#fail(new KeylaneError('pool-failed', `${problem}: ${said}; correct the handlers and start again`));
    } else if (this.#piscina.threads.length < this.threads) {
      this.#fail(new KeylaneError('pool-failed', `${said}; another could not be started`));
    }
  }

  #fail(error: KeylaneError): void {
    if (this.#phase === 'failed' || this.#phase === 'ended') return;
    this.#phase = 'failed';
    this.#failure = error;
    this.#options.onFatal(error);
    void this.#end();
  }

  async #close(): Promise<void> {
    if (this.#phase === 'running') {
      this.#phase = 'closing';
      await Promise.allSettled([...this.#pending.values()].map((batch) => batch.answered));
    }
    // Meanwhile the pool may have failed or been aborted.
    const [{ machine }, count] = [this, this.#roster.readyCount];
    if (this.#phase === 'closing') await tearDown(this.#piscina, { ...this.#options, machine, count });
    await this.abort();
  }

  #end(): Promise<void> {
    this.#ending ??= this.#endThreads();
    return this.#ending;
  }

  async #endThreads(): Promise<void> {
    this.#overseer.stop();
    this.#roster.dismiss();
    this.#waiting.length = 0;
    await endThreads(this.#piscina, this.#roster);
    for (const batch of this.#pending.values()) batch.refuse(this.#refusal());
    this.#pending.clear();
    this.#lost = [];
  }

  #refusal(): KeylaneError {
    return this.#failure ?? new KeylaneError('aborted', 'the handler threads were ended before this batch was run');
  }
}
