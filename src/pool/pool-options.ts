// What a set of handler threads is started with, and what of it may change while the processor runs.

import type { KeylaneError } from '../errors.js';
import type { Machine } from './machine.js';
import type { ThreadsOptions } from './piscina-options.js';

type Given = 'url' | 'table' | 'added' | 'policies' | 'execArgv' | 'config';

/** What pre-flight found, what was configured, and who is told of trouble. */
export interface HandlerPoolOptions extends Pick<ThreadsOptions, Given> {
  /** Has threads end that are starting. */
  readonly signal?: AbortSignal;
  /** Told once of each thread that died. */
  onWarning(error: KeylaneError): void;
  /** Told once, when the threads cannot be kept running. */
  onFatal(error: KeylaneError): void;
  /** Left out: the one it runs on. Times of threads of one machine compare. */
  readonly machine?: Machine;
}

/** What of these changes as handlers are added. */
export type PoolHandlers = Pick<HandlerPoolOptions, 'added' | 'policies'> &
  Partial<Pick<HandlerPoolOptions, 'execArgv'>>;

/** The names of all handlers, by index. */
export function namesOf({ table, added = [] }: HandlerPoolOptions): readonly string[] {
  return [table, ...added.map((source) => source.table)].flatMap(({ names }) => names);
}
