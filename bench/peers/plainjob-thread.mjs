// A plainjob worker; it tells its sums every 10 ms, when there is anything to tell.

import { parentPort, workerData } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { better, defineQueue, defineWorker } from 'plainjob';
import handle from '../../dist/bench/peers/thread.js';

const logger = { error: console.error, warn: () => {}, info: () => {}, debug: () => {} };
const queue = defineQueue({ connection: better(new Database(workerData.path)), logger });
let told = { count: 0, checksum: 0 };
let result = 0;
const worker = defineWorker(
  'event',
  (job) => {
    result = handle(JSON.parse(job.data)).result;
  },
  {
    ...{ queue, logger, pollIntervall: 1 },
    onCompleted: () => {
      told.count += 1;
      told.checksum += result;
    },
  },
);
setInterval(() => {
  if (told.count === 0) return;
  parentPort.postMessage(told);
  told = { count: 0, checksum: 0 };
}, 10);
parentPort.postMessage('ready');
await worker.start();
