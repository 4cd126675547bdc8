// A p-queue of concurrency 1 for each key, a call of Piscina for each event, an INSERT for each outcome.

import { join } from 'node:path';
import PQueue from 'p-queue';
import { peerEvents } from '../../dist/bench/peers/events.js';
import { handlerThreads } from '../../dist/bench/peers/handler-threads.js';
import { eachInFlight } from '../../dist/bench/peers/in-flight.js';
import { runAsPeer } from '../../dist/bench/peers/peer.js';
import { PeerRows } from '../../dist/bench/peers/rows.js';

await runAsPeer(async (cell, folder) => {
  const rows = new PeerRows(join(folder, 'peer.db'));
  const pool = await handlerThreads(cell);
  const queues = new Map();
  const queueOf = (key) => {
    const queue = queues.get(key) ?? new PQueue({ concurrency: 1 });
    queues.set(key, queue);
    return queue;
  };
  const handled = async (event) => rows.add(await pool.run(event));
  const startMs = performance.now();
  await eachInFlight(peerEvents(cell), (event) =>
    event.key === null ? handled(event) : queueOf(event.key).add(() => handled(event)),
  );
  const seconds = (performance.now() - startMs) / 1000;
  await pool.destroy();
  const found = rows.found();
  rows.close();
  return { seconds, ...found };
});
