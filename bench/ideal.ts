// What this machine can compute: n plain processes, each running the handler in a loop over decoded events, all at the
// same time; nothing is queued, sent or stored. Called as `node ideal.js '<IdealRequest as JSON>'`; prints
// `{ eventsPerSecond, wrong }`. One process is the plain loop.

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { HandlerEvent } from '../src/index.js';
import { BenchEvents } from './bench-events.js';
import handlers, { type Payload } from './handlers.js';
import type { Workload } from './workloads.js';

export interface IdealRequest {
  readonly workload: Workload;
  readonly processes: number;
  /** For each process. */
  readonly events: number;
}

const request = JSON.parse(process.argv[2] ?? 'null') as IdealRequest | null;
if (request === null) throw new Error('expected what to run as JSON; run `npm run bench`');
if (process.send === undefined) console.log(JSON.stringify(await together(request)));
else process.once('message', () => process.send?.(alone(request), () => process.disconnect()));

/** Starts the processes, lets all of them go at once, and adds up their rates. */
async function together({ processes }: IdealRequest): Promise<{ eventsPerSecond: number; wrong: string[] }> {
  const self = fileURLToPath(import.meta.url);
  const children = Array.from({ length: processes }, () => fork(self, process.argv.slice(2)));
  await Promise.all(children.map((child) => once(child, 'spawn')));
  const answers = children.map(answerOf);
  for (const child of children) child.send('go');
  const came = await Promise.all(answers);
  const wrong = came.filter(({ isRight }) => !isRight).map(() => 'the plain loop gave wrong results');
  return { eventsPerSecond: came.reduce((sum, { rate }) => sum + rate, 0), wrong };
}

interface Answer {
  readonly rate: number;
  readonly isRight: boolean;
}

async function answerOf(child: ChildProcess): Promise<Answer> {
  const gone = once(child, 'exit').then(([code]) => Promise.reject(new Error(`a plain process ended with ${code}`)));
  // Lost to the answer it is nobody's; each has answered before it goes.
  gone.catch(() => {});
  const [answer] = (await Promise.race([once(child, 'message'), gone])) as [Answer];
  return answer;
}

function alone({ workload, events }: IdealRequest): Answer {
  const made = new BenchEvents({ workload, keys: 'uniform', keyCount: 1000, payload: '100B' });
  const handler = handlers[workload];
  const warming = Math.ceil(events / 10);
  let isRight = true;
  const run = (first: number, end: number): void => {
    for (let n = first; n < end; n += 1) {
      const { key, data } = made.event(n);
      const event = { type: workload, key, data, id: null, time: null, headers: {}, partition: 'loop', position: n };
      if (handler(event as HandlerEvent<Payload>) !== made.resultOf(n)) isRight = false;
    }
  };
  run(0, warming);
  const startMs = performance.now();
  run(warming, warming + events);
  return { rate: (events * 1000) / (performance.now() - startMs), isRight };
}
