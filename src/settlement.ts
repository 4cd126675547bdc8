// What becomes of events once a batch has come back: decided ones, tries that failed and lanes that stop go into groups
// for the writer; what a group has made durable leaves memory. It counts, and decides nothing that the dispatcher has
// not.

import type { AwayLanes } from './away-lanes.js';
import type { Clock } from './clock.js';
import type { Batch } from './dispatch/batch.js';
import type { Dispatcher } from './dispatch/dispatcher.js';
import { notMeasured, type Slot } from './dispatch/ring-buffer.js';
import type { Flight, Flights } from './flights.js';
import { type Decided, type Group, type Owed, undecided } from './group.js';
import { type GroupLimits, Groups } from './groups.js';
import { HandlerTallies } from './handler-tallies.js';
import { Histogram } from './histogram.js';
import { JoinedEventsReader } from './joined-events.js';
import { splitStates } from './joined-states.js';
import type { Journal } from './journal.js';
import { KeyCosts } from './key-costs.js';
import { laneNames, laneWithoutOrder, noteProblems, type RowTime, rowsOf } from './main-rows.js';
import { type Verdict, verdict } from './outcome.js';
import type { Partitions } from './partitions.js';
import type { BatchReport } from './pool/messages.js';
import { Rate } from './rate.js';
import type { Route } from './routes.js';
import type { GroupResult, StoreGauges } from './store/messages.js';
import { ThreadShares } from './thread-shares.js';
import type { WriterThread } from './threads.js';
import { TypeTallies } from './type-tallies.js';

export interface SettlementParts {
  readonly dispatcher: Dispatcher;
  readonly partitions: Partitions;
  readonly journal: Journal;
  readonly away: AwayLanes;
  readonly flights: Flights;
  readonly writer: WriterThread;
  readonly clock: Clock;
  readonly limits: GroupLimits;
  readonly handlerCount: number;
  /** Whether what events emit is not stored. */
  readonly dropsEmitted: boolean;
  /** The handlers that take events of a type. */
  routeOf(type: string): Route;
  /** Whether the store has the whole event already. */
  isStored(slot: Slot): boolean;
  /** Sees rows before they leave for the writer; gives back what to say once they are durable. */
  inspect(report: Pick<BatchReport, 'rows' | 'failedCount' | 'delaysMs'>, slots: readonly Slot[]): (() => void) | null;
  /** Told how many lanes are stopped when more are. */
  onParked(lanes: number): void;
  /** Told of every batch that has come back, once it is settled. */
  onSettled(batch: Batch, report: BatchReport): void;
}

/** What became durable since the start, and what the last group was like. */
export interface SettlementCounts extends Readonly<Decided> {
  readonly duplicatesIgnored: number;
  /** Tries that failed and were or will be followed by another; of these, those that were not counted. */
  readonly retried: number;
  readonly postponed: number;
  readonly groupSize: number;
  /** What the store said with the last group; null before that. */
  readonly gauges: StoreGauges | null;
  /** How long the writer thread took for that group, in microseconds; null before that. */
  readonly commitUs: number | null;
}

/** What is measured and counted, as those see it who neither settle nor store. */
export type Figures = Pick<
  Settlement,
  'addHandler' | 'cancelledInStore' | 'tallies' | 'types' | 'keyCosts' | 'rates' | 'threads' | 'latency'
>;

/** What the settlement needs of the pump. */
interface Links {
  /** A group has left; `stored` settles with what comes of it. */
  send(group: Group, stored: Promise<GroupResult>): void;
  /** Something is to be said after this turn. */
  say(announcement: () => void): void;
  wake(): void;
}

export class Settlement {
  readonly #parts: SettlementParts;
  readonly #links: Links;
  readonly groups: Groups;
  readonly #decided: Decided = { ...undecided };
  #duplicatesIgnored = 0;
  #retried = 0;
  #postponed = 0;
  #groupSize = 0;
  #gauges: StoreGauges | null = null;
  #commitUs: number | null = null;
  /** What tries gave, and how long they took. */
  readonly tallies: HandlerTallies;
  readonly types: TypeTallies;
  readonly keyCosts: KeyCosts;
  /** Of published events, from when their group was begun until their outcomes are durable. */
  readonly latency = new Histogram();
  /** Of late: outcomes that became durable, and microseconds that handler threads and the writer thread were busy. */
  readonly rates: { readonly outcomes: Rate; readonly handlersUs: Rate; readonly writerUs: Rate };

  readonly threads: ThreadShares;

  constructor(parts: SettlementParts, links: Links) {
    const { clock, limits, journal } = parts;
    const nowMs = clock.nowMs();
    this.tallies = new HandlerTallies(parts.handlerCount, nowMs);
    this.types = new TypeTallies(nowMs);
    this.keyCosts = new KeyCosts({ handlerCount: parts.handlerCount, nowMs });
    this.rates = { outcomes: new Rate(nowMs), handlersUs: new Rate(nowMs), writerUs: new Rate(nowMs) };
    this.threads = new ThreadShares(nowMs);
    this.#parts = parts;
    this.#links = links;
    this.groups = new Groups({
      ...{ clock, limits, takePosition: () => journal.take() },
      send: (group) => this.#send(group),
      wake: () => links.wake(),
    });
  }

  addHandler(): void {
    this.tallies.addHandler(this.#parts.clock.nowMs());
    this.keyCosts.addHandler();
  }

  /** Takes an event out that waits, and settles it as cancelled. */
  withdraw(slot: Slot): void {
    this.#parts.dispatcher.withdraw(slot);
    this.#add([slot], verdict.cancelled, this.#rowTime());
  }

  /** Takes in that the store has cancelled an event by itself, which is in no group. */
  cancelledInStore(): void {
    this.#decided.cancelled += 1;
    this.rates.outcomes.add(1, this.#parts.clock.nowMs());
  }

  /** Takes in that a group is stored. */
  confirm(group: Group, result: GroupResult): void {
    const { dispatcher, journal, clock } = this.#parts;
    const nowMs = clock.nowMs();
    this.#duplicatesIgnored += result.ignored;
    [this.#groupSize, this.#gauges, this.#commitUs] = [group.count, result.gauges, result.tookUs];
    dispatcher.states?.trim(this.groups.numbers);
    this.rates.writerUs.addTime(result.tookUs, nowMs);
    let outcomes = 0;
    for (const name of Object.keys(undecided) as (keyof Decided)[]) {
      this.#decided[name] += group.decided[name];
      outcomes += group.decided[name];
    }
    this.rates.outcomes.add(outcomes, nowMs);
    for (const slots of group.slots) {
      this.#noteLatency(slots, nowMs);
      dispatcher.confirm(slots);
    }
    const known = new Set(result.duplicates.map(({ index }) => index));
    for (const index of result.withheld ?? []) known.add(index);
    for (let index = 0; index < group.owed.length; index += 1) {
      if (!known.has(index)) journal.stored(group.owed[index]!, group.positionFirst + index, group.openedMs);
    }
    // Not before: were something above to throw, those who wait for the group would be refused with the others.
    this.groups.confirm(group);
    group.tellStored(result);
    for (const announcement of group.announcements) this.#links.say(announcement);
  }

  /** Takes in what came of a batch. */
  settle(flight: Flight, report: BatchReport): void {
    const { dispatcher, clock, flights, away, onSettled } = this.#parts;
    flights.arrive(flight, report);
    const nowMs = clock.nowMs();
    const { results, durationsUs, busyUs, threadId } = report;
    const came = { results, durationsUs, busyUs, nowMs };
    const { retried, postponed, ...decided } = this.tallies.add(flight.batch.slots, came);
    this.types.add(flight.batch.slots, came);
    this.keyCosts.add(flight.batch.slots, came);
    this.rates.handlersUs.addTime(busyUs, nowMs);
    this.threads.add(threadId, busyUs, nowMs);
    dispatcher.states?.trim(this.groups.numbers);
    const states = report.states === undefined ? [] : splitStates(report.states, { areKept: true });
    const slots = dispatcher.settle(flight.batch, { ...report, states }, nowMs);
    if (report.delaysMs !== null) noteProblems(flight.batch.slots, report);
    if (report.rowCount > 0) {
      this.#retried += retried;
      this.#postponed += postponed;
      const stopped = dispatcher.away.takeParked();
      const { rows, rowCount } = report;
      const announcement = this.#parts.inspect(report, slots);
      const emitted = this.#emittedBy(flight, report);
      const part = {
        slots,
        rows,
        rowCount,
        ...decided,
        superseded: 0,
        parked: laneNames(stopped),
        states: report.states ?? null,
        announcement,
      };
      this.groups.add(emitted === null ? part : { ...part, emitted });
      for (const parked of stopped) away.park(parked);
      if (stopped.length > 0) this.#parts.onParked(away.parkedLanes);
    }
    onSettled(flight.batch, report);
  }

  /** Where events that may not run for a while fill the memory, has them wait in the store. */
  relieve(): void {
    const gone = this.#parts.dispatcher.away.relieve(this.#parts.clock.nowMs());
    if (gone.length === 0) return;
    this.#parts.away.sentAway(gone);
    // What the store had already is let go at once: there is room for others.
    this.#links.wake();
  }

  /** Settles those that newer events have superseded. */
  settleSuperseded(): void {
    const slots = this.#parts.dispatcher.takeSuperseded();
    if (slots.length > 0) this.#add(slots, verdict.superseded, this.#rowTime());
  }

  /** Sends those to the store that are to wait there. */
  sendAside(): void {
    const slots = this.#parts.dispatcher.away.takeAside();
    if (slots.length === 0) return;
    const { returns } = this.#parts.dispatcher.away;
    const at = { ...this.#rowTime(), isKeyPaused: (slot: Slot) => returns.isKeyPaused(slot) };
    for (const slot of slots) slot.sentTo = laneWithoutOrder(slot, at);
    this.#add(slots, verdict.waiting, at);
    for (const slot of slots) this.#parts.away.joined(slot);
  }

  counts(): SettlementCounts {
    return {
      ...this.#decided,
      duplicatesIgnored: this.#duplicatesIgnored,
      retried: this.#retried,
      postponed: this.#postponed,
      groupSize: this.#groupSize,
      gauges: this.#gauges,
      commitUs: this.#commitUs,
    };
  }

  /** Adds events with rows that are made here. */
  #add(slots: readonly Slot[], of: Verdict, at: RowTime): void {
    const { isStored, inspect } = this.#parts;
    const rows = rowsOf(slots, { verdict: of, ...at, isStored });
    const rowCount = slots.length;
    const [cancelled, superseded] = [verdict.cancelled, verdict.superseded].map((one) => (of === one ? rowCount : 0));
    const isDecided = of !== verdict.waiting;
    const announcement = isDecided ? inspect({ rows, failedCount: 0, delaysMs: null }, slots) : null;
    const decided = { ...undecided, cancelled: cancelled!, superseded: superseded! };
    this.groups.add({ slots, rows, rowCount, ...decided, parked: [], announcement });
  }

  #emittedBy({ batch }: Flight, { emitted }: BatchReport): Owed[] | null {
    if (emitted === undefined || this.#parts.dropsEmitted) return null;
    const reader = new JoinedEventsReader(emitted.events);
    return Array.from(emitted.by, (index): Owed => {
      reader.advance();
      const event = reader.event();
      return { event, route: this.#parts.routeOf(event.type), waiter: null, emitter: batch.slots[index]! };
    });
  }

  #noteLatency(slots: readonly Slot[], nowMs: number): void {
    for (const { state, acceptedMs } of slots) {
      if (state === 'settled' && acceptedMs !== notMeasured) this.latency.add((nowMs - acceptedMs) * 1000);
    }
  }

  #rowTime(): RowTime {
    const { clock } = this.#parts;
    return { atUs: Math.floor(clock.wallMs() * 1000), nowMs: clock.nowMs() };
  }

  #send(group: Group): void {
    const { writer, partitions, clock } = this.#parts;
    const events = group.joinedEvents(Math.floor(clock.wallMs() * 1000));
    const { rows, parked, states } = group;
    const request = { events, rows, watermarks: partitions.takeMoved(), parked };
    this.#links.send(group, writer.append(states.every((one) => one === null) ? request : { ...request, states }));
  }
}
