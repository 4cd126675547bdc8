// Watches over what runs in the threads: tells tries to end that run for too long or were cancelled, has their threads
// ended when they do not, or when a thread does not get to its next event, and says what became of a batch whose thread
// died.

import type { Policy } from '../handler.js';
import { outOfMemoryCode } from './failed-try.js';
import { type LostLimits, reportOfLost } from './lost-batch.js';
import type { Machine } from './machine.js';
import { type BatchMessage, type BatchReport, numberOf, numbersPerEvent } from './messages.js';
import type { PendingBatch } from './pending-batch.js';
import { abortFlag, type Place, type Progress } from './progress.js';
import { Watchdog } from './watchdog.js';

interface Parts extends LostLimits {
  readonly progress: Progress;
  readonly machine: Pick<Machine, 'nowUs' | 'alarm'>;
  /** Batches that are not answered. */
  batches(): Iterable<PendingBatch>;
  endThread(threadId: number): void;
  /** How long the event loop of a thread has waited so far. */
  idleMs(threadId: number): number;
}

/** What the batch in a place is doing. */
export interface RunningEvent {
  /** The event that runs, in the batch. */
  readonly index: number;
  /** For how long it has, and the batch. */
  readonly forMs: number;
  readonly batchMs: number;
  readonly threadId: number;
}

/** Many more than are exiting at any moment. */
const endedMax = 10_000;

/** A thread that is only slow gets to its next event within that. */
const stuckMsMin = 1_000;

/** How long a thread may take to get to its next event: as long as an event may that has the longest limit. */
function stuckMsFor(policies: readonly Policy[]): number {
  return Math.max(stuckMsMin, ...policies.map(({ timeoutMs, graceMs }) => (timeoutMs ?? 0) + graceMs));
}

/** How often tries are looked at: often enough for the shortest limit, seldom enough to cost nothing. */
function tickMsFor(policies: readonly Policy[]): number {
  const limits = policies.flatMap(({ timeoutMs, graceMs }) => (timeoutMs === null ? [] : [timeoutMs, graceMs]));
  return Math.min(100, Math.max(5, Math.min(...limits, 400) / 4));
}

export class Overseer {
  readonly #parts: Parts;
  readonly #watchdog: Watchdog;
  readonly #hasTimeLimit: boolean;
  readonly #stuckMs: number;
  /** Threads that were ended here; they exit soon after. */
  readonly #ended = new Set<number>();

  constructor(parts: Parts) {
    const { nowUs, alarm } = parts.machine;
    this.#parts = parts;
    this.#hasTimeLimit = parts.policies.some(({ timeoutMs }) => timeoutMs !== null);
    this.#stuckMs = stuckMsFor(parts.policies);
    this.#watchdog = new Watchdog({
      ...{ alarm, nowMs: () => nowUs() / 1000, tickMs: tickMsFor(parts.policies), look: () => this.#look() },
    });
  }

  /** A batch is about to take its place. */
  reset({ place, count }: BatchMessage): void {
    this.#parts.progress.place(place).reset(count);
  }

  /** A batch has left for a thread. */
  watch(): void {
    if (this.#hasTimeLimit) this.#watchdog.watch();
  }

  stop(): void {
    this.#watchdog.stop();
  }

  /** Has the try of an event end, or not begin. */
  cancel(place: number, index: number): void {
    this.#parts.progress.place(place).abort(index, abortFlag.cancelled);
    this.#watchdog.watch();
  }

  /** The event of a batch that runs, and where; null before and after. */
  running({ message, threadId }: PendingBatch): RunningEvent | null {
    const running = this.#parts.progress.place(message.place).running();
    if (running === null) return null;
    const { index, startedAtUs, batchAtUs } = running;
    const sinceMs = (us: number): number => Math.max(0, (this.#parts.machine.nowUs() - us) / 1000);
    return { index, forMs: sinceMs(startedAtUs), batchMs: sinceMs(batchAtUs), threadId };
  }

  /** What became of a batch whose thread died of `reason` without a report. */
  reportOfLost({ message, threadId, told }: PendingBatch, reason: unknown): BatchReport {
    const place = this.#parts.progress.place(message.place);
    const isStill = told?.end === 'still';
    const isKnown = isCulprit(place, { reason, isStill });
    const blame = this.#isBystander(place, threadId) ? 'spared' : isKnown ? 'charged' : 'doubted';
    const endedAtUs = this.#parts.machine.nowUs();
    return reportOfLost(message, { ...{ reason, place, threadId, blame, endedAtUs }, of: this.#parts });
  }

  /** Whether the thread was ended for another event: of its call, or one that ended by itself just then. */
  #isBystander(place: Place, threadId: number): boolean {
    const running = place.running();
    return running !== null && this.#ended.has(threadId) && place.flagOf(running.index) === abortFlag.none;
  }

  /** Looks for tries that have run for too long; says whether any may, later. */
  #look(): boolean {
    const { progress, policies } = this.#parts;
    let isAny = false;
    let isCancelled = false;
    const threads = new Set<number>();
    for (const batch of this.#parts.batches()) {
      // What it was doing when its thread died is not to become something else.
      if (batch.isLost) continue;
      isAny = true;
      const place = progress.place(batch.message.place);
      const running = place.running();
      // Batches of one thread come in the order in which it runs them.
      const isItsTurn = !threads.has(batch.threadId);
      threads.add(batch.threadId);
      if (running === null) {
        if (isItsTurn && this.#isStuck(batch, place)) this.#endThread(batch.threadId);
        continue;
      }
      batch.between = null;
      const { index, startedAtUs } = running;
      const handler = batch.message.numbers[index * numbersPerEvent + numberOf.handler]!;
      const { timeoutMs, graceMs } = policies[handler]!;
      const flag = place.flagOfCall(index);
      if (flag === abortFlag.none) {
        const forMs = this.#watchdog.sinceMs(startedAtUs / 1000);
        if (batch.told?.index === index) batch.told = null;
        // It may have been pardoned since, and begun anew.
        const isStill = place.running()?.startedAtUs === startedAtUs;
        if (timeoutMs !== null && forMs >= timeoutMs && isStill) {
          place.abort(index, abortFlag.timedOut);
          this.#told(batch, index);
        }
        continue;
      }
      if (flag === abortFlag.cancelled) isCancelled = true;
      const told = batch.told?.index === index ? batch.told : this.#told(batch, index);
      if (told.end !== 'none' || this.#watchdog.sinceMs(told.atMs) < graceMs) continue;
      told.end = this.#parts.idleMs(batch.threadId) > told.idleMs ? 'ended' : 'still';
      this.#endThread(batch.threadId);
    }
    return isAny && (this.#hasTimeLimit || isCancelled);
  }

  #told(batch: PendingBatch, index: number): NonNullable<PendingBatch['told']> {
    const { machine, idleMs } = this.#parts;
    batch.told = { index, atMs: machine.nowUs() / 1000, idleMs: idleMs(batch.threadId), end: 'none' };
    return batch.told;
  }

  /**
   * Whether a thread whose turn it is to run this batch has not got to its next event for too long: it executes what an
   * earlier event left behind, and nobody is charged. Nothing is said of a batch that waits for a thread.
   */
  #isStuck(batch: PendingBatch, place: Place): boolean {
    const { threadId, between } = batch;
    if (!this.#hasTimeLimit || threadId === 0 || this.#ended.has(threadId)) return false;
    const { finished } = place;
    if (between?.finished === finished) return this.#watchdog.sinceMs(between.atMs) >= this.#stuckMs;
    batch.between = { finished, atMs: this.#parts.machine.nowUs() / 1000 };
    return false;
  }

  #endThread(threadId: number): void {
    if (this.#ended.size >= endedMax) this.#ended.clear();
    this.#ended.add(threadId);
    this.#parts.endThread(threadId);
  }
}

/**
 * Whether the event that was running is known to have ended its thread. Nothing else can have run while its handler had
 * not given a promise yet, and nothing was left by others where it was the first of the thread. Of an event that was
 * told to end, we ended the thread ourselves: its own doing, unless the event loop stood still, perhaps in what another
 * left, so that it could not end.
 */
function isCulprit(place: Place, { reason, isStill }: { reason: unknown; isStill: boolean }): boolean {
  const running = place.running();
  if (running === null) return false;
  const { index } = running;
  const flag = place.flagOf(index);
  if (!place.isAwaited(index) || flag === abortFlag.cancelled) return true;
  if (flag === abortFlag.timedOut && !isStill) return true;
  return outOfMemoryCode(reason) !== null || place.ranBefore + index === 0;
}
