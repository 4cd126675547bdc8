// Lanes of which events wait in the store, and the way back: which lane's events are asked for next, and whether all of
// them are in memory again. A lane that is stopped behind a dead letter is not asked for until that has been redriven
// or discarded; one that stands for a span of time, not before that begins. It reads nothing itself: it says which page
// it wants, and is told what came.

import { AskedPages, pagesMax } from './asked-pages.js';
import { type AwayLane, countInMemory, nameOf } from './away-lane.js';
import type { Clock } from './clock.js';
import type { ParkedBy, SentAway } from './dispatch/away.js';
import type { Dispatcher } from './dispatch/dispatcher.js';
import type { Lane } from './dispatch/lane.js';
import type { Slot } from './dispatch/ring-buffer.js';
import type { DueTimes } from './due-times.js';
import { invariant } from './invariant.js';
import { JoinedEventsReader } from './joined-events.js';
import { LaneAgenda } from './lane-agenda.js';
import type { DeadLettersResult } from './store/dead-letter-messages.js';
import type { LaneAway, LanePage, LanePageRequest } from './store/messages.js';
import { isWithoutOrder, type LaneName, withoutOrder } from './store-lanes.js';
import { WayBack } from './way-back.js';

interface Parts {
  readonly dispatcher: Dispatcher;
  readonly clock: Clock;
  readonly dueTimes: DueTimes;
  readonly pageBytesMax: number;
  /** The number of the group that was begun last, and of the one that was sent last. */
  groups(): { readonly begun: number; readonly sent: number };
  learnNames(names: Readonly<Record<number, string>>): void;
}

/** The most events one page asks for. */
const pageSizeMax = 1024;

export class AwayLanes {
  readonly #parts: Parts;
  readonly #wayBack: WayBack;
  readonly #lanes = new Map<string, AwayLane>();
  /** Those that are not parked. */
  readonly #open = new Set<AwayLane>();
  /** Of these, those that no page is under way of. */
  readonly #agenda = new LaneAgenda<AwayLane>();
  readonly #asked = new AskedPages();
  #parked = 0;
  /** Of handlers that went, less those that handlers that came have taken up. */
  #abandoned = 0;
  #backlog = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#wayBack = new WayBack(parts);
  }

  get parkedLanes(): number {
    return this.#lanes.size - this.#open.size;
  }

  /** Events that wait in the store behind a dead letter, or for a handler that went. */
  get parked(): number {
    return this.#parked + this.#abandoned + this.#parts.dispatcher.away.abandoned;
  }

  /** Events that wait in the store and will come by themselves. */
  get backlog(): number {
    return this.#backlog;
  }

  /** Room in the ring that the pages under way will need. */
  get reserved(): number {
    return this.#asked.reserved;
  }

  /** Lanes that are not parked: without any, nothing is owed but what is. */
  get open(): ReadonlySet<{ readonly name: LaneName }> {
    return this.#open;
  }

  /** When the next lane is due that is not due at `nowMs`; infinity when there is none. */
  nextWakeMs(nowMs: number): number {
    return this.#agenda.nextMs(nowMs);
  }

  /** Takes in which lanes the store has when it is opened: whatever comes for them follows what is there. */
  begin(lanes: readonly LaneAway[]): void {
    for (const known of lanes) {
      // Events without an order have no lane that others could follow in.
      const lane = isWithoutOrder(known) ? null : this.#parts.dispatcher.away.holdLane(known.handler, known.key);
      const { parkedBy, waiting } = known;
      this.#put(known, { lane: lane?.state === 'free' ? null : lane, parkedBy, waiting });
    }
  }

  /** The same of lanes of a handler that comes: what waits in them was parked. */
  takeUp(lanes: readonly LaneAway[]): void {
    for (const { waiting } of lanes) this.#abandoned -= waiting;
    this.begin(lanes);
  }

  /**
   * Takes in lanes of which the store says that they may go on, and how much it has put in others, which are parked.
   * Call it when all that the store had said before is taken in: of what it counted, some is in memory, and what is on
   * its way there it has not counted.
   */
  goOn({ lanes, parked }: Pick<DeadLettersResult, 'lanes' | 'parked'>): void {
    this.#abandoned += parked;
    if (lanes.length === 0) return;
    const inMemory = countInMemory(this.#parts.dispatcher.taken());
    for (const { handler, key, parkedBy, waiting } of lanes) {
      const away =
        this.#lanes.get(nameOf({ handler, key })) ?? this.#put({ handler, key }, { lane: null, parkedBy, waiting: 0 });
      const here = inMemory.get(nameOf({ handler, key })) ?? { recalled: 0, aside: 0 };
      const rest = Math.max(0, waiting - here.recalled) + here.aside;
      this.#become(away, { parkedBy, waiting: rest, dueMs: this.#wayBack.timesOf(away.name).dueMs });
    }
  }

  /** Takes in that a lane stopped. Call it when the rows that tell of it are in their group. */
  park({ lane, partition, position, handler, letGo }: ParkedBy): void {
    const away = this.#awayOf(lane);
    const parkedBy = { partition, position, handler };
    this.#become(away, { parkedBy, waiting: away.waiting + letGo, dueMs: away.dueMs });
  }

  /** Takes in that lanes gave their memory to others. */
  sentAway(lanes: readonly SentAway[]): void {
    for (const { lane, dueMs, letGo } of lanes) {
      const away = this.#awayOf(lane);
      this.#become(away, { parkedBy: away.parkedBy, waiting: away.waiting + letGo, dueMs });
    }
  }

  /** Takes in that one more event is on its way to the store, in the group that was begun last. */
  joined(slot: Slot): void {
    const isGone = this.#parts.dispatcher.away.isClosed(slot.handler);
    if (isGone) this.#abandoned += 1;
    if (isGone) return;
    const away = slot.sentTo === null ? this.#awayOf(slot.lane!) : this.#awayWithoutOrder(slot.sentTo, slot.handler);
    this.#count(away, 1);
    away.barrier = this.#parts.groups().begun;
  }

  /** Takes in that an event of a lane, which was in the store only, is owed nothing more. */
  left(name: LaneName): void {
    const away = this.#lanes.get(nameOf(name));
    if (away !== undefined && away.waiting > 0) this.#count(away, -1);
  }

  /** Takes in that a handler went: what waits of it comes no more. */
  forget(handler: number): void {
    for (const away of [...this.#lanes.values()]) {
      if (away.group !== handler) continue;
      this.#abandoned += away.waiting;
      this.#count(away, -away.waiting);
      // A page that is under way is not taken in.
      away.turn += 1;
      this.#open.delete(away);
      this.#agenda.delete(away);
      this.#lanes.delete(nameOf(away.name));
    }
  }

  /** Gives what has the lane of an event go on, if it is stopped by that event when it is called. */
  letGo({ partition, position, handler, lane }: Slot): () => void {
    const name = lane === null || lane.key === null ? null : { handler: lane.handler, key: lane.key };
    return () => {
      const away = name === null ? undefined : this.#lanes.get(nameOf(name));
      if (away?.parkedBy?.partition !== partition || away.parkedBy.position !== position) return;
      if ((away.parkedBy.handler ?? handler) !== handler) return;
      this.#become(away, { parkedBy: null, waiting: away.waiting, dueMs: this.#parts.clock.nowMs() });
    };
  }

  /** A page to ask for now, or null; `room` is what pages under way may fill. */
  wish(room: number): LanePageRequest | null {
    const left = room - this.reserved;
    if (this.#asked.count === pagesMax || left <= 0) return null;
    const nowMs = this.#parts.clock.nowMs();
    const due = this.#takeDue(nowMs);
    if (due === null) return null;
    const { away, room: fitting } = due;
    const countMax = Math.min(left, fitting, pageSizeMax, away.waiting > 0 ? away.waiting : pageSizeMax);
    const isOnly = this.#asked.count === 0 && !this.#agenda.isAnyDue;
    const bytesMax = Math.ceil(this.#parts.pageBytesMax / (isOnly ? 1 : pagesMax));
    const request = { ...away.name, after: away.after, countMax, bytesMax };
    this.#asked.add(request, away);
    return request;
  }

  /** Takes in a page that was asked for. */
  turn(request: LanePageRequest, page: LanePage): void {
    const asked = this.#asked.take(request);
    invariant(asked !== undefined, 'a page comes only when it was asked for');
    const { away, barrier, turn } = asked;
    // It has its place on the agenda anew.
    if (away.turn !== turn) return;
    this.#parts.learnNames(page.names);
    this.#count(away, -this.#readmit(page, away.name));
    away.after = page.next;
    if (!page.isLast || away.barrier !== barrier) {
      this.#agenda.put(away, this.#parts.clock.nowMs());
      return;
    }
    this.#count(away, -away.waiting);
    this.#open.delete(away);
    this.#lanes.delete(nameOf(away.name));
    if (away.lane !== null) this.#parts.dispatcher.away.comeBack(away.lane);
  }

  /** The dead letter that a lane is stopped by, and how many wait behind it. */
  find(name: LaneName): Pick<LaneAway, 'parkedBy' | 'waiting'> | null {
    return this.#lanes.get(nameOf(name)) ?? null;
  }

  /** Takes the next lane that may come back off the agenda, with how much of it may. */
  #takeDue(nowMs: number): { away: AwayLane; room: number } | null {
    const { sent } = this.#parts.groups();
    for (;;) {
      const away = this.#agenda.take(nowMs, sent);
      if (away === null) return null;
      const onTheWay = { all: this.reserved, ofHandler: this.#asked.reservedOf(away.group) };
      const { room, held } = this.#wayBack.look(away, onTheWay);
      if (held === null) return { away, room };
      if (held.isOfAll) this.#agenda.hold(away.group, held.untilMs);
      else away.dueMs = held.untilMs;
      this.#agenda.put(away, nowMs);
    }
  }

  /** Gives how many were not in memory yet. */
  #readmit(page: LanePage, lane: LaneName): number {
    const { dispatcher, dueTimes } = this.#parts;
    const reader = new JoinedEventsReader(page.events);
    let count = 0;
    for (let index = 0; index < page.positions.length; index += 1) {
      reader.advance();
      const [partition, position, handler] = [page.partitions[index]!, page.positions[index]!, page.handlers[index]!];
      const [tries, postponed, deaths] = [page.attempts[index]!, page.postponed[index]!, page.deaths[index]!];
      const dueMs = dueTimes.dueMs({ dueAtUs: page.dueAtUs[index]!, postponed });
      const isRedriven = page.redriven[index] === 1;
      const history = { deaths: deaths < 0 ? null : deaths, tries, postponed, dueMs, isRedriven };
      if (dispatcher.readmit(reader.event(), { partition, position, handler, lane }, history)) count += 1;
    }
    return count;
  }

  #awayOf(lane: Lane): AwayLane {
    const name = { handler: lane.handler, key: lane.key! };
    return this.#lanes.get(nameOf(name)) ?? this.#put(name, { lane, parkedBy: null, waiting: 0 });
  }

  /** The lane that an event without an order goes to; it comes back as soon as the first of its events is to. */
  #awayWithoutOrder(name: LaneName, handler: number): AwayLane {
    const away = this.#lanes.get(nameOf(name)) ?? this.#put(name, { lane: null, parkedBy: null, waiting: 0 });
    const dueMs = this.#wayBack.joinedMs(away, handler);
    if (dueMs === away.dueMs) return away;
    away.dueMs = dueMs;
    this.#agenda.move(away, this.#parts.clock.nowMs());
    return away;
  }

  #put({ handler, key }: LaneName, of: Pick<AwayLane, 'lane' | 'parkedBy' | 'waiting'>): AwayLane {
    const away: AwayLane = {
      ...{ name: { handler, key }, lane: of.lane, parkedBy: of.parkedBy, waiting: 0 },
      group: isWithoutOrder({ handler, key }) ? withoutOrder(handler) : handler,
      ...{ ...this.#wayBack.timesOf({ handler, key }), after: null, barrier: this.#parts.groups().begun, turn: 0 },
    };
    this.#lanes.set(nameOf(away.name), away);
    this.#enlist(away);
    this.#count(away, of.waiting);
    return away;
  }

  /** Has a lane begin anew, from the first event it has in the store. */
  #become(away: AwayLane, of: Pick<AwayLane, 'parkedBy' | 'waiting' | 'dueMs'>): void {
    this.#count(away, -away.waiting);
    away.parkedBy = of.parkedBy;
    this.#count(away, of.waiting);
    away.dueMs = of.dueMs;
    away.after = null;
    away.barrier = this.#parts.groups().begun;
    away.turn += 1;
    this.#enlist(away);
  }

  #enlist(away: AwayLane): void {
    if (away.parkedBy === null) {
      this.#open.add(away);
      this.#agenda.put(away, this.#parts.clock.nowMs());
    } else {
      this.#open.delete(away);
      this.#agenda.delete(away);
    }
  }

  #count(away: AwayLane, change: number): void {
    away.waiting += change;
    if (away.parkedBy === null) this.#backlog += change;
    else this.#parked += change;
  }
}
