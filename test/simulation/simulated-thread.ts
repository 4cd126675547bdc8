// A handler thread without a thread: the real BatchRunner over the real shared memory, with handlers that take simulated
// time. Whatever ends it, it goes on executing for a while before it exits, as real threads do. What it has to say
// arrives later, in order, and before the news of its exit.

import { EventEmitter } from 'node:events';
import type { HandlerEvent } from '../../src/handler.js';
import { BatchRunner } from '../../src/pool/batch-runner.js';
import type { MachineThread } from '../../src/pool/machine.js';
import type { HandlerThreadData, PoolAnswer, PoolMessage } from '../../src/pool/messages.js';
import { Progress } from '../../src/pool/progress.js';
import type { Random } from './random.js';
import type { SimulatedClock } from './simulated-clock.js';
import {
  type Death,
  type HandlersThread,
  type HandlersWorld,
  simulatedHandlers,
  type Try,
} from './simulated-handlers.js';

export interface ThreadWorld extends Omit<HandlersWorld, 'begin' | 'end'> {
  readonly clock: SimulatedClock;
  readonly random: Random;
  readonly wrong: string[];
  readonly nowUs: () => number;
  begin(events: readonly HandlerEvent[], of: Begun): Try | null;
  end(record: Try): void;
}

/** What is known of a try when it begins. */
export interface Begun {
  readonly handler: number;
  readonly isLate: boolean;
  readonly isFirst: boolean;
  /** As its thread tells it. */
  readonly startedAtUs: number;
}

/**
 * starting: it may not be told to end yet. loading. ready: it takes batches. ending: it exits soon, and may still run
 * code. halted: it runs no more code, but what it executes goes on. exited.
 */
type State = 'starting' | 'loading' | 'ready' | 'ending' | 'halted' | 'exited';

/** How long what a thread says is on its way at the most, news of its exit included. */
export const newsMsMax = 0.5;

interface Task {
  readonly message: PoolMessage;
  readonly answer: (answer: PoolAnswer) => void;
}

export class SimulatedThread extends EventEmitter implements MachineThread, HandlersThread {
  readonly threadId: number;
  /** What its handlers do, they await: its event loop waits all the time. */
  readonly performance = { eventLoopUtilization: () => ({ idle: this.#world.clock.nowMs() }) };
  readonly #world: ThreadWorld;
  readonly #runner: BatchRunner;
  readonly #tasks: Task[] = [];
  #state: State = 'starting';
  #exited: (() => void)[] = [];
  #ran = 0;
  /** That of the batch that it runs. */
  #place = 0;
  /** The try that it executes. */
  #record: Try | null = null;
  /** When the last thing that it said arrives. */
  #heardAtMs = 0;

  constructor(threadId: number, of: { world: ThreadWorld; data: HandlerThreadData }) {
    super();
    const { world, data } = of;
    this.threadId = threadId;
    this.#world = world;
    const progress = new Progress(data.progress, { batchSizeMax: data.batchSizeMax });
    const own = {
      ...world,
      begin: (events: readonly HandlerEvent[], begun: { handler: number; isLate: boolean }) => {
        const startedAtUs = progress.place(this.#place).running()?.startedAtUs ?? 0;
        this.#record = world.begin(events, { ...begun, isFirst: this.#ran === 0, startedAtUs });
        this.#ran += 1;
        return this.#record;
      },
      end: (record: Try) => {
        this.#record = null;
        world.end(record);
      },
    };
    const { table } = data.sources[0]!;
    const states = table.policies.map(({ isStateful }) => (isStateful ? { initial: () => 0 } : null));
    const code = simulatedHandlers(table.names, {
      ...{ world: own, thread: this, keeps: states.map((of) => of !== null) },
      takesRuns: table.policies.map(({ takesRuns = false }) => takesRuns),
    });
    this.#runner = new BatchRunner({
      module: { table, ...code, retryIf: table.names.map(() => null), states, setup: null, teardown: null },
      ...{ threadId, limits: data, policies: data.policies, isJournaled: data.isJournaled, measuresHeap: false },
      ...{ progress, nowUs: world.nowUs },
    });
    this.work(world.random.next() * 5, () => this.#begin());
  }

  get isEnding(): boolean {
    return this.#state === 'ending';
  }

  work(delayMs: number, callback: () => void): void {
    this.#world.clock.work(delayMs, () => {
      if (this.#state !== 'halted' && this.#state !== 'exited') callback();
    });
  }

  /** Gives it a message, which it answers unless it dies before. */
  post(task: Task): void {
    this.#tasks.push(task);
    if (this.#tasks.length > 2) this.#world.wrong.push('a thread has more than two batches');
    if (this.#tasks.length === 1) this.work(0, () => this.#next());
  }

  terminate(): Promise<void> {
    const { random, clock, wrong } = this.#world;
    if (this.#state === 'starting') wrong.push('a thread was ended while it started');
    if (this.#state === 'loading' || this.#state === 'ready') {
      this.#state = 'ending';
      clock.work(random.oneIn(3) ? 0 : random.next() * 6, () => this.#halt(1));
    }
    return new Promise((resolve) => {
      if (this.#state === 'exited') resolve();
      else this.#exited.push(resolve);
    });
  }

  leave(how: Death, delayMs: number): void {
    this.work(delayMs, () => {
      if (this.#record !== null) this.#record.deed = 'struck';
      this.die(how);
    });
  }

  die(how: Death): void {
    if (how !== 'exited') {
      const error = new Error(how === 'left-error' ? 'left behind' : 'out of memory');
      const code = how === 'left-error' ? {} : { code: 'ERR_WORKER_OUT_OF_MEMORY' };
      this.#say('error', Object.assign(error, code));
    }
    this.#halt(how === 'exited' ? 3 : 1);
  }

  #begin(): void {
    this.#state = 'loading';
    this.#say('message', { kind: 'keylane-begun' });
    this.work(this.#world.random.next() * 20, () => {
      if (this.#state === 'loading') this.#state = 'ready';
      this.#say('message', { kind: 'keylane-ready', threadId: this.threadId });
    });
  }

  #next(): void {
    const task = this.#tasks[0];
    if (task === undefined) return;
    if (task.message.kind === 'tear-down') {
      this.work(this.#world.random.next() * 5, () => this.#answer({ kind: 'torn-down', threadId: this.threadId }));
      return;
    }
    const { place } = task.message;
    this.#place = place;
    void this.#runner.run(task.message).then((report) => {
      this.#say('message', { kind: 'keylane-report', place, report });
      this.#answer({ kind: 'ran' });
    });
  }

  #answer(answer: PoolAnswer): void {
    const task = this.#tasks.shift();
    this.#deliver(() => task?.answer(answer));
    if (this.#tasks.length > 0) this.work(0, () => this.#next());
  }

  /** From now on it runs no code; it exits when what it executes is over. */
  #halt(code: number): void {
    const { clock, random } = this.#world;
    if (this.#state === 'halted' || this.#state === 'exited') return;
    this.#state = 'halted';
    clock.work(random.oneIn(3) ? 0 : random.next() * 60, () => {
      this.#state = 'exited';
      if (this.#record !== null) this.#world.end(this.#record);
      this.#record = null;
      this.#say('exit', code);
      for (const tell of this.#exited.splice(0)) this.#deliver(tell);
    });
  }

  #say(event: 'message' | 'error' | 'exit', said: unknown): void {
    this.#deliver(() => this.emit(event, said));
  }

  #deliver(deliver: () => void): void {
    const { clock, random } = this.#world;
    this.#heardAtMs = Math.max(this.#heardAtMs, clock.nowMs() + random.next() * newsMsMax);
    clock.alarmAt(this.#heardAtMs, deliver);
  }
}
