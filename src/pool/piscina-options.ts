// Every option of Piscina, stated in full, with the reason beside any that is not obvious.

import { fileURLToPath } from 'node:url';
import type { Policy } from '../handler.js';
import type { Config } from '../options.js';
import { emitLimitsOf } from './emitter.js';
import type { HandlerSource, HandlerThreadData } from './messages.js';

/** One batch runs in a thread and one waits there, so that a thread need not wait for the main thread in between. */
export const placesPerThread = 2;

/** What the threads are given; `execArgv` empty: they take over the options of the process. */
export interface ThreadsOptions {
  readonly sources: readonly HandlerSource[];
  /** By index of the handler, of all of them. */
  readonly policies: readonly Policy[];
  readonly execArgv: readonly string[];
  readonly config: Config;
  readonly epochOffsetUs: number;
  readonly progress: SharedArrayBuffer;
  /** Whether a thread has loaded the module and run `setup()`. */
  isReady(threadId: number): boolean;
  /** Told which thread has just been chosen for a batch. */
  onChosen(threadId: number): void;
}

/** Options for a pool of exactly `config.threads` threads. */
export function piscinaOptions({
  sources,
  policies,
  execArgv,
  config,
  epochOffsetUs,
  progress,
  ...on
}: ThreadsOptions) {
  const { threads, batchSizeMax, batchBytesMax: reportSizeMax, resultSizeMax, errorSizeMax, stateSizeMax } = config;
  const limits = { batchSizeMax, reportSizeMax, resultSizeMax, errorSizeMax, stateSizeMax };
  const { postponementsMax, resourceLimits, intake, recycle, freezeState, openTelemetry } = config;
  const workerData: HandlerThreadData = {
    ...{ sources, policies, ...limits, postponementsMax, epochOffsetUs, progress },
    ...{ isJournaled: intake === 'journal', freezeState, emits: emitLimitsOf(config), openTelemetry },
    measuresHeap: recycle?.heapGrowthMb !== undefined,
  };
  return {
    filename: fileURLToPath(new URL('../../workers/handler-worker.js', import.meta.url)),
    name: 'default',
    // A fixed number: with fewer threads at the least than at the most, an exit can leave the queue stuck for ever, and
    // any finite idle time would end threads that have just been set up.
    minThreads: threads,
    maxThreads: threads,
    idleTimeout: Number.POSITIVE_INFINITY,
    // Never used: the pool hands over only what ready threads have room for.
    maxQueue: Number.POSITIVE_INFINITY,
    concurrentTasksPerWorker: placesPerThread,
    // Piscina's own would give batches to threads that still load the module, while others have room.
    loadBalancer: <Thread extends PiscinaThread>(_task: unknown, threads: Thread[]): Thread | null => {
      const chosen = leastBusy(threads.filter((thread) => on.isReady(thread.id)));
      if (chosen !== null) on.onChosen(chosen.id);
      return chosen;
    },
    // Otherwise a batch that finds all places taken goes behind those that came later.
    stricterFIFO: true,
    // Threads wait in their event loop. Under 'sync' they would wait in a lock between batches: timers, sockets and
    // rejections that a handler left would stand still and then strike in the middle of somebody else's batch.
    atomics: 'disabled' as const,
    // Busy time comes with the reports; what Piscina measures costs time per batch and is coarser.
    recordTiming: false,
    workerHistogram: false,
    workerData,
    ...(resourceLimits !== null && { resourceLimits: { ...resourceLimits } }),
    ...(execArgv.length > 0 && { execArgv: [...execArgv] }),
    // Files that a handler left open are closed with its thread.
    trackUnmanagedFds: true,
    niceIncrement: 0,
    // Not used: the pool waits for its batches itself, then ends the threads at once.
    closeTimeout: 0,
  };
}

/** What Piscina tells of a thread. */
interface PiscinaThread {
  readonly id: number;
  readonly currentUsage: number;
}

function leastBusy<Thread extends PiscinaThread>(threads: readonly Thread[]): Thread | null {
  let found: Thread | null = null;
  for (const thread of threads) {
    if (thread.currentUsage < (found?.currentUsage ?? placesPerThread)) found = thread;
  }
  return found;
}
