// The one loop. Callbacks only put what happened into the inbox and wake the pump; `turn` alone changes state, in a
// fixed order, without awaiting: confirm what became durable, settle what came back, let events in, send batches out,
// commit a group, arm the alarm. It holds nothing back for company: a batch is whatever is runnable, and a group is
// what was decided while the writer was busy, for at most `groupWaitMs`.

import type { Clock } from './clock.js';
import type { Batch, Dispatcher } from './dispatch/dispatcher.js';
import { KeylaneError, messageOf } from './errors.js';
import { Group } from './group.js';
import type { Partitions } from './partitions.js';
import { batchMessage } from './pool/batch-message.js';
import type { BatchReport } from './pool/messages.js';
import type { GroupResult } from './store/messages.js';
import type { HandlerThreads, WriterThread } from './threads.js';

export interface PumpLimits {
  readonly groupSizeMax: number;
  readonly groupWaitMs: number;
  readonly unacknowledgedBytesMax: number;
}

export interface PumpParts {
  readonly dispatcher: Dispatcher;
  readonly partitions: Partitions;
  readonly runners: HandlerThreads;
  readonly writer: WriterThread;
  readonly clock: Clock;
  readonly limits: PumpLimits;
  /** Lets those in who wait; called once a turn. */
  letIn(): void;
  /** Sees every report before its rows leave for the writer; gives back what to say once they are durable. */
  inspect(report: BatchReport): (() => void) | null;
  /** Told once, of the first trouble that ends the processor. */
  onFatal(error: KeylaneError): void;
}

/** What became durable since the start, and what the last group was like. */
export interface PumpCounts {
  readonly succeeded: number;
  readonly deadLettered: number;
  readonly duplicatesIgnored: number;
  readonly groupSize: number;
  readonly walBytes: number;
}

/** `held`: batches wait for `open`. `shut`: no new batch starts, what is in flight is finished. */
type Gate = 'held' | 'open' | 'shut' | 'dead';

/** Groups that may be on their way to the writer at once: one being committed, one waiting there. */
const groupsInFlightMax = 2;

/** What callbacks have noted since the last turn. */
interface Inbox {
  reports: { batch: Batch; place: number; report: BatchReport }[];
  commits: { group: Group; result: GroupResult }[];
  trouble: unknown[];
}

export class Pump {
  readonly #parts: PumpParts;
  #gate: Gate = 'held';
  #inbox: Inbox = { reports: [], commits: [], trouble: [] };
  #awake = false;
  #cancelAlarm: (() => void) | null = null;
  readonly #placesFree: number[];
  /** Groups that wait for the writer, the oldest first; outcomes join the last one. */
  readonly #groups: Group[] = [];
  #groupsInFlight = 0;
  #unacknowledgedBytes = 0;
  /** Whether unacknowledged bytes reached their limit and are not yet back at half of it. */
  #writerIsBehind = false;
  #afterTurn: (() => void)[] = [];
  #whenQuiet: (() => void)[] = [];
  #succeeded = 0;
  #deadLettered = 0;
  #duplicatesIgnored = 0;
  #groupSize = 0;
  #walBytes = 0;

  constructor(parts: PumpParts) {
    this.#parts = parts;
    this.#placesFree = Array.from({ length: parts.runners.places }, (_, index) => parts.runners.places - 1 - index);
  }

  /** Lets batches start. */
  open(): void {
    if (this.#gate === 'held') this.#gate = 'open';
    this.wake();
  }

  /** Starts no more batches. */
  shut(): void {
    if (this.#gate !== 'dead') this.#gate = 'shut';
    this.wake();
  }

  /** Does nothing more: what is under way is forgotten, and whoever waits for quiet has it. */
  kill(): void {
    this.#gate = 'dead';
    this.#cancelAlarm?.();
    this.#cancelAlarm = null;
    this.#release();
  }

  /** Plans a turn, as soon as the messages that are already here have been delivered. */
  wake(): void {
    if (this.#awake || this.#gate === 'dead') return;
    this.#awake = true;
    this.#parts.clock.soon(() => {
      this.#awake = false;
      this.turn();
    });
  }

  /** Resolves after the next turn, so that a long sequence of admissions lets the rest of the process run. */
  nextTurn(): Promise<void> {
    if (this.#gate === 'dead') return Promise.resolve();
    this.wake();
    return new Promise((resolve) => {
      this.#afterTurn.push(resolve);
    });
  }

  /** Resolves when nothing is in flight and what was decided is durable; while open, when nothing is held. */
  whenQuiet(): Promise<void> {
    if (this.#gate === 'dead') return Promise.resolve();
    this.wake();
    return new Promise((resolve) => {
      this.#whenQuiet.push(resolve);
    });
  }

  /** One round: takes the inbox in and does everything that follows from it. */
  turn(): void {
    if (this.#gate === 'dead') return;
    const inbox = this.#inbox;
    this.#inbox = { reports: [], commits: [], trouble: [] };
    try {
      if (inbox.trouble.length > 0) throw inbox.trouble[0];
      for (const { group, result } of inbox.commits) this.#confirm(group, result);
      for (const { batch, place, report } of inbox.reports) this.#settle(batch, place, report);
      this.#parts.letIn();
      this.#dispatch();
      this.#commit();
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#release();
  }

  counts(): PumpCounts {
    return {
      succeeded: this.#succeeded,
      deadLettered: this.#deadLettered,
      duplicatesIgnored: this.#duplicatesIgnored,
      groupSize: this.#groupSize,
      walBytes: this.#walBytes,
    };
  }

  #confirm(group: Group, result: GroupResult): void {
    this.#groupsInFlight -= 1;
    this.#unacknowledgedBytes -= group.bytes;
    if (this.#unacknowledgedBytes <= this.#parts.limits.unacknowledgedBytesMax / 2) this.#writerIsBehind = false;
    this.#duplicatesIgnored += result.ignored;
    this.#groupSize = group.count;
    this.#walBytes = result.gauges.walBytes;
    this.#succeeded += group.count - group.failedCount;
    this.#deadLettered += group.failedCount;
    for (const slots of group.slots) this.#parts.dispatcher.confirm(slots);
    for (const say of group.announcements) this.#afterTurn.push(say);
  }

  #settle(batch: Batch, place: number, report: BatchReport): void {
    this.#placesFree.push(place);
    const settled = this.#parts.dispatcher.settle(batch, report);
    if (settled.length === 0) return;
    this.#openGroup().add({ slots: settled, report, announcement: this.#parts.inspect(report) });
    this.#unacknowledgedBytes += report.rows.byteLength;
    if (this.#unacknowledgedBytes >= this.#parts.limits.unacknowledgedBytesMax) this.#writerIsBehind = true;
  }

  #dispatch(): void {
    const { dispatcher, partitions, runners } = this.#parts;
    const nameOf = (partition: number): string => partitions.nameOf(partition);
    while (this.#gate === 'open' && !this.#writerIsBehind && this.#placesFree.length > 0) {
      const batch = dispatcher.nextBatch(this.#placesFree.length);
      if (batch === null) return;
      const place = this.#placesFree.pop()!;
      runners.run(batchMessage(batch.slots, { place, nameOf })).then(
        (report) => this.#note(() => this.#inbox.reports.push({ batch, place, report })),
        (error) => this.#note(() => this.#inbox.trouble.push(error)),
      );
    }
  }

  /** The group that outcomes join now. One that is full takes no more, so that a slow writer makes none larger. */
  #openGroup(): Group {
    const last = this.#groups.at(-1);
    if (last !== undefined && last.count < this.#parts.limits.groupSizeMax) return last;
    const group = new Group(this.#parts.clock.nowMs());
    this.#groups.push(group);
    return group;
  }

  /** Sends groups off that are full, have waited long enough, or that nothing else would join. */
  #commit(): void {
    const { clock, limits } = this.#parts;
    this.#cancelAlarm?.();
    this.#cancelAlarm = null;
    for (let [group] = this.#groups; group !== undefined; [group] = this.#groups) {
      if (this.#groupsInFlight === groupsInFlightMax) return;
      const waitedMs = clock.nowMs() - group.openedMs;
      const isDue = group.count >= limits.groupSizeMax || waitedMs >= limits.groupWaitMs || this.#inFlight === 0;
      if (!isDue) {
        this.#cancelAlarm = clock.alarm(limits.groupWaitMs - waitedMs, () => this.wake());
        return;
      }
      this.#groups.shift();
      this.#send(group);
    }
  }

  #send(group: Group): void {
    this.#groupsInFlight += 1;
    this.#parts.writer.append({ events: null, rows: group.rows, watermarks: this.#parts.partitions.takeMoved() }).then(
      (result) => this.#note(() => this.#inbox.commits.push({ group, result })),
      (error) => this.#note(() => this.#inbox.trouble.push(error)),
    );
  }

  /** Batches in flight. */
  get #inFlight(): number {
    return this.#parts.runners.places - this.#placesFree.length;
  }

  #note(put: () => void): void {
    put();
    this.wake();
  }

  #fail(error: unknown): void {
    this.kill();
    this.#parts.onFatal(
      error instanceof KeylaneError ? error : new KeylaneError('internal', messageOf(error), { cause: error }),
    );
  }

  /** Lets go of whoever waited for this turn, and for quiet if it has come. */
  #release(): void {
    const afterTurn = this.#afterTurn;
    if (afterTurn.length > 0) {
      this.#afterTurn = [];
      for (const callback of afterTurn) callback();
    }
    if (this.#whenQuiet.length > 0 && this.#isQuiet()) {
      const whenQuiet = this.#whenQuiet;
      this.#whenQuiet = [];
      for (const callback of whenQuiet) callback();
    }
  }

  #isQuiet(): boolean {
    if (this.#gate === 'dead') return true;
    if (this.#inFlight > 0 || this.#groups.length > 0 || this.#groupsInFlight > 0) return false;
    return this.#gate !== 'open' || this.#parts.dispatcher.held === 0;
  }
}
