// Handler threads without threads: they take time on the simulated clock, two batches to a thread, one after the
// other, and on a seeded whim they fail events, end a report early, or die. Everything they run is put on record.

import { handlerResult } from '../../src/handler.js';
import { lengthsPerEvent } from '../../src/joined-events.js';
import { RowsBuilder } from '../../src/outcome.js';
import { type BatchMessage, type BatchReport, numbersPerEvent } from '../../src/pool/messages.js';
import type { HandlerThreads } from '../../src/threads.js';
import type { Random } from './random.js';
import type { SimulatedClock } from './simulated-clock.js';

/** One event while it ran; `endMs` is when it stopped executing. */
export interface Try {
  readonly lane: string;
  readonly identity: string;
  readonly startMs: number;
  readonly endMs: number;
}

interface World {
  readonly clock: SimulatedClock;
  readonly random: Random;
  laneOf(handler: number, key: string | null): string | null;
  /** An event begins to run. */
  onTry(key: string | null): void;
}

interface Job {
  readonly message: BatchMessage;
  readonly resolve: (report: BatchReport) => void;
}

export class SimulatedThreads implements HandlerThreads {
  readonly threads: number;
  readonly places: number;
  readonly tries: Try[] = [];
  batchesMax = 0;
  closed = false;
  readonly #world: World;
  #underWay = 0;
  readonly #queues: Job[][];

  constructor(threads: number, world: World) {
    this.threads = threads;
    this.places = threads * 2;
    this.#world = world;
    this.#queues = Array.from({ length: threads }, () => []);
  }

  run(message: BatchMessage): Promise<BatchReport> {
    this.#underWay += 1;
    this.batchesMax = Math.max(this.batchesMax, this.#underWay);
    return new Promise((resolve) => {
      const queue = this.#queues[message.place % this.threads] as Job[];
      queue.push({ message, resolve });
      if (queue.length === 1) this.#begin(queue);
    });
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  async abort(): Promise<void> {
    this.closed = true;
  }

  #begin(queue: Job[]): void {
    const { clock, random } = this.#world;
    const job = queue[0] as Job;
    const { count } = job.message;
    const dies = random.oneIn(25);
    const ran = dies || random.oneIn(10) ? random.int(1, count) : count;
    let atMs = clock.nowMs();
    const events = readEvents(job.message);
    for (const event of events.slice(0, ran)) {
      const startMs = atMs;
      atMs += random.next();
      const lane = this.#world.laneOf(event.handler, event.key);
      if (lane !== null) this.tries.push({ lane, identity: event.identity, startMs, endMs: atMs });
      clock.alarm(startMs - clock.nowMs(), () => this.#world.onTry(event.key));
    }
    clock.alarm(atMs - clock.nowMs(), () => {
      queue.shift();
      this.#underWay -= 1;
      job.resolve(report(events, dies ? () => handlerResult.failed : this.#whim(ran)));
      const waiting = dies ? queue.splice(0) : [];
      for (const other of waiting) {
        this.#underWay -= 1;
        other.resolve(report(readEvents(other.message), () => handlerResult.skipped));
      }
      if (queue.length > 0) this.#begin(queue);
    });
  }

  #whim(ran: number): (index: number) => number {
    return (index) => {
      if (index >= ran) return handlerResult.skipped;
      return this.#world.random.oneIn(12) ? handlerResult.failed : handlerResult.succeeded;
    };
  }
}

interface Event {
  readonly identity: string;
  readonly partition: number;
  readonly position: number;
  readonly handler: number;
  readonly attempt: number;
  readonly type: string;
  readonly key: string | null;
}

function readEvents(message: BatchMessage): Event[] {
  let at = 0;
  const slice = (length: number): string | null => {
    if (length < 0) return null;
    at += length;
    return message.text.slice(at - length, at);
  };
  return Array.from({ length: message.count }, (_, index) => {
    const [partition, position, handler, attempt] = message.numbers.subarray(index * numbersPerEvent);
    const lengths = message.lengths.subarray(index * lengthsPerEvent, (index + 1) * lengthsPerEvent);
    const [type, key] = [...lengths.subarray(0, 5)].map(slice);
    const identity = `${message.partitions[partition as number]}/${position}`;
    return { identity, partition, position, handler, attempt, type, key } as Event;
  });
}

function report(events: readonly Event[], resultOf: (index: number) => number): BatchReport {
  const results = Uint8Array.from(events, (_, index) => resultOf(index));
  const builder = new RowsBuilder(events.length);
  let failedCount = 0;
  events.forEach((event, index) => {
    if (results[index] === handlerResult.skipped) return;
    const succeeded = results[index] === handlerResult.succeeded;
    if (!succeeded) failedCount += 1;
    const { partition, position, handler, type, key } = event;
    const error = succeeded ? null : '{"name":"Error","message":"a whim"}';
    builder.add({
      ...{ partition, position, handler, type, key, succeeded, error },
      ...{ attempts: event.attempt, startedAtUs: 0, durationUs: 0, id: null, result: null },
    });
  });
  const rowCount = builder.count;
  return { results, rows: builder.finish(), rowCount, failedCount, busyUs: events.length };
}
