// The one loop. Callbacks only put what happened into the inbox and wake the pump; `turn` alone changes state, in a
// fixed order, without awaiting: take in what the writer says, settle what came back, let events in, send batches out,
// commit a group. It holds nothing back for company: a batch is whatever is runnable.

import type { Clock } from './clock.js';
import type { Batch, Dispatcher } from './dispatch/dispatcher.js';
import { KeylaneError, messageOf } from './errors.js';
import type { Group, Owed } from './group.js';
import { type GroupLimits, Groups } from './groups.js';
import type { Journal } from './journal.js';
import type { Partitions } from './partitions.js';
import { batchMessage } from './pool/batch-message.js';
import { reportOfKilled } from './pool/lost-batch.js';
import type { BatchReport } from './pool/messages.js';
import type { GroupResult, JournalPage, StoreGauges } from './store/messages.js';
import type { FlightRecorder, HandlerThreads, WriterThread } from './threads.js';

export interface PumpLimits extends GroupLimits {
  readonly attemptsMax: number;
  readonly errorSizeMax: number;
}

export interface PumpParts {
  readonly dispatcher: Dispatcher;
  readonly partitions: Partitions;
  readonly journal: Journal;
  readonly runners: HandlerThreads;
  readonly writer: WriterThread;
  readonly flight: FlightRecorder;
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
  /** What the store said with the last group; null before that. */
  readonly gauges: StoreGauges | null;
}

/** `held`: batches wait for `open`. `shut`: no new batch starts, what is in flight is finished. */
type Gate = 'held' | 'open' | 'shut' | 'dead';

/** What the writer said, in its order. */
type WriterNews = { readonly group: Group; readonly result: GroupResult } | { readonly page: JournalPage };

/** What callbacks have noted since the last turn. */
interface Inbox {
  reports: { batch: Batch; place: number; report: BatchReport }[];
  writer: WriterNews[];
  trouble: unknown[];
}

export class Pump {
  readonly #parts: PumpParts;
  readonly #groups: Groups;
  #gate: Gate = 'held';
  #inbox: Inbox = { reports: [], writer: [], trouble: [] };
  /** What ended it before everything was stored. */
  #killedBy: KeylaneError | null = null;
  #awake = false;
  readonly #placesFree: number[];
  #afterTurn: (() => void)[] = [];
  #whenQuiet: (() => void)[] = [];
  #succeeded = 0;
  #deadLettered = 0;
  #duplicatesIgnored = 0;
  #groupSize = 0;
  #gauges: StoreGauges | null = null;

  constructor(parts: PumpParts) {
    const { clock, limits, journal } = parts;
    this.#parts = parts;
    this.#groups = new Groups({
      ...{ clock, limits, takePosition: () => journal.take() },
      send: (group) => this.#send(group),
      wake: () => this.wake(),
    });
    this.#placesFree = Array.from({ length: parts.runners.places }, (_, index) => parts.runners.places - 1 - index);
  }

  /** Whether batches may start. */
  get isOpen(): boolean {
    return this.#gate === 'open';
  }

  /** Events on their way into the journal. */
  get unstored(): { readonly events: number; readonly bytes: number } {
    return { events: this.#groups.events, bytes: this.#groups.eventBytes };
  }

  /** Sends a published event to the journal; it is let into the ring once it is stored. */
  journal(owed: Owed): void {
    this.#groups.accept(owed);
  }

  /** Resolves when every event sent to the journal so far is stored; rejects when that will not be known. */
  whenStored(): Promise<void> {
    if (this.#killedBy !== null) return Promise.reject(this.#killedBy);
    this.wake();
    return this.#groups.stored();
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

  /** Does nothing more, and forgets what is under way. Null after an orderly end, when nothing is. */
  kill(error: KeylaneError | null): void {
    this.#gate = 'dead';
    this.#killedBy = error;
    if (error !== null) this.#groups.refuse(error);
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

  /** Resolves when nothing is in flight and what was decided is durable; while open, when nothing is owed. */
  whenQuiet(): Promise<void> {
    if (this.#gate === 'dead') return Promise.resolve();
    this.wake();
    return new Promise((resolve) => {
      this.#whenQuiet.push(resolve);
    });
  }

  /** Asks how the store is; the answer is in `counts`. */
  probe(): void {
    if (this.#gate !== 'dead' && this.#groups.isEmpty) this.#groups.probe();
    this.wake();
  }

  /** One round: takes the inbox in and does everything that follows from it. */
  turn(): void {
    if (this.#gate === 'dead') return;
    const inbox = this.#inbox;
    this.#inbox = { reports: [], writer: [], trouble: [] };
    try {
      if (inbox.trouble.length > 0) throw inbox.trouble[0];
      for (const news of inbox.writer) {
        if ('page' in news) this.#parts.journal.turn(news.page);
        else this.#confirm(news.group, news.result);
      }
      for (const { batch, place, report } of inbox.reports) this.#settle(batch, place, report);
      this.#parts.letIn();
      this.#dispatch();
      this.#groups.commit(this.#inFlight === 0);
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#release();
  }

  /** Asks for the next page of the backlog if there is one and room for it. Called by `letIn`. */
  refill(): void {
    if (this.#gate === 'shut') return;
    const wish = this.#parts.journal.wish(this.#groups.sentNext);
    if (wish === null) return;
    this.#parts.writer.readJournal(wish).then(
      (page) => this.#note(() => this.#inbox.writer.push({ page })),
      (error) => this.#note(() => this.#inbox.trouble.push(error)),
    );
  }

  counts(): PumpCounts {
    return {
      succeeded: this.#succeeded,
      deadLettered: this.#deadLettered,
      duplicatesIgnored: this.#duplicatesIgnored,
      groupSize: this.#groupSize,
      gauges: this.#gauges,
    };
  }

  #confirm(group: Group, result: GroupResult): void {
    const { dispatcher, journal } = this.#parts;
    this.#duplicatesIgnored += result.ignored;
    [this.#groupSize, this.#gauges] = [group.count, result.gauges];
    this.#succeeded += group.outcomes - group.failedCount;
    this.#deadLettered += group.failedCount;
    for (const slots of group.slots) dispatcher.confirm(slots);
    const known = new Set(result.duplicates.map(({ index }) => index));
    for (let index = 0; index < group.owed.length; index += 1) {
      if (!known.has(index)) journal.stored(group.owed[index]!, group.positionFirst + index);
    }
    // Not before: were something above to throw, those who wait for the group would be refused with the others.
    this.#groups.confirm(group);
    group.tellStored(result);
    for (const say of group.announcements) this.#afterTurn.push(say);
  }

  #settle(batch: Batch, place: number, report: BatchReport): void {
    this.#placesFree.push(place);
    this.#parts.flight.arrive(place);
    const slots = this.#parts.dispatcher.settle(batch, report);
    if (slots.length > 0) this.#groups.add({ slots, report, announcement: this.#parts.inspect(report) });
  }

  #dispatch(): void {
    const { dispatcher } = this.#parts;
    while (this.#gate === 'open' && !this.#groups.isBehind && this.#placesFree.length > 0) {
      const batch = dispatcher.nextBatch(this.#placesFree.length);
      if (batch === null) return;
      const place = this.#placesFree.pop()!;
      this.#run(batch, place).then(
        (report) => this.#note(() => this.#inbox.reports.push({ batch, place, report })),
        (error) => this.#note(() => this.#inbox.trouble.push(error)),
      );
    }
  }

  #run(batch: Batch, place: number): Promise<BatchReport> {
    const { partitions, runners, flight, limits } = this.#parts;
    const { slots, alone } = batch;
    const message = batchMessage(slots, { place, nameOf: (partition) => partitions.nameOf(partition) });
    // It killed the process as often as it may.
    if (alone && (slots[0]!.deaths ?? 0) >= limits.attemptsMax) return Promise.resolve(reportOfKilled(message, limits));
    flight.depart(place, { events: slots, alone });
    return runners.run(message);
  }

  #send(group: Group): void {
    const { writer, partitions } = this.#parts;
    const events = group.joinedEvents(Date.now() * 1000);
    writer.append({ events, rows: group.rows, watermarks: partitions.takeMoved() }).then(
      (result) => this.#note(() => this.#inbox.writer.push({ group, result })),
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
    const isOurs = error instanceof KeylaneError;
    const failure = isOurs ? error : new KeylaneError('internal', messageOf(error), { cause: error });
    this.kill(failure);
    this.#parts.onFatal(failure);
  }

  /** Lets go of whoever waited for this turn, and for quiet if it has come. */
  #release(): void {
    const afterTurn = this.#afterTurn;
    this.#afterTurn = [];
    for (const callback of afterTurn) callback();
    if (this.#whenQuiet.length > 0 && this.#isQuiet()) {
      const whenQuiet = this.#whenQuiet;
      this.#whenQuiet = [];
      for (const callback of whenQuiet) callback();
    }
  }

  #isQuiet(): boolean {
    if (this.#gate === 'dead') return true;
    if (this.#inFlight > 0 || !this.#groups.isEmpty) return false;
    return this.#gate !== 'open' || (this.#parts.dispatcher.held === 0 && this.#parts.journal.isInStep);
  }
}
