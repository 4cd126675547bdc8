// Threads that have run nothing: each is started for one batch of one event, runs it, tears down and ends. Whatever
// ends such a thread was the event's own doing, or that of the module's `setup()`. There is one at a time; batches that
// come meanwhile wait. It knows nothing of the threads that run all other batches.

import { KeylaneError, messageOf } from '../errors.js';
import { deathsInARowMax } from './deaths.js';
import { HandlerPool } from './handler-pool.js';
import type { Machine } from './machine.js';
import type { BatchMessage, BatchReport } from './messages.js';
import type { RunningEvent } from './overseer.js';
import type { HandlerPoolOptions, PoolHandlers } from './pool-options.js';

/** A batch from when it comes until its report. */
interface Stay {
  /** Of the threads whose times are to compare with those of its own. */
  readonly machine: Machine | undefined;
  readonly message: BatchMessage;
  /** Indexes of events that were to end before there was a thread. */
  readonly cancelled: number[];
  /** Its thread, once that is ready. */
  pool: HandlerPool | null;
}

/** `closing`: batches that have come are run. `ended`: none is, and there is no thread any more. */
type Phase = 'open' | 'closing' | 'ended';

export class FreshThreads {
  #options: HandlerPoolOptions;
  /** By their places. */
  readonly #stays = new Map<number, Stay>();
  /** Resolves when the threads of all batches that have come are gone. */
  #allGone: Promise<void> = Promise.resolve();
  /** The thread there is, until it has ended. */
  #pool: HandlerPool | null = null;
  #phase: Phase = 'open';
  /** Ends the thread that is starting. */
  #starting = new AbortController();
  /** Threads in a row that died before they ran anything. */
  #fruitless = 0;

  constructor(options: HandlerPoolOptions) {
    this.#options = options;
  }

  /** Has threads that are started from here on run other handlers as well. */
  setHandlers(handlers: PoolHandlers): void {
    this.#options = { ...this.#options, ...handlers };
  }

  /** Runs a batch in a thread of its own, after those that came before. Gives a report even when that thread dies. */
  run(message: BatchMessage, { machine }: { machine?: Machine } = {}): Promise<BatchReport> {
    if (this.#phase !== 'open') return Promise.reject(endedError());
    const stay: Stay = { machine, message, cancelled: [], pool: null };
    this.#stays.set(message.place, stay);
    const report = this.#allGone.then(() => this.#runNow(stay)).finally(() => this.#stays.delete(message.place));
    const close = async (): Promise<void> => {
      await this.#pool?.close();
      this.#pool = null;
    };
    this.#allGone = report.then(close, close);
    return report;
  }

  cancel(place: number, index: number): void {
    const stay = this.#stays.get(place);
    if (stay?.pool) stay.pool.cancel(placeInPool, index);
    else stay?.cancelled.push(index);
  }

  running(place: number): RunningEvent | null {
    return this.#stays.get(place)?.pool?.running(placeInPool) ?? null;
  }

  /** Finishes what has come. */
  async close(): Promise<void> {
    if (this.#phase === 'open') this.#phase = 'closing';
    await this.#allGone;
  }

  /** Ends the thread at once; batches that have come reject. */
  async abort(): Promise<void> {
    this.#phase = 'ended';
    this.#starting.abort();
    await this.#pool?.abort();
    await this.#allGone;
  }

  async #runNow(stay: Stay): Promise<BatchReport> {
    if (this.#phase === 'ended') throw endedError();
    const pool = await this.#start(stay);
    this.#pool = pool;
    stay.pool = pool;
    // Meanwhile everything may have ended.
    if (this.#isEnded()) await pool.abort();
    const coming = pool.run({ ...stay.message, place: placeInPool });
    for (const index of stay.cancelled) pool.cancel(placeInPool, index);
    const report = await coming;
    this.#fruitless = report.rowCount > 0 ? 0 : this.#fruitless + 1;
    if (this.#fruitless < deathsInARowMax) return report;
    throw this.#failed(`${deathsInARowMax} fresh handler threads died before they ran an event; correct the handlers`);
  }

  async #start(stay: Stay): Promise<HandlerPool> {
    const { config, onFatal } = this.#options;
    this.#starting = new AbortController();
    try {
      return await HandlerPool.start({
        ...this.#options,
        ...(stay.machine !== undefined && { machine: stay.machine }),
        ...{ config: { ...config, threads: 1 }, signal: this.#starting.signal },
        // With its report in, it does not matter whether a thread that died can be replaced.
        onFatal: (error) => this.#stays.has(stay.message.place) && onFatal(error),
      });
    } catch (error) {
      if (this.#isEnded()) throw endedError();
      throw this.#failed(`a fresh handler thread could not be started: ${messageOf(error)}`, error);
    }
  }

  /** Tells of what ends the processor. */
  #failed(problem: string, cause?: unknown): KeylaneError {
    const error = new KeylaneError('pool-failed', problem, { cause });
    this.#options.onFatal(error);
    return error;
  }

  /** As a call, since the phase changes while others wait. */
  #isEnded(): boolean {
    return this.#phase === 'ended';
  }
}

/** The place of the one batch in its pool. */
const placeInPool = 0;

function endedError(): KeylaneError {
  return new KeylaneError('aborted', 'the handler threads were ended before this batch was run');
}
