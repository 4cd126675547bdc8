// Entry point of the handler threads, as Piscina loads it. It joins HandlerThread to the two ways out of a thread: the
// answer to a task, and the news on the thread's own port that it is ready.

import { parentPort, threadId, workerData } from 'node:worker_threads';
import { move, transferableSymbol, valueSymbol } from 'piscina';
import { HandlerThread } from '../src/pool/handler-thread.js';
import type { HandlerThreadData, PoolAnswer, PoolMessage } from '../src/pool/messages.js';

const thread = new HandlerThread(workerData as HandlerThreadData, threadId);

void thread.news().then((news) => parentPort?.postMessage(news));

export default async function answer(message: PoolMessage): Promise<unknown> {
  return moved(await thread.answer(message));
}

/** The rows go over by transfer: a copy would cost the main thread time that grows with the results. */
function moved(answer: PoolAnswer): unknown {
  if (answer.kind !== 'report') return answer;
  const { rows, results } = answer.report;
  return move({ [transferableSymbol]: [rows, results.buffer], [valueSymbol]: answer });
}
