// The one loop. Callbacks only put what happened into the inbox and wake the pump; `turn` alone changes state, in a
// fixed order, without awaiting: take in what the writer says, settle what came back, let events in, send batches out,
// commit a group, and plan the turn that time alone asks for.

import type { BreakerNews } from './dispatch/breakers.js';
import type { Slot } from './dispatch/ring-buffer.js';
import { KeylaneError, messageOf } from './errors.js';
import type { Owed } from './group.js';
import { emptyInbox, type Inbox, Untaken, type WriterNews } from './inbox.js';
import { type Figures, Settlement, type SettlementCounts, type SettlementParts } from './settlement.js';

export interface PumpParts extends SettlementParts {
  /** Lets those in who wait; called once a turn. */
  letIn(): void;
  /** Whether those who take outcomes in are so far behind that no batch should start, or a call has to come first. */
  isAudienceBehind(): boolean;
  onBreaker(news: BreakerNews): void;
  /** Told once, of the first trouble that ends the processor. */
  onFatal(error: KeylaneError): void;
}

/** `held`: batches wait for `open`. `shut`: no new batch starts, what is in flight is finished. */
type Gate = 'held' | 'open' | 'shut' | 'dead';

export class Pump {
  readonly #parts: PumpParts;
  readonly #settlement: Settlement;
  #gate: Gate = 'held';
  #inbox: Inbox = emptyInbox();
  /** What ended it before everything was stored. */
  #killedBy: KeylaneError | null = null;
  #awake = false;
  #cancelAlarm: (() => void) | null = null;
  readonly #afterTurn: (() => void)[] = [];
  readonly #whenQuiet: (() => void)[] = [];
  readonly #untaken = new Untaken();

  constructor(parts: PumpParts) {
    this.#parts = parts;
    this.#settlement = new Settlement(parts, {
      send: (group, stored) => this.#await(stored, (result) => this.#inbox.writer.push({ group, result })),
      say: (announcement) => this.#afterTurn.push(announcement),
      wake: () => this.wake(),
    });
  }

  /** Whether batches may start. */
  get isOpen(): boolean {
    return this.#gate === 'open';
  }

  /** Events on their way into the journal. */
  get unstored(): { readonly events: number; readonly bytes: number; readonly outcomesOwed: number } {
    const { events, eventBytes, outcomesOwed } = this.#settlement.groups;
    return { events, bytes: eventBytes, outcomesOwed };
  }

  /** The numbers of the groups on their way; see Groups. */
  get groupNumbers(): { readonly begun: number; readonly sent: number } {
    return this.#settlement.groups.numbers;
  }

  /** Sends a published event to the journal; it is let into the ring once it is stored. */
  journal(owed: Owed): void {
    this.#settlement.groups.accept(owed);
  }

  /** Resolves when every event sent to the journal so far is stored; rejects when that will not be known. */
  whenStored(): Promise<void> {
    if (this.#killedBy !== null) return Promise.reject(this.#killedBy);
    this.wake();
    return this.#settlement.groups.stored();
  }

  /** Resolves when everything decided so far is stored; rejects when that will not be known. */
  allStored(): Promise<void> {
    if (this.#killedBy !== null) return Promise.reject(this.#killedBy);
    this.wake();
    return this.#settlement.groups.allStored();
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
    this.#cancelAlarm?.();
    if (error !== null) this.#settlement.groups.refuse(error);
    this.#untaken.end(error);
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
    if (this.#gate !== 'dead' && this.#settlement.groups.isEmpty) this.#settlement.groups.probe();
    this.wake();
  }

  /** One round: takes the inbox in and does everything that follows from it. */
  turn(): void {
    if (this.#gate === 'dead') return;
    const nowMs = this.#parts.clock.nowMs();
    const inbox = this.#inbox;
    this.#inbox = emptyInbox();
    try {
      if (inbox.trouble.length > 0) throw inbox.trouble[0];
      for (const news of inbox.writer) this.#hear(news);
      for (const { flight, report } of inbox.reports) this.#settlement.settle(flight, report);
      this.#parts.letIn();
      this.#settlement.settleSuperseded();
      this.#settlement.relieve();
      this.#dispatch();
      // A lane whose try is due may be found without its state only by then.
      this.#askForStates();
      this.#settlement.sendAside();
      for (const news of this.#parts.dispatcher.takeBreakerNews()) this.#parts.onBreaker(news);
      const { flights, dispatcher } = this.#parts;
      const [isIdle, isBusy] = [flights.count === 0, flights.placesFree === 0];
      this.#settlement.groups.commit({ isIdle, isBusy, isTight: dispatcher.isTight });
      this.#setAlarm(nowMs);
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#release();
  }

  /** Asks for the next page of the backlog, and for pages of lanes, as there are any and room. Called by `letIn`. */
  refill(): void {
    if (this.#gate === 'shut') return;
    const { journal, away, writer, dispatcher } = this.#parts;
    for (;;) {
      const asked = away.wish(dispatcher.room - journal.reserved);
      if (asked === null) break;
      this.#await(writer.readLane(asked), (lanePage) => this.#inbox.writer.push({ lanePage, asked }));
    }
    const wish = journal.wish({ room: dispatcher.room - away.reserved, sentNext: this.#settlement.groups.sentNext });
    if (wish !== null) this.#await(writer.readJournal(wish), (page) => this.#inbox.writer.push({ page }));
  }

  /**
   * Takes in what the writer says to a call, in between what it said before and after, so that it is known what of the
   * store it speaks of; resolves then.
   */
  async takeIn<Value>(call: Promise<Value>, act: (value: Value) => void): Promise<Value> {
    const value = await call;
    if (this.#killedBy !== null) throw this.#killedBy;
    if (this.#gate === 'dead') {
      act(value);
      return value;
    }
    await new Promise<void>((resolve, refuse) => {
      const takeIn = (): void => {
        act(value);
        this.#afterTurn.push(resolve);
      };
      this.#inbox.writer.push(this.#untaken.note({ takeIn, refuse }));
      this.wake();
    });
    return value;
  }

  /** Takes an event out that waits, and settles it as cancelled. */
  withdraw(slot: Slot): void {
    this.#settlement.withdraw(slot);
    this.wake();
  }

  /** What tries gave and took, and what there was of late. */
  get figures(): Figures {
    return this.#settlement;
  }

  counts(): SettlementCounts {
    return this.#settlement.counts();
  }

  #hear(news: WriterNews): void {
    if ('page' in news) this.#parts.journal.turn(news.page);
    else if ('lanePage' in news) this.#parts.away.turn(news.asked, news.lanePage);
    else if ('takeIn' in news) news.takeIn();
    else this.#settlement.confirm(news.group, news.result);
  }

  /** Asks for the states of lanes that wait for theirs. */
  #askForStates(): void {
    const { dispatcher, writer } = this.#parts;
    const wish = dispatcher.states?.wish() ?? null;
    if (wish === null) return;
    this.#await(writer.readStates(wish.request), (states) => {
      this.#inbox.writer.push({ takeIn: () => dispatcher.states?.answer(wish, states) });
    });
  }

  #dispatch(): void {
    const { dispatcher, flights, clock, isAudienceBehind } = this.#parts;
    if (isAudienceBehind()) return;
    while (this.#gate === 'open' && !this.#settlement.groups.isBehind && flights.placesFree > 0) {
      const batch = dispatcher.nextBatch(flights.placesFree, clock.nowMs());
      if (batch === null) {
        if (dispatcher.departures.isGathering) this.wake();
        return;
      }
      const { flight, report } = flights.depart(batch);
      this.#await(report, (came) => this.#inbox.reports.push({ flight, report: came }));
    }
  }

  /** Puts what comes of a promise into the inbox, and plans a turn. */
  #await<Value>(promise: Promise<Value>, put: (value: Value) => void): void {
    promise.then(
      (value) => {
        put(value);
        this.wake();
      },
      (error) => {
        this.#inbox.trouble.push(error);
        this.wake();
      },
    );
  }

  /**
   * Plans a turn for when time alone changes something. What was due when this turn began waits for something else;
   * what has become due since may have been looked at too soon.
   */
  #setAlarm(turnMs: number): void {
    this.#cancelAlarm?.();
    this.#cancelAlarm = null;
    if (this.#gate !== 'open') return;
    const { clock, dispatcher, away } = this.#parts;
    const times = [dispatcher.nextWakeMs, away.nextWakeMs(turnMs)];
    const wakeMs = Math.min(...times.filter((ms) => ms > turnMs));
    if (wakeMs < Number.POSITIVE_INFINITY) {
      this.#cancelAlarm = clock.alarm(Math.max(0, wakeMs - clock.nowMs()), () => this.wake());
    }
  }

  #fail(error: unknown): void {
    const isOurs = error instanceof KeylaneError;
    const failure = isOurs ? error : new KeylaneError('internal', messageOf(error), { cause: error });
    this.kill(failure);
    this.#parts.onFatal(failure);
  }

  /** Lets go of whoever waited for this turn, and for quiet if it has come. */
  #release(): void {
    for (const callback of this.#afterTurn.splice(0)) callback();
    if (this.#whenQuiet.length === 0 || !this.#isQuiet()) return;
    for (const callback of this.#whenQuiet.splice(0)) callback();
  }

  #isQuiet(): boolean {
    if (this.#gate === 'dead') return true;
    const { dispatcher, journal, away, flights } = this.#parts;
    if (flights.count > 0 || !this.#settlement.groups.isEmpty) return false;
    // What a page brings may supersede what waits here: that is to be stored before the store is closed.
    if (journal.reserved + away.reserved > 0) return false;
    return this.#gate !== 'open' || (dispatcher.held === 0 && journal.isInStep && away.open.size === 0);
  }
}
