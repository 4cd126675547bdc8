// Entry point of the throw-away thread that loads a handlers module once, to see whether it can be loaded at all.

import { parentPort, workerData } from 'node:worker_threads';
import { loadHandlers } from '../src/pool/handler-module.js';
import type { PreflightNews, PreflightThreadData } from '../src/pool/messages.js';

const news = await loadHandlers((workerData as PreflightThreadData).handlersUrl).then(
  ({ table }): PreflightNews => ({ kind: 'keylane-table', table }),
  (error): PreflightNews => ({
    kind: 'keylane-refused',
    reason: error instanceof Error ? error.message : String(error),
  }),
);

parentPort?.postMessage(news);
