// Handler threads whose number may change, and which are replaced when they are worn: one set of threads makes itself
// ready, takes over, and the one before it finishes what it runs, tears down and ends. Which events leave when is the
// dispatcher's affair as ever, so no order hangs on it. At most two sets exist at once, and one fresh thread.

import { KeylaneError, messageOf } from '../errors.js';
import { invariant } from '../invariant.js';
import { FreshThreads } from './fresh-threads.js';
import { HandlerPool } from './handler-pool.js';
import type { BatchMessage, BatchReport } from './messages.js';
import type { RunningEvent } from './overseer.js';
import type { HandlerPoolOptions, PoolHandlers } from './pool-options.js';

/** One set of threads. */
interface ThreadSet {
  readonly pool: HandlerPool;
  /** Places of it that no batch has. */
  readonly free: number[];
  /** Events that it has run. */
  ran: number;
}

/** Where a batch runs. */
interface Stay {
  readonly set: ThreadSet;
  readonly place: number;
}

export class ChangingPool {
  #options: HandlerPoolOptions;
  #current: ThreadSet;
  /** What runs there has no stay. */
  readonly #fresh: FreshThreads;
  /** By the place that its sender knows. */
  readonly #stays = new Map<number, Stay>();
  /** The one before, until it has ended. */
  #before: ThreadSet | null = null;
  /** The change under way, until the set before it has ended. */
  #change: Promise<void> = Promise.resolve();
  #isChanging = false;
  /** Ends the threads that are starting. */
  #starting = new AbortController();
  /** No change begins any more, and one that is under way comes to nothing. */
  #isEnding = false;

  /** Starts the threads; resolves when each is ready. Leaves nothing when one cannot be. */
  static async start(options: HandlerPoolOptions): Promise<ChangingPool> {
    return new ChangingPool(options, await HandlerPool.start(options));
  }

  private constructor(options: HandlerPoolOptions, pool: HandlerPool) {
    this.#options = options;
    this.#current = setOf(pool);
    this.#fresh = new FreshThreads(options);
  }

  get threads(): number {
    return this.#current.pool.threads;
  }

  get threadIds(): readonly number[] {
    return this.#current.pool.threadIds;
  }

  get places(): number {
    return this.#current.pool.places;
  }

  async run(message: BatchMessage): Promise<BatchReport> {
    const set = this.#current;
    // It says why it does not.
    if (this.#isEnding) return set.pool.run(message);
    const place = set.free.pop();
    invariant(place !== undefined, 'no more batches are under way than there are places');
    this.#stays.set(message.place, { set, place });
    try {
      const report = await set.pool.run({ ...message, place });
      this.#wear(set, report);
      return report;
    } finally {
      this.#stays.delete(message.place);
      set.free.push(place);
    }
  }

  /** The same in a thread that has run nothing. */
  runFresh(message: BatchMessage): Promise<BatchReport> {
    return this.#fresh.run(message, this.#current.pool);
  }

  cancel(place: number, index: number): void {
    const stay = this.#stays.get(place);
    if (stay === undefined) this.#fresh.cancel(place, index);
    else stay.set.pool.cancel(stay.place, index);
  }

  running(place: number): RunningEvent | null {
    const stay = this.#stays.get(place);
    return stay === undefined ? this.#fresh.running(place) : stay.set.pool.running(stay.place);
  }

  /**
   * Resolves when so many threads have taken over. Rejects, and leaves things as they are, when they cannot be made
   * ready. After another change under way.
   */
  async setThreads(threads: number): Promise<void> {
    while (this.#isChanging) await this.#change;
    if (threads !== this.threads) await this.#replace({ threads });
  }

  /** The same when threads that have other handlers have taken over; batches of these may come then. */
  async setHandlers(handlers: PoolHandlers): Promise<void> {
    while (this.#isChanging) await this.#change;
    await this.#replace({ handlers });
    this.#fresh.setHandlers(handlers);
  }

  /** Finishes what is under way, runs `teardown()` once in every thread, and ends the threads. */
  async close(): Promise<void> {
    this.#isEnding = true;
    this.#starting.abort();
    await Promise.all([this.#change, this.#current.pool.close(), this.#fresh.close()]);
  }

  /** Ends the threads at once. */
  async abort(): Promise<void> {
    this.#isEnding = true;
    this.#starting.abort();
    await Promise.all([this.#current.pool.abort(), this.#before?.pool.abort(), this.#fresh.abort()]);
    await this.#change;
  }

  /** Has new threads take over; resolves when they have. */
  #replace({ threads = this.threads, handlers }: { threads?: number; handlers?: PoolHandlers }): Promise<void> {
    if (this.#isEnding) return Promise.reject(endedError());
    this.#isChanging = true;
    const options = { ...this.#options, ...handlers };
    this.#starting = new AbortController();
    const { signal } = this.#starting;
    const started = HandlerPool.start({ ...options, signal, config: { ...options.config, threads } });
    const refused = (error: unknown): never => {
      throw this.#isEnding ? endedError() : error;
    };
    const taken = started.catch(refused).then(async (pool) => {
      if (this.#isEnding) {
        await pool.abort();
        throw endedError();
      }
      this.#options = options;
      this.#before = this.#current;
      this.#current = setOf(pool);
    });
    const over = (): void => {
      this.#before = null;
      this.#isChanging = false;
    };
    this.#change = taken.then(() => this.#before?.pool.close()).then(over, over);
    return taken;
  }

  /** Takes in what a batch has cost its threads; worn ones are replaced. */
  #wear(set: ThreadSet, { rowCount, heapGrowthBytes }: BatchReport): void {
    const { recycle } = this.#options.config;
    if (recycle === null) return;
    set.ran += rowCount;
    if (set !== this.#current || this.#isChanging || this.#isEnding) return;
    const { events = Number.POSITIVE_INFINITY, heapGrowthMb = Number.POSITIVE_INFINITY } = recycle;
    if (set.ran < events * this.threads && heapGrowthBytes < heapGrowthMb * 1024 * 1024) return;
    this.#replace({}).catch((error) => {
      if (this.#isEnding) return;
      const problem = `handler threads could not be recycled: ${messageOf(error)}`;
      this.#options.onFatal(new KeylaneError('pool-failed', problem, { cause: error }));
    });
  }
}

function setOf(pool: HandlerPool): ThreadSet {
  return { pool, free: Array.from({ length: pool.places }, (_, index) => pool.places - 1 - index), ran: 0 };
}

function endedError(): KeylaneError {
  return new KeylaneError('not-running', 'the processor is ending: its handler threads are no longer changed');
}
