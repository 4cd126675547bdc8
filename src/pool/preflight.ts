// Loads the handlers module once in a throw-away thread before anything is started on it: a module that fails to load
// in a pool would leave tasks waiting for ever. It settles whatever the module does, leaves nothing running, and does
// not call `setup()`.

import { readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { KeylaneError, shown } from '../errors.js';
import type { HandlerTable } from '../handler.js';
import { badHandlers, fileOf } from './bad-handlers.js';
import { describeThrown } from './error-record.js';
import type { PreflightNews, PreflightThreadData } from './messages.js';

export interface PreflightResult {
  readonly url: URL;
  readonly table: HandlerTable;
  /** Options of Node for threads that load the module; when empty, threads take over those of the process. */
  readonly execArgv: readonly string[];
}

/** What of a module is loaded. */
export interface LoadRequest {
  /** The export that defines its handlers. */
  readonly exportName: string;
  /** Has it given up; its reason is what the call rejects with. */
  readonly signal: AbortSignal;
}

/** Finds the module and loads it once. Rejects with a KeylaneError `bad-handlers`: the file, the reason, what to do. */
export async function preflight(
  handlers: string | URL,
  { loadTimeoutMs, exportName = 'default', signal }: { loadTimeoutMs: number } & Partial<LoadRequest>,
): Promise<PreflightResult> {
  signal?.throwIfAborted();
  const url = locate(handlers);
  const { worker, execArgv } = startThread({ handlersUrl: url.href, exportName }, optionsFor(url));
  const news = await newsOf(worker, { loadTimeoutMs, url, ...(signal && { signal }) });
  if (news.kind === 'keylane-refused') throw new KeylaneError('bad-handlers', news.reason);
  return { url, table: news.table, execArgv };
}

/** The module's URL. Refuses what is not a file before Node does so in its own words. */
export function locate(handlers: string | URL): URL {
  const advice = 'give the path of a JavaScript or TypeScript file, from the current folder or from the root';
  let url: URL;
  let isFile: boolean | undefined;
  try {
    const isUrl = handlers instanceof URL || handlers.startsWith('file:');
    url = isUrl ? new URL(handlers) : pathToFileURL(resolve(handlers));
    isFile = statSync(url, { throwIfNoEntry: false })?.isFile();
  } catch (error) {
    throw badHandlers(String(handlers), `cannot be opened: ${describeThrown(error)}`, advice);
  }
  if (isFile === undefined) throw badHandlers(fileOf(url.href), 'does not exist', advice);
  if (!isFile) throw badHandlers(fileOf(url.href), 'is not a file', advice);
  return url;
}

/**
 * Options given to a thread replace those of the process, so these go in front; unless a thread refuses them, as it
 * does those that concern the whole process (`--max-old-space-size`).
 */
function startThread(
  workerData: PreflightThreadData,
  options: readonly string[],
): { worker: Worker; execArgv: readonly string[] } {
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
async function newsOf(
  worker: Worker,
  of: { loadTimeoutMs: number; url: URL; signal?: AbortSignal },
): Promise<PreflightNews> {
  const { loadTimeoutMs, url, signal } = of;
  const file = fileOf(url.href);
  let timer: NodeJS.Timeout | undefined;
  let giveUp = (): void => {};
  try {
    return await new Promise<PreflightNews>((resolve, reject) => {
      giveUp = () => reject(signal?.reason);
      signal?.addEventListener('abort', giveUp, { once: true });
      timer = setTimeout(() => {
        const problem = `did not finish loading within ${loadTimeoutMs} ms (option loadTimeoutMs)`;
        reject(badHandlers(file, problem, 'look for a loop or an await at its top level that never ends'));
      }, loadTimeoutMs);
      worker.on('message', (message: unknown) => {
        if (isNews(message)) resolve(message);
      });
      // It stays for good: an error that comes while the thread is being ended must find a listener.
      worker.on('error', (error) => {
        const problem = `ended its thread while it was loaded: ${describeThrown(error, url.href)}`;
        reject(badHandlers(file, problem, 'correct the module, or what it imports'));
      });
      worker.once('exit', (code) => {
        const problem = `ended its thread while it was loaded (exit code ${code})`;
        reject(badHandlers(file, problem, 'a handlers module must not exit the process: throw an error instead'));
      });
    });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', giveUp);
    await worker.terminate();
  }
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
  const features = process.features as { readonly typescript?: unknown };
  const stripsTypes = features.typescript !== undefined && features.typescript !== false;
  if (stripsTypes && extension !== '.tsx') return [];
  const tsx = findTsx(url);
  if (tsx !== null) return ['--import', tsx];
  throw badHandlers(
    fileOf(url.href),
    `is TypeScript (${shown(extension)}), which Node ${process.versions.node} cannot load by itself`,
    extension === '.tsx' ? 'install tsx beside it' : 'install tsx beside it, or use Node 22.18 or later',
  );
}

/**
 * A module that switches tsx on in the thread that imports it, as text in a URL; null where tsx is not installed beside
 * the handlers module nor in the current folder. `--import tsx` itself does nothing in a thread.
 */
function findTsx(url: URL): string | null {
  for (const from of [url, pathToFileURL(resolve('keylane.js'))]) {
    try {
      const packageFile = createRequire(from).resolve('tsx/package.json');
      const { exports } = JSON.parse(readFileSync(packageFile, 'utf8'));
      const [esm, cjs] = ['./esm/api', './cjs/api'].map((name) => {
        return JSON.stringify(new URL(exports[name].import.default, pathToFileURL(packageFile)).href);
      });
      const text = `import * as esm from ${esm}; import * as cjs from ${cjs}; esm.register(); cjs.register();`;
      return `data:text/javascript,${encodeURIComponent(text)}`;
    } catch {
      // Not installed there, or not a tsx that can be switched on like this.
    }
  }
  return null;
}
