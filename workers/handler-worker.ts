// Entry point of the handler threads, as Piscina loads it. It joins HandlerThread to the two ways out of a thread: the
// answer to a task, and news on the thread's own port.

import { parentPort, threadId, workerData } from 'node:worker_threads';
import { HandlerThread } from '../src/pool/handler-thread.js';
import type { HandlerThreadData, PoolAnswer, PoolMessage, ThreadNews } from '../src/pool/messages.js';

// In a microtask, as Piscina's `require` of this module has returned only then; see ThreadRoster.allBegun.
queueMicrotask(() => tell({ kind: 'keylane-begun' }));

const thread = new HandlerThread(workerData as HandlerThreadData, { threadId, tell });

export default function answer(message: PoolMessage): Promise<PoolAnswer> {
  return thread.answer(message);
}

/** A report goes over by transfer: a copy would cost the main thread time that grows with the results. */
function tell(news: ThreadNews): void {
  const isReport = news.kind === 'keylane-report';
  parentPort?.postMessage(news, isReport ? [news.report.rows, news.report.results.buffer as ArrayBuffer] : []);
}
