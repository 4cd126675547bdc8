// Fails a test file that leaves something running or open: a timer, a message port, a thread, a child process, a
// server, a file watcher or a database file. Compares the end of the file with its start, so what the runner itself
// holds does not count. Knows nothing of keylane.

import { readdirSync, readlinkSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { setImmediate as nextRound } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { afterAll } from 'vitest';

/**
 * How long closing handles may take to go away. Spent in full only by a file that leaks; others wait at most for the
 * runner's own report timer, a tenth of a second.
 */
const settleMsMax = 1_000;

/** Kinds of `process.getActiveResourcesInfo()` that a test makes; the runner's own pipes are of other kinds. */
const watchedKinds = [
  'Timeout',
  'MessagePort',
  'ProcessWrap',
  'TCPServerWrap',
  'PipeServerWrap',
  'FSEventWrap',
] as const;

// Captured here, since a test may replace the clock.
const now = performance.now.bind(performance);

// Threads are followed by Node's own event, as an unreferenced thread is no active resource.
const liveThreads = new Set<Worker>();
const follow = (thread: Worker): void => {
  liveThreads.add(thread);
  thread.once('exit', () => liveThreads.delete(thread));
};
process.on('worker', follow);

/**
 * Of the first file where several share a process: at the start of a later one the runner may hold a timer that then
 * goes away, and would make up for one that the file leaves.
 */
const shared = globalThis as { keylaneAtStart?: Map<string, number> };
shared.keylaneAtStart ??= held();
const atStart = shared.keylaneAtStart;

// Registered before every hook of the test file, and such hooks run last-registered first: this one is the last.
afterAll(async () => {
  const deadlineMs = now() + settleMsMax;
  let leaks: string[];
  do {
    await nextRound(); // At least once: Node tells of a new thread one round late.
    leaks = heldSince(atStart);
  } while (leaks.length > 0 && now() < deadlineMs);
  // Another file may run in this process.
  process.off('worker', follow);
  if (leaks.length > 0) {
    throw new Error(
      `this test file must end holding what it began with, it also holds ${leaks.join(', ')}: close them`,
    );
  }
});

function heldSince(before: Map<string, number>): string[] {
  return [...held()].flatMap(([what, count]) => {
    const extra = count - (before.get(what) ?? 0);
    return extra > 0 ? [`${extra} x ${what}`] : [];
  });
}

function held(): Map<string, number> {
  const counts = new Map<string, number>();
  const add = (what: string) => counts.set(what, (counts.get(what) ?? 0) + 1);
  const watched: readonly string[] = watchedKinds;
  for (const kind of process.getActiveResourcesInfo()) if (watched.includes(kind)) add(kind);
  for (const _ of liveThreads) add('thread');
  for (const file of openDatabaseFiles()) add(file);
  return counts;
}

/** Only where the system lists open files (Linux); elsewhere the other checks still hold. */
function openDatabaseFiles(): string[] {
  const folder = '/proc/self/fd';
  return tryOr(() => readdirSync(folder), [])
    .map((fd) => tryOr(() => readlinkSync(`${folder}/${fd}`), ''))
    .filter((target) => /\.db(-wal|-shm|-journal)?( \(deleted\))?$/.test(target));
}

/** The list's own handle is gone again by the time it is read. */
function tryOr<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
}
