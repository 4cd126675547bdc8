// Handler threads without threads: they take time on the simulated clock, two batches to a thread, one after the
// other, and on a seeded whim they fail events, postpone them, run into their time limit, end a report early, or die,
// charging or doubting the event that ran. A fresh thread doubts nothing. Everything they run is put on record.

import { handlerResult } from '../../src/handler.js';
import { lengthsPerEvent } from '../../src/joined-events.js';
import { RowsBuilder, type Verdict, verdict } from '../../src/outcome.js';
import { type BatchMessage, type BatchReport, noRun, numbersPerEvent } from '../../src/pool/messages.js';
import type { HandlerThreads } from '../../src/threads.js';
import type { Random } from './random.js';
import type { SimulatedClock } from './simulated-clock.js';

/** One event while it ran; `endMs` is when it stopped executing. */
export interface Try {
  readonly lane: string;
  readonly identity: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly result: number;
}

interface World {
  readonly clock: SimulatedClock;
  readonly random: Random;
  readonly attemptsMax: number;
  readonly parks: boolean;
  laneOf(handler: number, key: string | null): string | null;
  nameOf(handler: number): string;
  /** What comes of each try, instead of a whim; its batch runs to its end. */
  script?(event: TriedEvent): { readonly result: number; readonly delayMs: number };
  /** One try in so many is postponed, and some waits are so long. */
  readonly postponedIn: number;
  readonly waitMsMax: number;
  /** An event begins to run. */
  onTry(key: string | null): void;
}

/** The store has times in microseconds. */
const roundingMs = 0.001;

interface Job {
  readonly message: BatchMessage;
  readonly isFresh: boolean;
  /** Indexes of events that are to end. */
  readonly cancelled: Set<number>;
  startedMs: number[];
  readonly resolve: (report: BatchReport) => void;
}

export class SimulatedThreads implements HandlerThreads {
  threads: number;
  readonly tries: Try[] = [];
  /** Whether a batch came that there was no place for. */
  isOverfull = false;
  /** Doubted events that ran elsewhere than on a fresh thread, and others that ran there. */
  readonly misplaced: string[] = [];
  closed = false;
  readonly #doubted = new Set<string>();
  readonly #world: World;
  #underWay = 0;
  readonly #queues: Job[][] = [];
  readonly #fresh: Job[] = [];
  readonly #jobs = new Map<number, Job>();
  /** When the next try is due of events that wait for one. */
  readonly #dueMs = new Map<string, number>();
  /** Events that were tried before they were due. */
  readonly tooEarly: string[] = [];

  constructor(threads: number, world: World) {
    this.threads = threads;
    this.#world = world;
  }

  run(message: BatchMessage): Promise<BatchReport> {
    const doubted = this.#read(message).filter(({ identity }) => this.#doubted.has(identity));
    this.misplaced.push(...doubted.map(({ identity }) => identity));
    this.#queues[message.place % this.threads] ??= [];
    return this.#run(message, { queue: this.#queues[message.place % this.threads] as Job[], isFresh: false });
  }

  runFresh(message: BatchMessage): Promise<BatchReport> {
    const events = this.#read(message);
    const wrong = events.filter(({ identity }) => events.length > 1 || !this.#doubted.has(identity));
    this.misplaced.push(...wrong.map(({ identity }) => identity));
    return this.#run(message, { queue: this.#fresh, isFresh: true });
  }

  #run(message: BatchMessage, { queue, isFresh }: { queue: Job[]; isFresh: boolean }): Promise<BatchReport> {
    this.#underWay += 1;
    if (this.#underWay > this.places) this.isOverfull = true;
    return new Promise((resolve) => {
      const job = { message, resolve, isFresh, cancelled: new Set<number>(), startedMs: [] };
      queue.push(job);
      this.#jobs.set(message.place, job);
      if (queue.length === 1) this.#begin(queue);
    });
  }

  cancel(place: number, index: number): void {
    this.#jobs.get(place)?.cancelled.add(index);
  }

  running(place: number): { index: number; forMs: number; threadId: number } | null {
    const { clock } = this.#world;
    const job = this.#jobs.get(place);
    const index = job?.startedMs.findLastIndex((startMs) => startMs <= clock.nowMs()) ?? -1;
    return index === -1 ? null : { index, forMs: clock.nowMs() - job!.startedMs[index]!, threadId: place };
  }

  get places(): number {
    return this.threads * 2;
  }

  setThreads(threads: number): Promise<void> {
    return new Promise((resolve) => {
      this.#world.clock.alarm(this.#world.random.next() * 20, () => {
        this.threads = threads;
        resolve();
      });
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
    const events = this.#read(job.message);
    const isScripted = this.#world.script !== undefined;
    const dies = !isScripted && random.oneIn(25);
    const isCut = dies || (!isScripted && random.oneIn(10));
    const ranMax = isCut ? random.int(1, events.length) : events.length;
    const results = new Uint8Array(events.length).fill(handlerResult.skipped);
    const stopped = new Set<number>();
    let atMs = clock.nowMs();
    for (let index = 0; index < ranMax; index += 1) {
      const event = events[index] as TriedEvent;
      if (stopped.has(event.run)) continue;
      const startMs = atMs;
      job.startedMs[index] = startMs;
      if (startMs < (this.#dueMs.get(event.identity) ?? 0) - roundingMs) this.tooEarly.push(event.identity);
      this.#dueMs.delete(event.identity);
      atMs += random.next();
      // A thread that dies takes with it the one event that ran; those before it keep their results.
      const isLast = dies && index === ranMax - 1;
      const isDoubted = isLast && !job.isFresh && random.oneIn(2);
      const result = isDoubted ? handlerResult.doubted : isLast ? this.#failure(event) : this.#whim(event);
      results[index] = result;
      const stops = result === handlerResult.retrying || result === handlerResult.postponed;
      if (event.run !== noRun && (stops || (result === handlerResult.failed && this.#world.parks)))
        stopped.add(event.run);
      const lane = this.#world.laneOf(event.handler, event.key);
      this.tries.push({
        lane: lane ?? `free ${event.identity}`,
        identity: event.identity,
        startMs,
        endMs: atMs,
        result,
      });
      clock.alarm(startMs - clock.nowMs(), () => this.#world.onTry(event.key));
    }
    clock.alarm(atMs - clock.nowMs(), () => this.#end(queue, { events, results, dies }));
  }

  #end(queue: Job[], { events, results, dies }: { events: TriedEvent[]; results: Uint8Array; dies: boolean }): void {
    const job = queue.shift() as Job;
    for (const index of job.cancelled) {
      // One that ended by itself before it was told has that result.
      if (results[index] === handlerResult.skipped) results[index] = handlerResult.cancelled;
    }
    events.forEach(({ identity }, index) => {
      if (results[index] === handlerResult.doubted) this.#doubted.add(identity);
      else if (results[index] !== handlerResult.skipped) this.#doubted.delete(identity);
    });
    this.#finish(job, this.#report(events, results));
    for (const other of dies ? queue.splice(0) : []) {
      const skipped = this.#read(other.message);
      this.#finish(other, this.#report(skipped, new Uint8Array(skipped.length).fill(handlerResult.skipped)));
    }
    if (queue.length > 0) this.#begin(queue);
  }

  #read(message: BatchMessage): TriedEvent[] {
    return readEvents(message, (handler) => this.#world.nameOf(handler));
  }

  #finish(job: Job, report: BatchReport): void {
    this.#underWay -= 1;
    this.#jobs.delete(job.message.place);
    job.resolve(report);
  }

  #whim(event: TriedEvent): number {
    const { random, script } = this.#world;
    if (script !== undefined) return script(event).result;
    if (random.oneIn(this.#world.postponedIn) && event.postponed < 5) return handlerResult.postponed;
    return random.oneIn(9) ? this.#failure(event) : handlerResult.succeeded;
  }

  #failure(event: TriedEvent): number {
    const { random, attemptsMax } = this.#world;
    return event.attempt >= attemptsMax || random.oneIn(6) ? handlerResult.failed : handlerResult.retrying;
  }

  #report(events: readonly TriedEvent[], results: Uint8Array): BatchReport {
    const { clock, random } = this.#world;
    const builder = new RowsBuilder(events.length);
    const delaysMs = new Float64Array(events.length);
    events.forEach((event, index) => {
      const result = results[index] as number;
      if (result === handlerResult.skipped || result === handlerResult.doubted) return;
      const again = result === handlerResult.retrying || result === handlerResult.postponed;
      if (again) {
        const whimMs = random.oneIn(8) ? random.int(50, this.#world.waitMsMax) : random.next() * 10;
        const delayMs = this.#world.script?.(event).delayMs ?? whimMs;
        delaysMs[index] = delayMs;
        this.#dueMs.set(event.identity, clock.nowMs() + delayMs);
      }
      const { partition, position, handler, type, key, extras, data } = event;
      const keeps = result === handlerResult.failed || result === handlerResult.cancelled;
      builder.add({
        ...{ partition, position, handler, type, key, verdict: verdictOf[result] as Verdict },
        error: result === handlerResult.succeeded ? null : '{"name":"Error","message":"a whim"}',
        ...{ attempts: event.attempt, startedAtUs: 0, durationUs: 0, id: null, result: null },
        dueAtUs: again ? (clock.nowMs() + (delaysMs[index] ?? 0)) * 1000 : 0,
        extras: keeps ? extras : null,
        data: keeps ? (data ?? 'null') : null,
      });
    });
    const failedCount = results.filter((result) => result === handlerResult.failed).length;
    const rowCount = builder.count;
    const isAgain = delaysMs.some((delay) => delay > 0);
    return {
      results,
      rows: builder.finish(),
      rowCount,
      failedCount,
      delaysMs: isAgain ? delaysMs : null,
      busyUs: events.length,
      heapGrowthBytes: 0,
    };
  }
}

/** By result. */
const verdictOf = [
  verdict.succeeded,
  verdict.deadLettered,
  -1,
  verdict.tryFailed,
  verdict.tryPostponed,
  verdict.cancelled,
];

/** An event as its thread sees it. */
export interface TriedEvent {
  /** With the name of its handler. */
  readonly identity: string;
  readonly partition: number;
  readonly position: number;
  readonly handler: number;
  readonly attempt: number;
  readonly postponed: number;
  readonly run: number;
  readonly type: string;
  readonly key: string | null;
  readonly extras: string | null;
  readonly data: string | null;
}

function readEvents(message: BatchMessage, nameOf: (handler: number) => string): TriedEvent[] {
  let at = 0;
  const slice = (length: number): string | null => {
    if (length < 0) return null;
    at += length;
    return message.text.slice(at - length, at);
  };
  return Array.from({ length: message.count }, (_, index) => {
    const [partition, position, handler, attempt, postponed, run] = message.numbers.subarray(index * numbersPerEvent);
    const lengths = message.lengths.subarray(index * lengthsPerEvent, (index + 1) * lengthsPerEvent);
    const [type, key, , extras, data] = [...lengths.subarray(0, 5)].map(slice);
    const identity = `${message.partitions[partition as number]}/${position}/${nameOf(handler as number)}`;
    return {
      ...{ identity, partition, position, handler, attempt, postponed, run },
      ...{ type, key, extras, data },
    } as TriedEvent;
  });
}
