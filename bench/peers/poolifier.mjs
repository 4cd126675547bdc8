// poolifier's fixed thread pool, once for each event.

import { fileURLToPath } from 'node:url';
import { FixedThreadPool } from 'poolifier';
import { runPerEvent } from '../../dist/bench/peers/per-event.js';

const file = fileURLToPath(new URL('poolifier-thread.mjs', import.meta.url));

await runPerEvent(({ threads }) => {
  const pool = new FixedThreadPool(threads, file);
  return { run: (event) => pool.execute(event), close: () => pool.destroy() };
});
