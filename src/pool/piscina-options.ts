// Every option of Piscina, stated in full, with the reason beside any that is not obvious.

import { fileURLToPath } from 'node:url';
import type { HandlerThreadData } from './messages.js';

/** One batch runs in a thread and one waits there, so that a thread need not wait for the main thread in between. */
export const placesPerThread = 2;

/** Options for a pool of exactly `threads` threads. `execArgv` empty: they take over the options of the process. */
export function piscinaOptions(of: { threads: number; execArgv: readonly string[]; workerData: HandlerThreadData }) {
  return {
    filename: fileURLToPath(new URL('../../workers/handler-worker.js', import.meta.url)),
    name: 'default',
    // A fixed number: with fewer threads at the least than at the most, an exit can leave the queue stuck for ever, and
    // any finite idle time would end threads that have just been set up.
    minThreads: of.threads,
    maxThreads: of.threads,
    idleTimeout: Number.POSITIVE_INFINITY,
    // The pump never hands over more than there are places; only while a dead thread is replaced do some wait here.
    maxQueue: Number.POSITIVE_INFINITY,
    concurrentTasksPerWorker: placesPerThread,
    // Otherwise a batch that finds all places taken goes behind those that came later.
    stricterFIFO: true,
    // Threads wait in their event loop. Under 'sync' they would wait in a lock between batches: timers, sockets and
    // rejections that a handler left would stand still and then strike in the middle of somebody else's batch.
    atomics: 'disabled' as const,
    // Busy time comes with the reports; what Piscina measures costs time per batch and is coarser.
    recordTiming: false,
    workerHistogram: false,
    workerData: of.workerData,
    ...(of.execArgv.length > 0 && { execArgv: [...of.execArgv] }),
    // Files that a handler left open are closed with its thread.
    trackUnmanagedFds: true,
    niceIncrement: 0,
    // Not used: the pool waits for its batches itself, then ends the threads at once.
    closeTimeout: 0,
  };
}
