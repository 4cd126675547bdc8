// What one writes first: a promise chain for each key, a call of the thread pool for each event, an INSERT for each
// outcome.

import { join } from 'node:path';
import { type PeerEvent, peerEvents } from './events.js';
import { handlerThreads } from './handler-threads.js';
import { eachInFlight } from './in-flight.js';
import { runAsPeer } from './peer.js';
import { PeerRows } from './rows.js';

await runAsPeer(async (cell, folder) => {
  const rows = new PeerRows(join(folder, 'peer.db'));
  const pool = await handlerThreads(cell);
  const chains = new Map<string, Promise<void>>();
  const handled = async (event: PeerEvent): Promise<void> => rows.add(await pool.run(event));
  const startMs = performance.now();
  await eachInFlight(peerEvents(cell), (event) => {
    if (event.key === null) return handled(event);
    const { key } = event;
    const chain = (chains.get(key) ?? Promise.resolve()).then(() => handled(event));
    chains.set(key, chain);
    return chain.finally(() => {
      if (chains.get(key) === chain) chains.delete(key);
    });
  });
  const seconds = (performance.now() - startMs) / 1000;
  await pool.destroy();
  const found = rows.found();
  rows.close();
  return { seconds, ...found };
});
