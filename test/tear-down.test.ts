// The end of threads that Piscina has given up, but which have not exited: when they do, it starts others.

import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import type { MachineThread } from '../src/pool/machine.js';
import { endThreads } from '../src/pool/tear-down.js';
import { ThreadRoster } from '../src/pool/thread-roster.js';

class Thread extends EventEmitter {
  readonly performance = { eventLoopUtilization: () => ({ idle: 0 }) };
  readonly threadId: number;
  hasExited = false;

  constructor(threadId: number) {
    super();
    this.threadId = threadId;
  }

  begin(): void {
    this.emit('message', { kind: 'keylane-begun' });
  }

  exit(): void {
    this.hasExited = true;
    this.emit('exit', 1);
  }

  async terminate(): Promise<void> {
    this.exit();
  }
}

/** Threads as Piscina keeps them, and who looks after them. */
class Pool {
  threads: Thread[] = [];
  readonly all: Thread[] = [];
  readonly roster = new ThreadRoster(
    {
      ...{ onReady: () => {}, onReport: () => {}, onUnfit: () => {}, onDeath: () => {} },
      onReplaced: () => this.roster.follow(this.threads as MachineThread[]),
    },
    { loadTimeoutMs: 1000, machine: { alarm: () => () => {} } as never },
  );

  start(): Thread {
    const thread = new Thread(this.all.length + 1);
    this.all.push(thread);
    this.threads.push(thread);
    return thread;
  }

  /** An error has ended what a thread ran: it is none of the pool's any more. */
  giveUp(thread: Thread): void {
    this.threads = this.threads.filter((other) => other !== thread);
    thread.emit('error', new Error('late'));
  }

  async destroy(): Promise<void> {
    for (const thread of this.threads.splice(0)) thread.exit();
  }
}

test('threads that exit late are waited for, and so are those that come in their place then', async () => {
  const pool = new Pool();
  const [first, second] = [pool.start(), pool.start()];
  pool.roster.follow(pool.threads as MachineThread[]);
  for (const thread of [first, second]) {
    thread.begin();
    pool.giveUp(thread);
  }
  let isOver = false;
  const over = endThreads(pool as never, pool.roster).then(() => {
    isOver = true;
  });
  for (const thread of [first, second]) {
    await settled();
    expect(isOver).toBe(false);
    // Piscina starts another when it hears of the exit.
    const other = pool.start();
    thread.exit();
    await settled();
    // One that is starting must not be ended.
    expect([other.hasExited, isOver]).toEqual([false, false]);
    other.begin();
  }
  await over;
  expect(pool.all.map(({ hasExited }) => hasExited)).toEqual([true, true, true, true]);
  expect([pool.threads, pool.roster.isEmpty]).toEqual([[], true]);
});

/** What promises lead to has happened. */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
