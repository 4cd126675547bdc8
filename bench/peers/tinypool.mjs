// Tinypool, once for each event.

import { Tinypool } from 'tinypool';
import { runPerEvent, threadFile } from '../../dist/bench/peers/per-event.js';

await runPerEvent(({ threads }) => {
  const pool = new Tinypool({ filename: threadFile.href, minThreads: threads, maxThreads: threads });
  return { run: (event) => pool.run(event), close: () => pool.destroy() };
});
