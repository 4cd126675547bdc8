// Loads the handlers module once in a throw-away thread before anything is started on it: a module that fails to load
// in a pool would leave tasks waiting for ever. It settles whatever the module does, leaves nothing running, and does
// not call `setup()`.

import { statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { KeylaneError, shown } from '../errors.js';
import type { HandlerTable } from '../handler.js';
import { describeThrown } from './error-record.js';
import { badHandlers, fileOf } from './handler-module.js';
import type { PreflightNews, PreflightThreadData } from './messages.js';

export interface PreflightResult {
  readonly url: URL;
  readonly table: HandlerTable;
  /** Options of Node for threads that load the module; when empty, threads take over those of the process. */
  readonly execArgv: readonly string[];
}

/** Finds the module and loads it once. Rejects with a KeylaneError `bad-handlers`: the file, the reason, what to do. */
export async function preflight(
  handlers: string | URL,
  { loadTimeoutMs }: { loadTimeoutMs: number },
): Promise<PreflightResult> {
  const url = urlOf(handlers);
  const file = fileOf(url.href);
  checkFile(file);
  const { worker, execArgv } = startThread(url, optionsFor(url));
  const news = await newsOf(worker, { loadTimeoutMs, file });
  if (news.kind === 'keylane-refused') throw new KeylaneError('bad-handlers', news.reason);
  return { url, table: news.table, execArgv };
}

function urlOf(handlers: string | URL): URL {
  if (handlers instanceof URL) return handlers;
  return handlers.startsWith('file:') ? new URL(handlers) : pathToFileURL(resolve(handlers));
}

function checkFile(file: string): void {
  const advice = 'give the path of a JavaScript or TypeScript file, from the current folder or from the root';
  const found = statSync(file, { throwIfNoEntry: false });
  if (found === undefined) throw badHandlers(file, 'does not exist', advice);
  if (!found.isFile()) throw badHandlers(file, 'is not a file', advice);
}

/**
 * Options given to a thread replace those of the process, so these go in front; unless a thread refuses them, as it
 * does those that concern the whole process (`--max-old-space-size`).
 */
function startThread(url: URL, options: readonly string[]): { worker: Worker; execArgv: readonly string[] } {
  const workerData: PreflightThreadData = { handlersUrl: url.href };
  const start = (execArgv: readonly string[]): { worker: Worker; execArgv: readonly string[] } => {
    const worker = new Worker(new URL('../../workers/preflight-worker.js', import.meta.url), {
      name: 'keylane pre-flight',
      workerData,
      ...(execArgv.length > 0 && { execArgv: [...execArgv] }),
    });
    return { worker, execArgv };
  };
  if (options.length === 0) return start([]);
  try {
    return start([...process.execArgv, ...options]);
  } catch {
    return start(options);
  }
}

/** The thread's news, or an error made of the way in which it ended without any. The thread is gone by then. */
async function newsOf(worker: Worker, of: { loadTimeoutMs: number; file: string }): Promise<PreflightNews> {
  const { loadTimeoutMs, file } = of;
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<PreflightNews>((resolve, reject) => {
      timer = setTimeout(() => {
        const problem = `did not finish loading within ${loadTimeoutMs} ms (option loadTimeoutMs)`;
        reject(badHandlers(file, problem, 'look for a loop or an await at its top level that never ends'));
      }, loadTimeoutMs);
      worker.on('message', (message: unknown) => {
        if (isNews(message)) resolve(message);
      });
      // It stays for good: an error that comes while the thread is being ended must find a listener.
      worker.on('error', (error) => {
        const problem = `ended its thread while it was loaded: ${describeThrown(error, file)}`;
        reject(badHandlers(file, problem, 'correct the module, or what it imports'));
      });
      worker.once('exit', (code) => reject(badHandlers(file, ...exitOf(code))));
    });
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
}

/** Exit code of a thread that has nothing left to do while a top-level await is unsettled. */
const unsettledAwaitCode = 13;

function exitOf(code: number): [problem: string, advice: string] {
  if (code === unsettledAwaitCode) {
    return ['never finished loading', 'look for an await at its top level whose promise nothing settles'];
  }
  return [
    `ended its thread while it was loaded (exit code ${code})`,
    'a handlers module must not exit the process: throw an error instead',
  ];
}

/** The module may post messages of its own over the same port. */
function isNews(message: unknown): message is PreflightNews {
  if (typeof message !== 'object' || message === null) return false;
  const { kind } = message as { kind?: unknown };
  return kind === 'keylane-table' || kind === 'keylane-refused';
}

const typeScriptExtensions = ['.ts', '.mts', '.cts', '.tsx'];

/** What Node needs to be told to load the module: nothing, or where tsx is if it cannot load the file by itself. */
function optionsFor(url: URL): readonly string[] {
  const extension = extname(url.pathname);
  if (!typeScriptExtensions.includes(extension)) return [];
  const features: { readonly typescript?: unknown } = process.features;
  const stripsTypes = features.typescript !== undefined && features.typescript !== false;
  if (stripsTypes && extension !== '.tsx') return [];
  const tsx = resolveTsx(url);
  if (tsx !== null) return process.execArgv.includes(tsx) ? [] : ['--import', tsx];
  throw badHandlers(
    fileOf(url.href),
    `is TypeScript (${shown(extension)}), which Node ${process.versions.node} cannot load by itself`,
    extension === '.tsx' ? 'install tsx beside it' : 'install tsx beside it, or use Node 22.18 or later',
  );
}

/** tsx as the module would find it, else as the current folder would. */
function resolveTsx(url: URL): string | null {
  for (const from of [url, pathToFileURL(resolve('keylane.js'))]) {
    try {
      return pathToFileURL(createRequire(from).resolve('tsx')).href;
    } catch {
      // Not installed there.
    }
  }
  return null;
}
