// A backlog: events are journaled while no handler runs; then the process is killed and another recovers them all.
// Called as `node backlog.js '{"events":n,"isRecovered":true}'`; prints a BacklogPublished, and with `isRecovered` a
// BacklogRecovered with it, as one JSON object.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createProcessor, type Outcome } from '../src/index.js';
import { BenchEvents } from './bench-events.js';
import { checkStore } from './check.js';
import type handlersModule from './handlers.js';

export interface BacklogPublished {
  readonly rssIdleBytes: number;
  /** When memory was full and events began to wait in the store only. */
  readonly rssFullBytes: number;
  readonly rssHighestBytes: number;
}

export interface BacklogRecovered {
  /** From the start of the processor, handlers module and threads included, to the start of the first event. */
  readonly firstDispatchMs: number;
  readonly rssGrowthBytes: number;
  readonly wrong: readonly string[];
}

interface Request {
  readonly events: number;
  readonly isRecovered: boolean;
  /** Where the process that publishes is to do so. */
  readonly store?: string;
}

const request = JSON.parse(process.argv[2] ?? 'null') as Request | null;
if (request === null) throw new Error('expected what to run as JSON; run `npm run bench -- --targets`');
const handlers = new URL('./handlers.js', import.meta.url);
const events = new BenchEvents({ workload: 'no-op', keys: 'uniform', keyCount: 1000, payload: '100B' });

if (request.store !== undefined) await publish(request.store, request.events);
else await killedAndRecovered(request);

async function killedAndRecovered(request: Request): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'keylane-bench-'));
  const store = join(folder, 'backlog.db');
  try {
    const child = fork(fileURLToPath(import.meta.url), [JSON.stringify({ ...request, store })]);
    const exited = once(child, 'exit');
    const gone = exited.then(([code]) => Promise.reject(new Error(`the publisher ended with ${code}`)));
    gone.catch(() => {});
    const [published] = (await Promise.race([once(child, 'message'), gone])) as [BacklogPublished];
    child.kill('SIGKILL');
    await exited;
    const recovered = request.isRecovered ? await recover(store, request.events) : {};
    console.log(JSON.stringify({ ...published, ...recovered }));
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Tells what memory it took, and waits for its end. */
async function publish(store: string, count: number): Promise<void> {
  const processor = await createProcessor<typeof handlersModule>({ handlers, store, autoStart: false });
  const rssIdleBytes = process.memoryUsage.rss();
  let [rssFullBytes, rssHighestBytes] = [0, 0];
  const sampled = function* () {
    for (let n = 0; n < count; n += 1) {
      if (n % 1000 === 0) {
        const rss = process.memoryUsage.rss();
        // By a tenth of the events the heap has the size at which it works, and the ring is full.
        if (n <= count / 10) rssFullBytes = Math.max(rssFullBytes, rss);
        rssHighestBytes = Math.max(rssHighestBytes, rss);
      }
      yield events.event(n);
    }
  };
  await processor.publishMany(sampled());
  const published: BacklogPublished = { rssIdleBytes, rssFullBytes, rssHighestBytes };
  process.send?.(published);
  process.on('disconnect', () => process.exit(1));
}

async function recover(store: string, count: number): Promise<BacklogRecovered> {
  const startedAtUs = Date.now() * 1000;
  const processor = await createProcessor<typeof handlersModule>({ handlers, store, autoStart: false });
  const rssIdle = process.memoryUsage.rss();
  let highest = rssIdle;
  const watch = setInterval(() => {
    highest = Math.max(highest, process.memoryUsage.rss());
  }, 20);
  // The events of the first batch are told of together: the earliest of them was the first to start.
  const first = new Promise<number>((resolve) => {
    const listener = (outcome: Outcome): void => {
      processor.off('outcome', listener);
      resolve(outcome.startedAtUs);
    };
    processor.on('outcome', listener);
  });
  processor.start();
  const firstDispatchMs = ((await first) - startedAtUs) / 1000;
  await processor.drain();
  clearInterval(watch);
  const wrong = checkStore(store, { events, count });
  if (processor.recovery.pending !== count) {
    wrong.push(`${count} published, ${processor.recovery.pending} pending after the kill`);
  }
  return { firstDispatchMs, rssGrowthBytes: highest - rssIdle, wrong };
}
