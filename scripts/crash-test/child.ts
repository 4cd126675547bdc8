// One life of the crash test: a client and its processor in a process that will be killed. Called as
// `node child.js <plan as JSON>`. It says on stdout which process it is, when the processor is ready, when
// events wait on disk and when it has published everything; then it waits for its end, unless it is the life that drains. It ends when its parent does.

import { writeSync } from 'node:fs';
import { setTimeout as after } from 'node:timers/promises';
import { createProcessor, NdjsonSource, type Outcome, type Receipt } from '../../src/index.js';
import { handlersWith } from './handlers.js';
import type { LifePlan } from './life-plan.js';
import { type AcceptedLine, LineLog, logPath, type SentLine } from './line-log.js';
import { dataOf, type Note, shownValue, type Work, workOf } from './workload.js';

const plan = JSON.parse(process.argv[2] as string) as LifePlan;
const { folder, life, seed, durability, ringSize, batchSizeMax } = plan;

process.stdin.once('end', () => process.exit(1)).resume();
say(`pid ${process.pid}`);
const accepted = new LineLog<AcceptedLine>(logPath(folder, { log: 'accepted', life }));
const sent = new LineLog<SentLine>(logPath(folder, { log: 'sent', life }));
const processor = await createProcessor({
  ...{ handlers: handlersWith(logPath(folder, { log: 'tries', life })), store: plan.store },
  ...{ durability, ringSize, batchSizeMax, threads: 2, attemptsMax: 1000 },
});
processor.on('fatal', fail);
let isBehind = false;
say(`ready ${processor.recovery.pending} ${processor.recovery.suspects}`);
const feeding = plan.input === null ? null : processor.consume(new NdjsonSource({ input: plan.input }));
feeding?.catch(fail);
await publishAll();
say('published');
if (plan.drains) {
  await feeding;
  await processor.drain();
  process.exit(0);
}
await new Promise(() => {});

/** As a client that lost its receipts: first again what has an id and no receipt, then what is new. */
async function publishAll(): Promise<void> {
  const { republish, numberFirst, count, window, wave } = plan;
  // Receipts come in order.
  const awaited: Promise<void>[] = [];
  for (const work of works(republish, { numberFirst, count })) {
    if (work.id !== null) sent.write([work.n]);
    const times = work.id !== null && work.n % 5 === 0 ? 2 : 1;
    for (let time = 0; time < times; time += 1) {
      awaited.push(publish(work));
    }
    while (awaited.length >= window) await awaited.shift();
    look();
    const done = work.n - numberFirst;
    if (wave > 0 && done > 0 && done % wave === 0) await caughtUp();
  }
  await Promise.all(awaited);
  if (!plan.drains) await caughtUp();
}

function* works(republish: readonly number[], { numberFirst, count }: { numberFirst: number; count: number }) {
  for (const n of republish) yield workOf(seed, n);
  for (let n = numberFirst; n < numberFirst + count; n += 1) yield workOf(seed, n);
}

async function publish(work: Work): Promise<void> {
  const { type, key, id, n } = work;
  const receipt: Receipt = await processor.publish({ type, key, id, data: dataOf(work) }).catch(fail);
  const stored = receipt.storedOutcome;
  accepted.write([n, receipt.identity.position, receipt.duplicate ? 1 : 0, stored && resultIn(stored)]);
}

function resultIn({ status, result }: Outcome): string {
  return status === 'succeeded' ? shownValue(result as Note | Uint8Array) : status;
}

async function caughtUp(): Promise<void> {
  for (look(); isBehind; look()) await after(1);
}

/** Tells when events begin to wait on disk, and when none does any more. */
function look(): void {
  if (processor.stats().backlog > 0 === isBehind) return;
  isBehind = !isBehind;
  say(isBehind ? 'behind' : 'in-step');
}

function say(line: string): void {
  writeSync(1, `${line}\n`);
}

function fail(error: unknown): never {
  console.error(error);
  process.exit(1);
}
