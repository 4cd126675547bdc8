// `npm run backlog-test`: a million events published while no handler runs, held in bounded memory; the process is then
// killed, and the next one runs them all, in order. `-- --events n` changes the number. It fails on memory, on order and
// on what is missing, never on time; times are printed.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { BenchEvents } from '../bench/bench-events.js';
import { checkStore } from '../bench/check.js';
import type handlersModule from '../bench/handlers.js';
import { createProcessor } from '../src/index.js';

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '1000000' },
    /** What the process that is to be killed is called with. */
    publish: { type: 'string' },
  },
});
const events = Number(values.events);
const made = new BenchEvents({ workload: 'no-op', keys: 'uniform', keyCount: 1000, payload: '100B' });
const growthMax = 150 * 1024 * 1024;
// The heaps of all threads grow to their working size here, as they do without a backlog.
const runningGrowthMax = 256 * 1024 * 1024;
const handlers = new URL('../bench/handlers.js', import.meta.url);

if (values.publish === undefined) await parent();
else await publish(values.publish);

async function parent(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'keylane-backlog-'));
  const store = join(folder, 'backlog.db');
  try {
    const args = [fileURLToPath(import.meta.url), '--events', String(events), '--publish', store];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const exited = once(child, 'exit');
    const [growth] = (await Promise.race([once(child, 'message'), exited.then(() => [Number.NaN])])) as [number];
    child.kill('SIGKILL');
    await exited;
    const problems = growth < growthMax ? [] : [`memory grew by ${megabytes(growth)} while events were published`];
    problems.push(...(await recover(store)));
    for (const problem of problems) console.error(`WRONG: ${problem}`);
    process.exitCode = problems.length === 0 ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Publishes while nothing runs, tells how much memory that took, and waits for its end. */
async function publish(store: string): Promise<void> {
  const processor = await createProcessor<typeof handlersModule>({ handlers, store, autoStart: false });
  // Memory that the heap would grow to anyway is not the backlog's.
  const idle = process.memoryUsage.rss();
  let highest = idle;
  const startMs = performance.now();
  await processor.publishMany(
    sampled(() => {
      highest = Math.max(highest, process.memoryUsage.rss());
    }),
  );
  const { waiting, backlog } = processor.stats();
  const rate = Math.round((events / (performance.now() - startMs)) * 1000);
  console.log(`published ${events} events, ${rate} a second: ${waiting} in memory, ${backlog} in the store only`);
  console.log(`resident memory: ${megabytes(idle)} idle, ${megabytes(highest)} at most`);
  process.send?.(highest - idle);
  process.on('disconnect', () => process.exit(1));
}

async function recover(store: string): Promise<string[]> {
  const startMs = performance.now();
  const processor = await createProcessor({ handlers, store });
  const { pending, wasClean } = processor.recovery;
  const openedMs = performance.now() - startMs;
  const first = new Promise<void>((resolve) => {
    const listener = (): void => {
      processor.off('outcome', listener);
      resolve();
    };
    processor.on('outcome', listener);
  });
  const idle = process.memoryUsage.rss();
  let highest = idle;
  const watch = setInterval(() => {
    highest = Math.max(highest, process.memoryUsage.rss());
  }, 50);
  await first;
  console.log(
    `recovery: ${pending} pending (clean end: ${wasClean}); open after ${openedMs.toFixed(0)} ms, ` +
      `first durable outcome after ${(performance.now() - startMs).toFixed(0)} ms`,
  );
  await processor.drain();
  clearInterval(watch);
  console.log(
    `all run after ${(performance.now() - startMs).toFixed(0)} ms; memory grew by ${megabytes(highest - idle)}`,
  );
  const problems = checkStore(store, { events: made, count: events });
  if (pending !== events) problems.push(`${events} published, ${pending} pending after the kill`);
  if (highest - idle >= runningGrowthMax) problems.push(`memory grew by ${megabytes(highest - idle)} while events ran`);
  return problems;
}

function* sampled(sample: () => void) {
  for (let n = 0; n < events; n += 1) {
    if (n % 10_000 === 0) sample();
    yield made.event(n);
  }
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}
