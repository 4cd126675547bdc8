// BullMQ on a Redis of its own that writes nothing to disk. No-op jobs run in BullMQ's own thread, a hundred at a time;
// jobs that compute run in its worker threads.

import { Queue, Worker } from 'bullmq';
import { peerEvents } from '../../dist/bench/peers/events.js';
import { startRedis } from '../../dist/bench/peers/local-server.js';
import { runAsPeer } from '../../dist/bench/peers/peer.js';
import { Tally } from '../../dist/bench/peers/tally.js';
import handle from '../../dist/bench/peers/thread.js';

await runAsPeer(async (cell, folder) => {
  const server = await startRedis(folder);
  const connection = { host: server.host, port: server.port };
  const queue = new Queue('events', { connection });
  const isNoOp = cell.workload === 'no-op';
  const worker = new Worker(
    'events',
    isNoOp ? ({ data }) => handle(data) : new URL('bullmq-job.mjs', import.meta.url),
    {
      connection,
      concurrency: isNoOp ? 100 : cell.threads,
      useWorkerThreads: true,
    },
  );
  let tally = new Tally(cell.threads);
  worker.on('completed', (_job, outcome) => tally.end(outcome));
  worker.on('error', console.error);
  const add = (events) => queue.addBulk(events.map((event) => ({ name: 'event', data: event })));
  await add([...peerEvents({ ...cell, events: cell.threads })]);
  await tally.done;
  tally = new Tally(cell.events);
  const startMs = performance.now();
  let batch = [];
  for (const event of peerEvents(cell)) {
    if (batch.push(event) < 1000) continue;
    await add(batch);
    batch = [];
  }
  if (batch.length > 0) await add(batch);
  await tally.done;
  const seconds = (performance.now() - startMs) / 1000;
  await worker.close();
  await queue.close();
  await server.stop();
  return { seconds, count: tally.count, checksum: tally.checksum, late: null };
});
