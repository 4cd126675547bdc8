// Watches over what runs in the threads: tells tries to end that run for too long or were cancelled, has their threads
// ended when they do not, and says what became of a batch whose thread died.

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
}

/** Many more than are exiting at any moment. */
const endedMax = 10_000;

/** How often tries are looked at: often enough for the shortest limit, seldom enough to cost nothing. */
function tickMsFor(policies: readonly Policy[]): number {
  const limits = policies.flatMap(({ timeoutMs, graceMs }) => (timeoutMs === null ? [] : [timeoutMs, graceMs]));
  return Math.min(100, Math.max(5, Math.min(...limits, 400) / 4));
}

export class Overseer {
  readonly #parts: Parts;
  readonly #watchdog: Watchdog;
  readonly #hasTimeLimit: boolean;

  /** Threads that were ended here; they exit soon after. */
  readonly #ended = new Set<number>();

  constructor(parts: Parts) {
    const { nowUs, alarm } = parts.machine;
    this.#parts = parts;
    this.#hasTimeLimit = parts.policies.some(({ timeoutMs }) => timeoutMs !== null);
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
  running({ message, threadId }: PendingBatch): { index: number; forMs: number; threadId: number } | null {
    const running = this.#parts.progress.place(message.place).running();
    if (running === null) return null;
    return {
      index: running.index,
      forMs: Math.max(0, (this.#parts.machine.nowUs() - running.startedAtUs) / 1000),
      threadId,
    };
  }

  /** What became of a batch whose thread died of `reason` without a report. */
  reportOfLost({ message, threadId }: PendingBatch, reason: unknown): BatchReport {
    const place = this.#parts.progress.place(message.place);
    const blame = this.#isBystander(place, threadId) ? 'spared' : isCulprit(place, reason) ? 'charged' : 'doubted';
    return reportOfLost(message, { reason, place, blame, endedAtUs: this.#parts.machine.nowUs(), of: this.#parts });
  }

  /** Whether the thread was ended for another event, which ended by itself just then, so that this one could begin. */
  #isBystander(place: Place, threadId: number): boolean {
    const running = place.running();
    return running !== null && this.#ended.has(threadId) && place.flagOf(running.index) === abortFlag.none;
  }

  /** Looks for tries that have run for too long; says whether any may, later. */
  #look(): boolean {
    const { progress, policies, machine, endThread } = this.#parts;
    let isAny = false;
    let isCancelled = false;
    for (const batch of this.#parts.batches()) {
      // What it was doing when its thread died is not to become something else.
      if (batch.isLost) continue;
      isAny = true;
      const place = progress.place(batch.message.place);
      const running = place.running();
      if (running === null) continue;
      const { index, startedAtUs } = running;
      const handler = batch.message.numbers[index * numbersPerEvent + numberOf.handler]!;
      const { timeoutMs, graceMs } = policies[handler]!;
      const flag = place.flagOf(index);
      if (flag === abortFlag.none) {
        const forMs = this.#watchdog.sinceMs(startedAtUs / 1000);
        if (timeoutMs !== null && forMs >= timeoutMs) {
          place.abort(index, abortFlag.timedOut);
          batch.told = { index, atMs: machine.nowUs() / 1000, isThreadEnded: false };
        }
        continue;
      }
      if (flag === abortFlag.cancelled) isCancelled = true;
      if (batch.told?.index !== index) batch.told = { index, atMs: machine.nowUs() / 1000, isThreadEnded: false };
      if (batch.told.isThreadEnded || this.#watchdog.sinceMs(batch.told.atMs) < graceMs) continue;
      batch.told.isThreadEnded = true;
      if (this.#ended.size >= endedMax) this.#ended.clear();
      this.#ended.add(batch.threadId);
      endThread(batch.threadId);
    }
    return isAny && (this.#hasTimeLimit || isCancelled);
  }
}

/**
 * Whether the event that was running is known to have ended its thread. Nothing else can have run while its handler had
 * not given a promise yet, and nothing was left by others where it was the first of the thread. Of an event that was
 * told to end, we ended the thread ourselves.
 */
function isCulprit(place: Place, reason: unknown): boolean {
  const running = place.running();
  if (running === null) return false;
  const { index } = running;
  if (!place.isAwaited(index) || place.flagOf(index) !== abortFlag.none) return true;
  return outOfMemoryCode(reason) !== null || place.ranBefore + index === 0;
}
