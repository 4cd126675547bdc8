// The handlers of the crash test: 20 to 200 us of work, a result that tells the whole of what was given, and a line in
// the life's log when a try starts and when it ends. The log's path is the query of the module's URL.

import { defineHandlers, type HandlerContext, type HandlerEvent } from '../../src/index.js';
import { LineLog, type TryLine } from './line-log.js';
import { type Note, resultOf, type WorkType } from './workload.js';

let log: LineLog<TryLine> | null = null;

export function setup(): void {
  const path = new URL(import.meta.url).searchParams.get('log');
  if (path !== null) log = new LineLog(path);
}

export default defineHandlers({
  note: (event: HandlerEvent<Note>, context: HandlerContext) => work('note', event, context),
  blob: (event: HandlerEvent<Uint8Array>, context: HandlerContext) => work('blob', event, context),
});

/** This module, with the path of the log that it writes. */
export function handlersWith(logPath: string): string {
  const url = new URL('./handlers.js', import.meta.url);
  url.searchParams.set('log', logPath);
  return url.href;
}

function work(type: WorkType, event: HandlerEvent<Note | Uint8Array>, { threadId }: HandlerContext): unknown {
  note('start', event, threadId);
  const startedMs = performance.now();
  const result = resultOf(type, event.data);
  const lastsMs = 0.02 + ((event.position * 7) % 19) * 0.01;
  while (performance.now() - startedMs < lastsMs);
  note('end', event, threadId);
  return result;
}

function note(what: 'start' | 'end', event: HandlerEvent, thread: number): void {
  const { partition, position, type, key } = event;
  log?.write([what, partition, position, type, key, thread, Number(process.hrtime.bigint())]);
}
