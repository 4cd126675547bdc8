// A Piscina of handler threads, warm: what somebody without keylane would put the handlers on.

import { Piscina } from 'piscina';
import type { PeerCell, PeerEvent } from './events.js';
import { peerEvents } from './events.js';
import { inFlightMax } from './in-flight.js';
import type { PeerOutcome } from './thread.js';

export type HandlerThreads = Piscina<PeerEvent, PeerOutcome>;

const filename = new URL('./thread.js', import.meta.url).href;

export async function handlerThreads(cell: PeerCell): Promise<HandlerThreads> {
  const pool: HandlerThreads = new Piscina({ filename, minThreads: cell.threads, maxThreads: cell.threads });
  await warmUp(cell, (event) => pool.run(event));
  return pool;
}

/**
 * A pool of one thread that handles events in the order of the calls. Piscina's own queue does not keep it (a task that
 * finds its thread busy is put behind the next), so that no task may ever wait there: the thread's port is the queue.
 */
export async function orderedThread(cell: PeerCell): Promise<HandlerThreads> {
  const pool: HandlerThreads = new Piscina({
    ...{ filename, minThreads: 1, maxThreads: 1, concurrentTasksPerWorker: inFlightMax },
  });
  await warmUp({ ...cell, threads: 1 }, (event) => pool.run(event));
  return pool;
}

/** Some events through a pool before the clock starts: threads are up and the work is compiled. */
export async function warmUp(cell: PeerCell, run: (event: PeerEvent) => PromiseLike<unknown>): Promise<void> {
  const events = { 'no-op': 5_000, '60us': 2_000, '600us': 200, '1.73ms': 60, '5ms': 20 }[cell.workload] * cell.threads;
  await Promise.all([...peerEvents({ ...cell, events })].map(run));
}
