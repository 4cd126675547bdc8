// One life of the state crash test: publishes the events that are not in the store yet, in order, and drains. It is
// killed somewhere on the way, or says that it is done.

import { createProcessor } from '../../src/index.js';

const [, , store, count, keys] = process.argv;
const processor = await createProcessor({
  ...{ handlers: new URL('./state-handlers.js', import.meta.url), store: store!, threads: 2, durability: 'process' },
  // Small, so that runs end early, states are forgotten, and events wait in the store.
  ...{ ringSize: 64, batchSizeMax: 16, groupSizeMax: 16, groupWaitMs: 1, stateBytesMax: 64 * 1024 },
});
const waiting: Promise<unknown>[] = [];
for (let n = 0; n < Number(count); n += 1) {
  // The id makes an event that was stored by an earlier life a duplicate.
  waiting.push(processor.publish({ type: 'paid', key: `account-${n % Number(keys)}`, id: `paid-${n}`, data: { n } }));
  if (waiting.length === 256) await Promise.all(waiting.splice(0));
}
await Promise.all(waiting);
await processor.drain();
console.log('done');
