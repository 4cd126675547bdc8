// CPU of this process, thread by thread: main, handlers, writer, and the helpers of V8 and libuv that collect garbage
// and compile. On Linux the kernel counts it in nanoseconds for each thread. Elsewhere main is the active time of its
// event loop, and all the rest counts as handlers.

import { readdirSync, readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';

const tasks = '/proc/self/task';

/** Microseconds, or microseconds per event. */
export interface CpuSplit {
  readonly main: number;
  readonly handlers: number;
  readonly writer: number;
  readonly other: number;
}

export class ThreadCpu {
  readonly #before: ReadonlySet<number>;
  #writer: number | null = null;
  #handlers: readonly number[] = [];
  /** Whether a thread that was found has ended since: what it used is not known any more. */
  #isLost = false;

  /** Make it before the processor. */
  constructor() {
    this.#before = new Set(threadIds());
  }

  /**
   * Call it when the processor has just been made: the threads that are new are its own. Their ids ascend in the order
   * in which they were started, and the writer is started first. `mayHaveOthers`: what runs in the handler threads may
   * have started threads of its own, which come later.
   */
  find({ handlers, mayHaveOthers = false }: { handlers: number; mayHaveOthers?: boolean }): void {
    const found = threadIds().filter((id) => !this.#before.has(id));
    if (found.length === 0) return;
    if (found.length < handlers + 1 || (found.length > handlers + 1 && !mayHaveOthers)) {
      throw new Error(`expected ${handlers} handler threads and a writer, found ${found.length} new threads`);
    }
    [this.#writer = null, ...this.#handlers] = found.sort((a, b) => a - b).slice(0, handlers + 1);
  }

  /** Whether what `read` gives is known thread by thread. */
  get isKnown(): boolean {
    return this.#writer !== null && !this.#isLost;
  }

  /** Since the start of the process, in microseconds. */
  read(): CpuSplit {
    return (this.#writer === null ? null : this.#splitOf(this.#writer)) ?? this.estimate();
  }

  /** The same as far as it can be told without the kernel: main by its event loop, and all the rest as handlers. */
  estimate(): CpuSplit {
    const main = performance.eventLoopUtilization().active * 1000;
    return { main, handlers: Math.max(0, allUs() - main), writer: 0, other: 0 };
  }

  #splitOf(writerId: number): CpuSplit | null {
    try {
      const main = cpuOf(process.pid);
      const writer = cpuOf(writerId);
      const handlers = this.#handlers.reduce((sum, id) => sum + cpuOf(id), 0);
      return { main, handlers, writer, other: Math.max(0, allUs() - main - writer - handlers) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      this.#isLost = true;
      return null;
    }
  }
}

/** What was used between two readings, for each of so many events. */
export function cpuPerEvent(from: CpuSplit, to: CpuSplit, events: number): CpuSplit {
  const share = (name: keyof CpuSplit): number => Math.max(0, to[name] - from[name]) / events;
  return { main: share('main'), handlers: share('handlers'), writer: share('writer'), other: share('other') };
}

function allUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

function threadIds(): number[] {
  return process.platform === 'linux' ? readdirSync(tasks).map(Number) : [];
}

/** The first number of schedstat is the time on a CPU, in nanoseconds. */
function cpuOf(id: number): number {
  return Number(readFileSync(`${tasks}/${id}/schedstat`, 'utf8').split(' ')[0]) / 1000;
}
