// Watches over what runs in the threads: tells tries to end that run for too long or were cancelled, has their threads
// ended when they do not, and says what became of a batch whose thread died.

import type { Policy } from '../handler.js';
import { outOfMemoryCode } from './failed-try.js';
import { type LostLimits, reportOfLost } from './lost-batch.js';
import { type BatchMessage, type BatchReport, numberOf, numbersPerEvent } from './messages.js';
import type { PendingBatch } from './pending-batch.js';
import { abortFlag, type Place, type Progress } from './progress.js';
import { Watchdog } from './watchdog.js';

interface Parts extends LostLimits {
  readonly progress: Progress;
  /** Microseconds since the Unix epoch, as the threads tell them. */
  nowUs(): number;
  /** Batches that are not answered. */
  batches(): Iterable<PendingBatch>;
  endThread(threadId: number): void;
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

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#hasTimeLimit = parts.policies.some(({ timeoutMs }) => timeoutMs !== null);
    this.#watchdog = new Watchdog({
      ...{ nowMs: () => parts.nowUs() / 1000, tickMs: tickMsFor(parts.policies), look: () => this.#look() },
      alarm: (delayMs, callback) => {
        const timer = setTimeout(callback, delayMs);
        return () => clearTimeout(timer);
      },
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
    return { index: running.index, forMs: Math.max(0, (this.#parts.nowUs() - running.startedAtUs) / 1000), threadId };
  }

  /** What became of a batch whose thread died of `reason` without a report. */
  reportOfLost(message: BatchMessage, reason: unknown): BatchReport {
    const place = this.#parts.progress.place(message.place);
    const isCharged = isCulprit(place, reason);
    return reportOfLost(message, { reason, place, isCharged, endedAtUs: this.#parts.nowUs(), of: this.#parts });
  }

  /** Looks for tries that have run for too long; says whether any may, later. */
  #look(): boolean {
    const { progress, policies, nowUs, endThread } = this.#parts;
    let isAny = false;
    let isCancelled = false;
    for (const batch of this.#parts.batches()) {
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
          batch.told = { index, atMs: nowUs() / 1000, isThreadEnded: false };
        }
        continue;
      }
      if (flag === abortFlag.cancelled) isCancelled = true;
      if (batch.told?.index !== index) batch.told = { index, atMs: nowUs() / 1000, isThreadEnded: false };
      if (batch.told.isThreadEnded || this.#watchdog.sinceMs(batch.told.atMs) < graceMs) continue;
      batch.told.isThreadEnded = true;
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
