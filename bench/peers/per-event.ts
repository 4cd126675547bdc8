// A thread pool called once for each event: no order, nothing stored.

import { type PeerCell, type PeerEvent, peerEvents } from './events.js';
import { warmUp } from './handler-threads.js';
import { eachInFlight } from './in-flight.js';
import { runAsPeer } from './peer.js';
import { Tally } from './tally.js';
import type { PeerOutcome } from './thread.js';

export interface Pool {
  readonly run: (event: PeerEvent) => PromiseLike<PeerOutcome>;
  readonly close: () => PromiseLike<unknown>;
}

/** Where a pool finds its handler. */
export const threadFile = new URL('./thread.js', import.meta.url);

export async function runPerEvent(open: (cell: PeerCell) => Promise<Pool> | Pool): Promise<void> {
  await runAsPeer(async (cell) => {
    const pool = await open(cell);
    await warmUp(cell, pool.run);
    const tally = new Tally(cell.events);
    const startMs = performance.now();
    await eachInFlight(peerEvents(cell), async (event) => tally.end(await pool.run(event)));
    const seconds = (performance.now() - startMs) / 1000;
    await pool.close();
    return { seconds, count: tally.count, checksum: tally.checksum, late: null };
  });
}
