// Keeps track of the pool's threads from the outside: which are loading, ready or dying, how long loading may take,
// and what a thread died of. It decides nothing: it tells the pool.

import { unreachable } from '../invariant.js';
import { describeThrown } from './error-record.js';
import type { Machine, MachineThread } from './machine.js';
import type { BatchReport, ThreadNews } from './messages.js';
import { patientAlarm } from './patient-alarm.js';

export interface RosterListener {
  /** A thread has loaded the module and run `setup()`. */
  onReady(): void;
  /** A thread has run the batch in this place. Nothing that a thread reported comes after its death. */
  onReport(place: number, report: BatchReport): void;
  /** A thread cannot load the module or run `setup()`, or takes too long; `reason` is a whole message. */
  onUnfit(reason: string): void;
  /** A thread has died or exited, and another may be in its place; also when nobody is told of anything any more. */
  onReplaced(): void;
  /** A thread has exited that was not asked to; `message` says which, when and why. */
  onDeath(message: string): void;
}

interface RosterLimits {
  readonly loadTimeoutMs: number;
  readonly machine: Machine;
}

/**
 * starting: Node and Piscina load our own code into it. loading: it loads the handlers module and runs `setup()`.
 * ready: it takes batches. dying: an error ended what it ran, but it has not exited yet.
 */
type ThreadState = 'starting' | 'loading' | 'ready' | 'dying';

interface Thread {
  readonly id: number;
  state: ThreadState;
  whileLoading: boolean;
  uncaught: string | null;
  /** It need not load in time any more. */
  readonly cancelAlarm: () => void;
}

export class ThreadRoster {
  readonly #threads = new Map<MachineThread, Thread>();
  /** The threads whose state is ready, apart, as they are asked for with every batch. */
  readonly #readyIds = new Set<number>();
  readonly #listener: RosterListener;
  readonly #limits: RosterLimits;
  #waiting: { readonly condition: () => boolean; readonly resolve: () => void }[] = [];
  #isDismissed = false;
  /** Threads that have exited. */
  #exits = 0;

  constructor(listener: RosterListener, limits: RosterLimits) {
    this.#listener = listener;
    this.#limits = limits;
  }

  get readyCount(): number {
    return this.#readyIds.size;
  }

  /** Threads that an uncaught error has ended, but which have not exited yet. */
  get dyingCount(): number {
    return this.#countOf('dying');
  }

  /** Threads that may not be ended yet, see `allBegun`. */
  get startingCount(): number {
    return this.#countOf('starting');
  }

  /** Whether this thread has loaded the module and run `setup()`, and has not died since. */
  isReady(threadId: number): boolean {
    return this.#readyIds.has(threadId);
  }

  /** Follows those of `workers` that it does not follow yet. */
  follow(workers: readonly MachineThread[]): void {
    for (const worker of workers) if (!this.#threads.has(worker)) this.#follow(worker);
  }

  /** From now on every exit is meant, and nobody is told of anything. */
  dismiss(): void {
    this.#isDismissed = true;
  }

  /**
   * Resolves when no thread is starting. To end one that is can abort the whole process: Piscina loads our code with
   * `require`, and V8 does not take it well when a thread is ended while it links an ES module that way.
   */
  allBegun(): Promise<void> {
    return this.#until(() => this.startingCount === 0);
  }

  /** Whether every thread it follows has exited. */
  get isEmpty(): boolean {
    return this.#threads.size === 0;
  }

  /** Resolves when one of the threads has exited. */
  nextExit(): Promise<void> {
    const before = this.#exits;
    return this.#until(() => this.#exits > before);
  }

  #follow(worker: MachineThread): void {
    const id = worker.threadId;
    // It holds the process open while a thread loads, which Piscina's idle threads do not.
    const { machine, loadTimeoutMs } = this.#limits;
    const cancelAlarm = patientAlarm(machine.alarm, loadTimeoutMs, () => this.#giveUp(thread));
    const thread: Thread = { id, state: 'starting', whileLoading: true, uncaught: null, cancelAlarm };
    this.#threads.set(worker, thread);
    worker.on('message', (message: unknown) => {
      if (isNews(message)) this.#hear(thread, message);
    });
    worker.on('error', (error) => {
      thread.uncaught ??= describeThrown(error);
      this.#change(thread, 'dying');
      // Now: what the other says first must not be missed, and this one may take longer to exit than that to begin.
      this.#listener.onReplaced();
    });
    worker.once('exit', (code) => this.#bury(worker, thread, code));
  }

  #giveUp(thread: Thread): void {
    if (thread.state === 'starting') this.#change(thread, 'loading');
    const limit = `${this.#limits.loadTimeoutMs} ms (option loadTimeoutMs)`;
    const problem = `a handler thread did not load its module and finish setup() within ${limit}`;
    this.#tell((listener) => listener.onUnfit(problem));
  }

  #hear(thread: Thread, news: ThreadNews): void {
    // Whatever it says, it has begun. News from before its death may come after that of its death, here and below.
    if (thread.state === 'starting') this.#change(thread, 'loading');
    switch (news.kind) {
      case 'keylane-begun':
        return;
      case 'keylane-report':
        this.#tell((listener) => listener.onReport(news.place, news.report));
        return;
      case 'keylane-ready':
        thread.cancelAlarm();
        thread.whileLoading = false;
        if (thread.state === 'loading') this.#change(thread, 'ready');
        this.#tell((listener) => listener.onReady());
        return;
      case 'keylane-failed':
        thread.cancelAlarm();
        this.#tell((listener) => listener.onUnfit(news.reason));
        return;
      default:
        unreachable(news);
    }
  }

  #bury(worker: MachineThread, thread: Thread, code: number): void {
    thread.cancelAlarm();
    this.#change(thread, 'dying');
    this.#threads.delete(worker);
    this.#exits += 1;
    this.#listener.onReplaced();
    const when = thread.whileLoading ? ' while it loaded the handlers module' : '';
    const reason = thread.uncaught ?? `it exited with code ${code}`;
    this.#tell((listener) => listener.onDeath(`handler thread ${thread.id} died${when}: ${reason}`));
    this.#release();
  }

  #change(thread: Thread, state: ThreadState): void {
    thread.state = state;
    if (state === 'ready') this.#readyIds.add(thread.id);
    else this.#readyIds.delete(thread.id);
    this.#release();
  }

  #countOf(state: ThreadState): number {
    let count = 0;
    for (const thread of this.#threads.values()) if (thread.state === state) count += 1;
    return count;
  }

  #until(condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.push({ condition, resolve });
    });
  }

  #release(): void {
    for (const { resolve } of this.#waiting.filter(({ condition }) => condition())) resolve();
    this.#waiting = this.#waiting.filter(({ condition }) => !condition());
  }

  #tell(say: (listener: RosterListener) => void): void {
    if (!this.#isDismissed) say(this.#listener);
  }
}

const newsKinds: ReadonlySet<string> = new Set<ThreadNews['kind']>([
  'keylane-begun',
  'keylane-ready',
  'keylane-failed',
  'keylane-report',
]);

/** A handlers module may post messages of its own over the same port. */
function isNews(message: unknown): message is ThreadNews {
  if (typeof message !== 'object' || message === null) return false;
  const { kind } = message as { kind?: unknown };
  return typeof kind === 'string' && newsKinds.has(kind);
}
