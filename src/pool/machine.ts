// What the pool needs of the machine: threads that come and go, and time. Piscina keeps the real threads; this is the
// only place on the main thread that knows it by name. A simulation has a machine of its own.

import { Piscina } from 'piscina';
import { type Clock, systemClock } from '../clock.js';
import { epochClock, takeEpochOffsetUs } from './epoch-clock.js';
import type { PoolAnswer, PoolMessage } from './messages.js';
import type { piscinaOptions } from './piscina-options.js';

/** One thread, as `node:worker_threads` has it. */
export interface MachineThread {
  readonly threadId: number;
  on(event: 'message' | 'error', listener: (said: unknown) => void): unknown;
  once(event: 'exit', listener: (code: number) => void): unknown;
  /** Ends it; what it is executing goes on until it has exited. */
  terminate(): Promise<unknown>;
}

/** Threads of a fixed number, as Piscina has them: whichever dies is replaced, and what it ran rejects. */
export interface MachineThreads {
  readonly threads: readonly MachineThread[];
  on(event: 'workerCreate' | 'error', listener: () => void): unknown;
  run(message: PoolMessage): Promise<PoolAnswer>;
  /** Ends all of them and replaces none; resolves when they have exited. */
  destroy(): Promise<void>;
}

export interface Machine {
  readonly alarm: Clock['alarm'];
  /** Microseconds since the Unix epoch, as the threads tell them. */
  readonly nowUs: () => number;
  /** Wall clock minus monotonic clock, in microseconds. */
  readonly epochOffsetUs: number;
  start(options: ReturnType<typeof piscinaOptions>): MachineThreads;
}

export function systemMachine(): Machine {
  const epochOffsetUs = takeEpochOffsetUs();
  return {
    alarm: systemClock.alarm,
    nowUs: epochClock(epochOffsetUs),
    epochOffsetUs,
    start: (options) => new Piscina<PoolMessage, PoolAnswer>(options),
  };
}
