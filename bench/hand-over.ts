// What it costs to hand something over to a thread: a small message there and back, one after another, the thread
// asleep in between. Called as `node hand-over.js <messages>`; prints `{ roundTripUs }`.

import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';

if (isMainThread) console.log(JSON.stringify({ roundTripUs: await roundTrip(Number(process.argv[2])) }));
else parentPort?.on('message', (message) => parentPort?.postMessage(message));

async function roundTrip(messages: number): Promise<number> {
  const worker = new Worker(fileURLToPath(import.meta.url));
  const ping = async (count: number): Promise<void> => {
    for (let index = 0; index < count; index += 1) {
      worker.postMessage(index);
      await once(worker, 'message');
    }
  };
  await ping(Math.ceil(messages / 10));
  const startMs = performance.now();
  await ping(messages);
  const us = ((performance.now() - startMs) * 1000) / messages;
  await worker.terminate();
  return us;
}
