// workerpool on threads, once for each event.

import { fileURLToPath } from 'node:url';
import workerpool from 'workerpool';
import { runPerEvent } from '../../dist/bench/peers/per-event.js';

const file = fileURLToPath(new URL('workerpool-thread.mjs', import.meta.url));

await runPerEvent(({ threads }) => {
  const pool = workerpool.pool(file, { minWorkers: threads, maxWorkers: threads, workerType: 'thread' });
  return { run: (event) => pool.exec('handle', [event]), close: () => pool.terminate() };
});
