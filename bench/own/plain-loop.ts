// What this machine can compute of the user's handlers: n plain processes, each running them in a loop over its share of
// the same events, all at the same time; nothing is queued, sent or stored, and reading events and looking at results is
// outside the clock. Called as `node plain-loop.js '<PlainRequest as JSON>'`; leaves one PlainRun as JSON and the hashes
// of all results in its folder.

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { doWork, giveResult, hashesFile, type OwnPlace, ownRequest, resultFile } from './own-result.js';
import type { OwnSubject } from './own-subject.js';
import { PlainRunner, type PlainShare } from './plain-runner.js';
import { readHashes, writeHashes } from './result-hash.js';

export interface PlainRequest extends OwnPlace {
  readonly subject: OwnSubject;
  readonly processes: number;
  /** For each process. */
  readonly events: number;
  readonly warming: number;
  /** After which a process takes no further event; null: never. */
  readonly seconds: number | null;
}

export interface PlainRun {
  readonly eventsPerSecond: number;
  /** Of the time on the clock, the part in which there was nothing to run, as handlers awaited something. */
  readonly idleShare: number;
  readonly failed: number;
  /** Events that handlers emitted in tries that succeeded; they are not run. */
  readonly emitted: number;
  readonly firstError: string | null;
}

const request = ownRequest<PlainRequest>();
if (process.send !== undefined)
  process.once('message', ({ index }: { index: number }) => void doWork(child(request, index)));
else if (request.processes === 1 && request.subject.execArgv.length === 0) await doWork(alone(request));
else await doWork(together(request));

/** One needs no process beside this one. */
async function alone(of: PlainRequest): Promise<void> {
  const runner = await PlainRunner.load(of.subject);
  await runner.warm(of.warming);
  const { hashes, ...share } = await runner.run({ first: 1, count: of.events, seconds: of.seconds });
  await runner.close();
  give(of, { shares: [share], hashes });
  // Handlers may have left something that would keep it.
  process.exit(0);
}

/** Starts the processes, lets all of them go at once when all have loaded what they need, and adds up their rates. */
async function together({ processes, subject, folder }: PlainRequest): Promise<void> {
  const self = fileURLToPath(import.meta.url);
  const execArgv = [...process.execArgv, ...subject.execArgv];
  const children = Array.from({ length: processes }, () => fork(self, process.argv.slice(2), { execArgv }));
  // One that is in a loop would not notice that nobody waits for it any more.
  process.once('SIGTERM', () => {
    for (const child of children) child.kill('SIGKILL');
    process.exit(1);
  });
  const ready = children.map(answerOf<'ready'>);
  for (const [index, child] of children.entries()) child.send({ index });
  await Promise.all(ready);
  const answers = children.map(answerOf<PlainShare>);
  for (const child of children) child.send('go');
  const shares = await Promise.all(answers);
  const parts = children.map((_, index) => readHashes(partFile(folder, index)));
  give({ folder, processes }, { shares, hashes: joined(parts) });
}

function give(
  { folder, processes }: Pick<PlainRequest, 'folder' | 'processes'>,
  { shares, hashes }: { shares: readonly PlainShare[]; hashes: Uint32Array },
): void {
  const sum = (of: (share: PlainShare) => number): number => shares.reduce((total, share) => total + of(share), 0);
  const result: PlainRun = {
    eventsPerSecond: sum(({ rate }) => rate),
    idleShare: sum(({ idleShare }) => idleShare) / processes,
    failed: sum(({ failed }) => failed),
    emitted: sum(({ emitted }) => emitted),
    firstError: shares.find(({ firstError }) => firstError !== null)?.firstError ?? null,
  };
  writeHashes(join(folder, hashesFile), hashes);
  giveResult(join(folder, resultFile), result);
}

async function child({ subject, events, warming, seconds, folder }: PlainRequest, index: number): Promise<void> {
  process.once('disconnect', () => process.exit(1));
  const runner = await PlainRunner.load(subject);
  await runner.warm(warming);
  process.send?.('ready');
  await once(process, 'message');
  const { hashes, ...share } = await runner.run({ first: index * events + 1, count: events, seconds });
  writeHashes(partFile(folder, index), hashes);
  await runner.close();
  process.removeAllListeners('disconnect');
  process.send?.(share, () => process.exit(0));
}

async function answerOf<Answer>(child: ChildProcess): Promise<Answer> {
  const gone = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`a plain process that ran the handlers ended with ${code ?? signal}: do they exit?`);
  });
  // Lost to the answer it is nobody's; each has answered before it goes.
  gone.catch(() => {});
  const [answer] = (await Promise.race([once(child, 'message'), gone])) as [Answer];
  return answer;
}

function partFile(folder: string, index: number): string {
  return join(folder, `part-${index}.bin`);
}

function joined(parts: readonly Uint32Array[]): Uint32Array {
  const whole = new Uint32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
