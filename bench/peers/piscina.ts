// Piscina, once for each event.

import { handlerThreads } from './handler-threads.js';
import { runPerEvent } from './per-event.js';

await runPerEvent(async (cell) => {
  const pool = await handlerThreads(cell);
  return { run: (event) => pool.run(event), close: () => pool.destroy() };
});
