// As many pools of one thread as there are threads, a key's hash choosing the pool, outcomes inserted in batches: order
// holds because a key never leaves its thread, and a hot key's thread is where all wait.

import { join } from 'node:path';
import { type PeerEvent, peerEvents } from './events.js';
import { orderedThread } from './handler-threads.js';
import { eachInFlight } from './in-flight.js';
import { runAsPeer } from './peer.js';
import { PeerRows } from './rows.js';
import type { PeerOutcome } from './thread.js';

const batchSize = 1000;

await runAsPeer(async (cell, folder) => {
  const rows = new PeerRows(join(folder, 'peer.db'));
  const shards = await Promise.all(Array.from({ length: cell.threads }, () => orderedThread(cell)));
  let batch: PeerOutcome[] = [];
  const flush = (): void => {
    rows.addMany(batch);
    batch = [];
  };
  const startMs = performance.now();
  await eachInFlight(peerEvents(cell), async (event) => {
    const shard = shards[shardOf(event, shards.length)]!;
    const outcome = await shard.run(event);
    if (batch.push(outcome) >= batchSize) flush();
  });
  flush();
  const seconds = (performance.now() - startMs) / 1000;
  await Promise.all(shards.map((shard) => shard.destroy()));
  const found = rows.found();
  rows.close();
  return { seconds, ...found };
});

/** FNV-1a of the key; events without one take turns. */
function shardOf({ key, n }: PeerEvent, shardCount: number): number {
  if (key === null) return n % shardCount;
  let hash = 0x811c9dc5;
  for (let at = 0; at < key.length; at += 1) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193);
  return (hash >>> 0) % shardCount;
}
