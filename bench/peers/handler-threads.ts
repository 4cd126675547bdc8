// A Piscina of handler threads, warm: what somebody without keylane would put the handlers on.

import { Piscina } from 'piscina';
import type { PeerCell, PeerEvent } from './events.js';
import { peerEvents } from './events.js';
import type { PeerOutcome } from './thread.js';

export type HandlerThreads = Piscina<PeerEvent, PeerOutcome>;

export async function handlerThreads(cell: PeerCell, threads = cell.threads): Promise<HandlerThreads> {
  const filename = new URL('./thread.js', import.meta.url).href;
  const pool: HandlerThreads = new Piscina({ filename, minThreads: threads, maxThreads: threads });
  await warmUp(cell, (event) => pool.run(event));
  return pool;
}

/** Some events through a pool before the clock starts: threads are up and the work is compiled. */
export async function warmUp(cell: PeerCell, run: (event: PeerEvent) => PromiseLike<unknown>): Promise<void> {
  const events = { 'no-op': 5_000, '60us': 2_000, '600us': 200, '5ms': 20 }[cell.workload] * cell.threads;
  await Promise.all([...peerEvents({ ...cell, events })].map(run));
}
