// plainjob: a queue in SQLite, a worker in each of so many threads on one file, as its manual tells to use more cores.
// It stores the jobs and that they are done, not what they gave.

import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { better, defineQueue } from 'plainjob';
import { peerEvents } from '../../dist/bench/peers/events.js';
import { runAsPeer } from '../../dist/bench/peers/peer.js';

const silent = { error: console.error, warn: () => {}, info: () => {}, debug: () => {} };

await runAsPeer(async (cell, folder) => {
  const path = join(folder, 'peer.db');
  const queue = defineQueue({ connection: better(new Database(path)), logger: silent });
  const found = { count: 0, checksum: 0, late: null };
  let allEnded = () => {};
  const ended = new Promise((resolve) => {
    allEnded = resolve;
  });
  const file = new URL('plainjob-thread.mjs', import.meta.url);
  const threads = Array.from({ length: cell.threads }, () => new Worker(file, { workerData: { path } }));
  await Promise.all(threads.map((thread) => new Promise((resolve) => thread.once('message', resolve))));
  for (const thread of threads) {
    thread.on('message', ({ count, checksum }) => {
      found.count += count;
      found.checksum += checksum;
      if (found.count >= cell.events) allEnded();
    });
  }
  const startMs = performance.now();
  let batch = [];
  for (const event of peerEvents(cell)) {
    if (batch.push(event) < 1000) continue;
    queue.addMany('event', batch);
    batch = [];
  }
  if (batch.length > 0) queue.addMany('event', batch);
  await ended;
  const seconds = (performance.now() - startMs) / 1000;
  await Promise.all(threads.map((thread) => thread.terminate()));
  queue.close();
  return { seconds, ...found };
});
