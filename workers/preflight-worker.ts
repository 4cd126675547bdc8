// Entry point of the throw-away thread that loads a handlers module once, to see whether it can be loaded at all.

import { parentPort, workerData } from 'node:worker_threads';
import { messageOf } from '../src/errors.js';
import { badHandlers, fileOf } from '../src/pool/bad-handlers.js';
import { loadHandlers } from '../src/pool/handler-module.js';
import type { PreflightNews, PreflightThreadData } from '../src/pool/messages.js';

const { handlersUrl, exportName } = workerData as PreflightThreadData;

void loadHandlers(handlersUrl, exportName).then(
  ({ table }) => tell({ kind: 'keylane-table', table }),
  (error) => tell({ kind: 'keylane-refused', reason: messageOf(error) }),
);

// Comes when the thread has nothing left to do. If the module is not loaded by then, it never will be.
process.once('beforeExit', () => {
  const advice = 'look for an await at its top level whose promise nothing settles';
  tell({ kind: 'keylane-refused', reason: badHandlers(fileOf(handlersUrl), 'never finished loading', advice).message });
});

/** Only the first news counts. */
function tell(news: PreflightNews): void {
  parentPort?.postMessage(news);
}
