// The process on the disk whose power fails. `publisher.js <store> <durability> publish <life>` publishes until it is
// killed and prints the number, the position and the time of every receipt it has; `... recover` runs what is owed and
// ends in order. It prints nothing else, so that whoever reads the pipe holds exactly what was promised.

import { createProcessor } from '../../src/index.js';
import type { Payload } from './handlers.js';

/** Calls of publish that wait for their receipts at a time, so that groups hold more than one event. */
const callsMax = 24;
const keyCount = 16;

const [store, durability, task, life] = process.argv.slice(2) as [string, 'power' | 'process', string, string];
const handlers = new URL('./handlers.js', import.meta.url);
const processor = await createProcessor({ handlers, store, durability, threads: 2 });

if (task === 'recover') {
  await processor.drain();
} else {
  let n = 0;
  const publishOn = async (): Promise<void> => {
    while (true) {
      const mine = n;
      n += 1;
      const { identity } = await processor.publish(eventOf(mine));
      // To a pipe this is one system call, done when it returns.
      process.stdout.write(`${mine} ${identity.position} ${process.hrtime.bigint()}\n`);
    }
  };
  // They end with the disk; whoever killed it kills this process too.
  await Promise.allSettled(Array.from({ length: callsMax }, publishOn));
  await new Promise(() => setInterval(() => {}, 1_000_000));
}

function eventOf(n: number): { type: string; key: string; data: Payload; id?: string } {
  // Every other life fills its log so fast that checkpoints come in between.
  const isHeavy = Number(life) % 2 === 0 && n % 2 === 0;
  const padding = 'x'.repeat(isHeavy ? 16_000 : n % 300);
  const event = { type: 'work', key: `key-${n % keyCount}`, data: { life: Number(life), n, padding } };
  return n % 3 === 0 ? { ...event, id: `${life}-${n}` } : event;
}
