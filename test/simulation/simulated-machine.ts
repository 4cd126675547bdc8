// What the real pool runs on in a simulation: a clock that is moved by hand, and in Piscina's place threads that are
// none. It replaces a thread that dies, and rejects what that had, as Piscina does: at its error, or else at its exit.

import { EventEmitter } from 'node:events';
import type { Machine, MachineThreads } from '../../src/pool/machine.js';
import type { HandlerThreadData, PoolAnswer, PoolMessage } from '../../src/pool/messages.js';
import type { piscinaOptions } from '../../src/pool/piscina-options.js';
import type { SimulatedClock } from './simulated-clock.js';
import { SimulatedThread, type ThreadWorld } from './simulated-thread.js';

type Options = ReturnType<typeof piscinaOptions>;

export class SimulatedMachine implements Machine {
  readonly epochOffsetUs = 0;
  readonly #world: Omit<ThreadWorld, 'nowUs'>;
  readonly #clock: SimulatedClock;
  #threadId = 0;
  /** Threads that have not exited. */
  live = 0;

  constructor(world: Omit<ThreadWorld, 'nowUs'>) {
    this.#world = world;
    this.#clock = world.clock;
  }

  readonly alarm: Machine['alarm'] = (delayMs, callback) => this.#clock.alarm(delayMs, callback);

  /** Never 0, which stands for no time. */
  readonly nowUs = (): number => 1 + Math.floor(this.#clock.nowMs() * 1000);

  start(options: Options): MachineThreads {
    const world = { ...this.#world, nowUs: this.nowUs };
    return new SimulatedThreads(options, (data) => {
      this.#threadId += 1;
      this.live += 1;
      const thread = new SimulatedThread(this.#threadId, { world, data });
      thread.once('exit', () => {
        this.live -= 1;
      });
      return thread;
    });
  }
}

interface Task {
  readonly resolve: (answer: PoolAnswer) => void;
  readonly reject: (error: unknown) => void;
}

class SimulatedThreads extends EventEmitter implements MachineThreads {
  threads: SimulatedThread[] = [];
  readonly #options: Options;
  readonly #make: (data: HandlerThreadData) => SimulatedThread;
  readonly #tasks = new Map<SimulatedThread, Set<Task>>();
  #isDestroying = false;

  constructor(options: Options, make: (data: HandlerThreadData) => SimulatedThread) {
    super();
    this.#options = options;
    this.#make = make;
    this.#fill();
  }

  run(message: PoolMessage): Promise<PoolAnswer> {
    const loads = this.threads.map((thread) => ({
      id: thread.threadId,
      currentUsage: this.#tasks.get(thread)?.size ?? 0,
    }));
    const chosen = this.#options.loadBalancer(null, loads);
    const thread = this.threads.find(({ threadId }) => threadId === chosen?.id);
    return new Promise((resolve, reject) => {
      if (thread === undefined) {
        reject(new Error('no thread has room for a batch'));
        return;
      }
      const tasks = this.#tasks.get(thread)!;
      const task = { resolve, reject };
      tasks.add(task);
      thread.post({
        message,
        answer: (answer) => {
          // Nobody waits for the answer of a thread that has died.
          if (tasks.delete(task)) resolve(answer);
        },
      });
    });
  }

  async destroy(): Promise<void> {
    this.#isDestroying = true;
    const { threads } = this;
    this.threads = [];
    for (const thread of threads) this.#reject(thread, new Error('Terminating worker thread'));
    await Promise.all(threads.map((thread) => thread.terminate()));
    this.#isDestroying = false;
  }

  #fill(): void {
    while (this.threads.length < this.#options.minThreads) {
      const thread = this.#make(this.#options.workerData);
      this.threads.push(thread);
      this.#tasks.set(thread, new Set());
      thread.on('error', (error) => this.#lose(thread, error));
      thread.once('exit', (code) => this.#lose(thread, new Error(`worker exited with code: ${code}`)));
      queueMicrotask(() => this.emit('workerCreate'));
    }
  }

  #lose(thread: SimulatedThread, error: unknown): void {
    if (!this.threads.includes(thread)) return;
    this.threads = this.threads.filter((other) => other !== thread);
    if (!this.#isDestroying) this.#fill();
    this.#reject(thread, error);
  }

  #reject(thread: SimulatedThread, error: unknown): void {
    const tasks = [...(this.#tasks.get(thread) ?? [])];
    this.#tasks.get(thread)?.clear();
    for (const { reject } of tasks) reject(error);
  }
}
