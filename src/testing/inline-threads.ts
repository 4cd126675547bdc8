// Handler threads of a test, in the test's own thread: each runs its batches one after another, by the runner that real
// ones have. A try that goes past its time limit is told to end and, after its grace, given up, as its thread would be
// ended; nothing can end a loop that never awaits. With a seed, which thread has a batch and when it begins are drawn.

import { KeylaneError } from '../errors.js';
import type { Policy } from '../handler.js';
import { BatchRunner, type BatchRunnerParts } from '../pool/batch-runner.js';
import type { HandlerModule } from '../pool/handler-module.js';
import { joinModules, loadModules, placeholderOf } from '../pool/joined-modules.js';
import { reportOfLost } from '../pool/lost-batch.js';
import { type BatchMessage, type BatchReport, numberOf, numbersPerEvent } from '../pool/messages.js';
import type { RunningEvent } from '../pool/overseer.js';
import { placesPerThread } from '../pool/piscina-options.js';
import type { PoolHandlers } from '../pool/pool-options.js';
import { abortFlag, type Place, Progress } from '../pool/progress.js';
import type { TryTracing } from '../pool/try-tracing.js';
import type { HandlerThreads } from '../threads.js';
import type { Random } from './mulberry32.js';
import type { TestClock } from './test-clock.js';

interface Parts {
  module: HandlerModule;
  policies: readonly Policy[];
  readonly limits: BatchRunnerParts['limits'];
  /** Null where tries have no spans. */
  readonly tracing: TryTracing | null;
  readonly threads: number;
  readonly clock: TestClock;
  /** Null: the first thread that is free has the next batch, at once. */
  readonly random: Random | null;
  /** Draws how long retries wait. */
  readonly jitter: Random;
}

/** One that was given up has a runner and memory anew: what it left may still write into the old. */
interface Thread {
  runner: BatchRunner;
  progress: Progress;
  batches: number;
}

/** A batch under way. */
interface Running {
  readonly message: BatchMessage;
  readonly thread: Thread;
  readonly place: Place;
  /** Gives it up. */
  readonly lose: (report: BatchReport) => void;
}

/** Rounds of the event loop that a batch may begin late, with a seed. */
const roundsLateMax = 3;

/** How often a try with a time limit is looked at. */
const lookMs = 5;

export class InlineThreads implements HandlerThreads {
  readonly threads: number;
  readonly places: number;
  /** All run in the thread of the test. */
  readonly threadIds = [0];
  readonly #parts: Parts;
  /** What it was made with. */
  #own: HandlerModule;
  /** What was added to it. */
  #others: HandlerModule | null = null;
  /** One for each change, once what went is torn down. */
  readonly #tornDown: Promise<void>[] = [];
  readonly #all: readonly Thread[];
  /** By place. */
  readonly #running = new Map<number, Running>();
  readonly #whenEnded = new Set<() => void>();

  constructor(parts: Parts) {
    this.#parts = { ...parts };
    this.#own = parts.module;
    this.threads = parts.threads;
    this.places = parts.threads * placesPerThread;
    this.#all = Array.from({ length: parts.threads }, () => this.#newThread());
  }

  /** Whether a batch is under way. */
  get isBusy(): boolean {
    return this.#running.size > 0;
  }

  /** The handler of an event that runs, for messages; null when none does. */
  get runs(): string | null {
    for (const { message, place } of this.#running.values()) {
      const running = place.running();
      if (running !== null) return this.#parts.module.table.names[handlerAt(message, running.index)]!;
    }
    return null;
  }

  /** Resolves when the next batch ends. */
  nextEnd(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenEnded.add(resolve);
    });
  }

  run(message: BatchMessage): Promise<BatchReport> {
    const free = this.#all.filter(({ batches }) => batches < placesPerThread);
    const [least] = free.toSorted((one, other) => one.batches - other.batches);
    const drawn = this.#draw(free.length);
    return this.#runOn(drawn === null ? least! : free[drawn]!, message);
  }

  runFresh(message: BatchMessage): Promise<BatchReport> {
    return this.#runOn(this.#newThread(), message);
  }

  cancel(place: number, index: number): void {
    const batch = this.#running.get(place);
    if (batch === undefined) return;
    batch.place.abort(index, abortFlag.cancelled);
    this.#giveUpLater(batch, index);
  }

  running(place: number): RunningEvent | null {
    const running = this.#running.get(place)?.place.running() ?? null;
    if (running === null) return null;
    const { index, startedAtUs, batchAtUs } = running;
    const wallMs = this.#parts.clock.wallMs();
    return { index, forMs: wallMs - startedAtUs / 1000, batchMs: wallMs - batchAtUs / 1000, threadId: 0 };
  }

  setThreads(): Promise<void> {
    const message = 'a test processor keeps the threads that it was made with: make another';
    return Promise.reject(new KeylaneError('bad-option', message));
  }

  /**
   * As with threads, each module is loaded and set up once more; what runs is finished by the handlers before, of which
   * those that were loaded are torn down then.
   */
  async setHandlers({ sources: [own, ...added], policies }: PoolHandlers): Promise<void> {
    const others = await loadModules(added);
    await others.setup?.();
    const gone = own!.isGone ? [this.#own, this.#others] : [this.#others];
    if (own!.isGone) this.#own = placeholderOf(own!.table);
    this.#others = others;
    [this.#parts.module, this.#parts.policies] = [joinModules([this.#own, others]), policies];
    for (const thread of this.#all) Object.assign(thread, this.#newThread(), { batches: thread.batches });
    const tornDown = this.#tearDownLater(gone);
    tornDown.catch(() => {});
    this.#tornDown.push(tornDown);
  }

  async close(): Promise<void> {
    await Promise.all(this.#tornDown);
    await this.#parts.module.teardown?.();
  }

  async #tearDownLater(modules: readonly (HandlerModule | null)[]): Promise<void> {
    while (this.isBusy) await this.nextEnd();
    for (const module of modules) await module?.teardown?.();
  }

  /** Tells what runs that it is to end, as nothing can end it; what has not begun does not. */
  async abort(): Promise<void> {
    for (const { message, place } of this.#running.values()) {
      for (let index = 0; index < message.count; index += 1) place.abort(index, abortFlag.cancelled);
    }
    this.#running.clear();
  }

  async #runOn(thread: Thread, message: BatchMessage): Promise<BatchReport> {
    const place = thread.progress.place(message.place);
    place.reset(message.count);
    thread.batches += 1;
    const lost = new Promise<BatchReport>((resolve) => {
      this.#running.set(message.place, { message, thread, place, lose: resolve });
    });
    this.#watch(this.#running.get(message.place)!);
    for (let late = this.#draw(roundsLateMax + 1) ?? 0; late > 0; late -= 1) await nextRound(this.#parts.clock);
    const report = await Promise.race([thread.runner.run(message), lost]);
    thread.batches -= 1;
    this.#running.delete(message.place);
    for (const tell of this.#whenEnded) tell();
    this.#whenEnded.clear();
    return report;
  }

  /** Looks for a try that has run for too long, for as long as its batch does. */
  #watch(batch: Running): void {
    const { policies, clock } = this.#parts;
    if (policies.every(({ timeoutMs }) => timeoutMs === null)) return;
    const look = (): void => {
      const { message, place } = batch;
      if (this.#running.get(message.place) !== batch) return;
      const running = this.running(message.place);
      const timeoutMs = running === null ? null : policies[handlerAt(message, running.index)]!.timeoutMs;
      if (running !== null && timeoutMs !== null && running.forMs >= timeoutMs) {
        if (place.flagOf(running.index) === abortFlag.none) this.#giveUpLater(batch, running.index);
        place.abort(running.index, abortFlag.timedOut);
      }
      clock.alarm(lookMs, look);
    };
    clock.alarm(lookMs, look);
  }

  /** Gives the batch up if this event still runs when its grace is over: its thread would be ended. */
  #giveUpLater(batch: Running, index: number): void {
    const { clock, policies, module, limits, jitter: random } = this.#parts;
    const { message, place, thread, lose } = batch;
    clock.alarm(policies[handlerAt(message, index)]!.graceMs, () => {
      if (this.#running.get(message.place) !== batch || !place.runs(index)) return;
      // Its call was, and it is tried anew by itself.
      if (place.flagOf(index) === abortFlag.none) return;
      const of = { names: module.table.names, policies, isJournaled: true, errorSizeMax: limits.errorSizeMax, random };
      Object.assign(thread, this.#newThread(), { batches: thread.batches });
      const reason = new Error('it was given up after its grace');
      // The oldest event of a call is not told where another one of it was cancelled.
      const blame = place.flagOf(place.running()!.index) === abortFlag.none ? 'spared' : 'charged';
      lose(
        reportOfLost(message, { reason, place, threadId: 0, endedAtUs: Math.round(clock.wallMs() * 1000), blame, of }),
      );
    });
  }

  #newThread(): Thread {
    const { module, policies, limits, clock, tracing, jitter: random } = this.#parts;
    const progress = Progress.ofPlaces(this.places, limits);
    const runner = new BatchRunner({
      ...{ module, policies, limits, progress, tracing, random, threadId: 0, isJournaled: true, measuresHeap: false },
      nowUs: () => Math.round(clock.wallMs() * 1000),
    });
    return { runner, progress, batches: 0 };
  }

  /** A number below `count`; null without a seed. */
  #draw(count: number): number | null {
    const { random } = this.#parts;
    return random === null ? null : Math.floor(random() * count);
  }
}

function handlerAt({ numbers }: BatchMessage, index: number): number {
  return numbers[index * numbersPerEvent + numberOf.handler]!;
}

function nextRound(clock: TestClock): Promise<void> {
  return new Promise((resolve) => clock.soon(resolve));
}
