// What a set of handler threads is started with, and what of it may change while the processor runs.

import type { KeylaneError } from '../errors.js';
import type { Machine } from './machine.js';
import type { HandlerSource } from './messages.js';
import type { ThreadsOptions } from './piscina-options.js';
import type { PreflightResult } from './preflight.js';

type Given = 'sources' | 'policies' | 'execArgv' | 'config';

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

/** What of these changes as handlers come and go. */
export type PoolHandlers = Pick<HandlerPoolOptions, 'sources' | 'policies'> &
  Partial<Pick<HandlerPoolOptions, 'execArgv'>>;

/** What pre-flight found, as threads are told of it. */
export function sourceOf({ url, table }: Pick<PreflightResult, 'url' | 'table'>, exportName: string): HandlerSource {
  return { url: url.href, exportName, table };
}

/** The names of all handlers, by index. */
export function namesOf({ sources }: Pick<HandlerPoolOptions, 'sources'>): readonly string[] {
  return sources.flatMap(({ table }) => table.names);
}
