// Watches over what runs in the threads: tells tries to end that run for too long or were cancelled, has their threads
// ended when they do not, and says what became of a batch whose thread died.

import { messageOf } from '../errors.js';
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

/** Events in doubt that are remembered; beyond it all of them are forgotten, and each has one more try. */
const doubtedMax = 10_000;

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
  /** Events of which it is not known whether they ended their thread, as one before them may have left what did. */
  readonly #doubted = new Set<string>();

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
    const isCharged = !this.#isBystander(place, threadId) && this.#isCharged(message, reason);
    return reportOfLost(message, { reason, place, isCharged, endedAtUs: this.#parts.machine.nowUs(), of: this.#parts });
  }

  /** Whether the thread was ended for another event, which ended by itself just then, so that this one could begin. */
  #isBystander(place: Place, threadId: number): boolean {
    const running = place.running();
    return running !== null && this.#ended.has(threadId) && place.flagOf(running.index) === abortFlag.none;
  }

  /**
   * Whether the event that was running is charged with the death of its thread. What nothing caught may have been left
   * by an event before it, and is charged to nobody: unless it was the first that its thread ran, or it happens again.
   */
  #isCharged(message: BatchMessage, reason: unknown): boolean {
    const place = this.#parts.progress.place(message.place);
    const running = place.running();
    if (running === null) return false;
    const isEnd = outOfMemoryCode(reason) !== null || /^worker exited/.test(messageOf(reason));
    if (isEnd || place.flagOf(running.index) !== abortFlag.none || place.ranBefore + running.index === 0) return true;
    const at = running.index * numbersPerEvent;
    const identity = `${message.numbers[at + numberOf.partition]}/${message.numbers[at + numberOf.position]}`;
    if (this.#doubted.delete(identity)) return true;
    if (this.#doubted.size >= doubtedMax) this.#doubted.clear();
    this.#doubted.add(identity);
    return false;
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
