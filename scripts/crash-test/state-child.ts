// One life of the state crash test: publishes the events that are not in the store yet, in order, and drains. It is
// killed somewhere on the way, or says that it is done. Called as `node state-child.js <plan as JSON>`.

import { createProcessor } from '../../src/index.js';
import { type StateMode, stateHandlersWith } from './state-handlers.js';

export interface StateLifePlan {
  readonly store: string;
  readonly count: number;
  readonly keys: number;
  readonly mode: StateMode;
  /** Where its handlers note what they try. */
  readonly log: string;
}

const { store, count, keys, mode, log } = JSON.parse(process.argv[2] as string) as StateLifePlan;
const processor = await createProcessor({
  ...{ handlers: stateHandlersWith(mode, log), store, threads: 2, durability: 'process' },
  // Small, so that runs end early, states are forgotten, and events wait in the store.
  ...{ ringSize: 64, batchSizeMax: 16, groupSizeMax: 16, groupWaitMs: 1, stateBytesMax: 64 * 1024 },
});
const waiting: Promise<unknown>[] = [];
for (let n = 0; n < count; n += 1) {
  // The id makes an event that was stored by an earlier life a duplicate.
  waiting.push(processor.publish({ type: 'paid', key: `account-${n % keys}`, id: `paid-${n}`, data: { n } }));
  if (waiting.length === 256) await Promise.all(waiting.splice(0));
}
await Promise.all(waiting);
await processor.drain();
console.log('done');
