// The path of an event through the core: admit, nextBatch, settle, confirm. It keeps order (a lane has at most one run
// in flight), holds every accepted event until its outcome is durable or it waits in the store, and never holds more
// than its limits. It knows no thread, no promise, no clock and no store: what it is told comes in as arguments, what
// follows goes out as values.

import type { EncodedEvent } from '../event.js';
import { handlerResult } from '../handler.js';
import { invariant } from '../invariant.js';
import type { LaneOrder } from '../policy.js';
import type { LaneName } from '../store-lanes.js';
import { Away } from './away.js';
import type { Batch, Came } from './batch.js';
import { type BreakerNews, type BreakerNow, Breakers } from './breakers.js';
import { countsOf, type DispatcherCounts } from './counts.js';
import { Departures } from './departures.js';
import type { AddedHandler, DispatcherOptions } from './dispatcher-options.js';
import { Histories, type History, type OwedPlace } from './histories.js';
import type { Lane } from './lane.js';
import { LaneStates } from './lane-states.js';
import { Lanes } from './lanes.js';
import { type Pause, Pauses } from './pauses.js';
import { noDue, notMeasured, RingBuffer, type Slot } from './ring-buffer.js';
import { noClaims } from './stand.js';
import { Superseding } from './superseding.js';
import { Watermarks } from './watermark.js';

export class Dispatcher {
  readonly #ring: RingBuffer;
  readonly #lanes: Lanes;
  /** What somebody has paused; `pause` and `resume` change it. */
  readonly pauses: Pick<Pauses, 'isFull' | 'list' | 'forget'>;
  readonly #watermarks = new Watermarks();
  readonly #breakers: Breakers | null;
  readonly #histories = new Histories();
  readonly #departures: Departures;
  /** Why nothing departs that could run. */
  readonly departures: Pick<Departures, 'isGathering' | 'limitMsOf'>;
  /** Lanes of which events wait in the store. */
  readonly away: Away;
  readonly #superseding: Superseding;
  #sequence = 0;
  #admitted = 0;
  #settled = 0;

  constructor(options: DispatcherOptions) {
    const { order, handlerCount, breaker, widest } = options;
    this.#ring = new RingBuffer({ capacity: options.ringSize, bytesMax: options.ringBytesMax, widest });
    const { orders = Array<LaneOrder>(handlerCount).fill(order), claims = noClaims(handlerCount) } = options;
    const pauses = new Pauses();
    const states = options.states ? new LaneStates(options.states) : null;
    const lanes = new Lanes({ orders, claims, pauses, states });
    [this.#lanes, this.pauses] = [lanes, pauses];
    this.#breakers = breaker === null ? null : new Breakers(lanes, { handlerCount, limits: breaker });
    const { supersedes = [], volatile = null } = options;
    this.#superseding = new Superseding(lanes, { isLatest: supersedes, volatile });
    this.#departures = new Departures({ lanes, breakers: this.#breakers, limits: options });
    this.departures = this.#departures;
    const [ring, departures, breakers] = [this.#ring, this.#departures, this.#breakers];
    this.away = new Away({ lanes, ring, departures, breakers, pauses, parks: options.parks });
  }

  /** Takes in one handler more, behind those there are; an event may be owed to `widest` handlers from here on. */
  addHandler(handler: AddedHandler, { widest }: { readonly widest: number }): void {
    this.#lanes.addHandler(handler);
    this.#breakers?.addHandler();
    this.#superseding.addHandler(handler);
    this.away.addHandler(handler);
    this.#ring.widen(widest);
  }

  /** Begins a partition whose events below `watermark` have their outcomes. */
  openPartition(partition: number, watermark: number): void {
    this.#watermarks.open(partition, watermark);
  }

  /** Says what became of an event before this process, for when it is admitted. */
  remember(event: OwedPlace, history: Partial<History>): void {
    this.#histories.add(event, history);
  }

  /** The states of keys; null while no handler keeps any. */
  get states(): LaneStates | null {
    return this.#lanes.states;
  }

  /** The sequence of the next event to come in: those here have lower ones. */
  get sequenceNext(): number {
    return this.#sequence;
  }

  /** How many slots may be taken now, one for each handler of an event; an upper bound where bytes are the limit. */
  get room(): number {
    return this.#ring.isOpen ? this.#ring.room : 0;
  }

  /** Whether the events in memory have half of the bytes that they may have. */
  get isTight(): boolean {
    return this.#ring.bytes >= this.#ring.bytesMax / 2;
  }

  /** Accepted events in memory without a durable outcome. */
  get held(): number {
    return this.#ring.held;
  }

  /** When time alone changes what can run: a try is due, or within a rate, or a handler can be probed. */
  get nextWakeMs(): number {
    return Math.min(this.#departures.nextDueMs, this.#breakers?.nextProbeMs ?? Number.POSITIVE_INFINITY);
  }

  /** Takes an event in, once for each handler, at the end of its lane; one that is away has it set aside. With room. */
  admit(event: EncodedEvent, owed: OwedPlace): void {
    const slot = this.#take(event, owed);
    this.#admitted += 1;
    this.#watermarks.admit(slot);
    const lane = this.#lanes.laneOf(owed.handler, event.key);
    if (this.away.takes(lane, slot)) return;
    this.#enter(lane, slot, this.#histories.of(owed));
  }

  /** Takes an event in that waits in the store, at the end of its lane, unless it is here. While `room` is above 0. */
  readmit(event: EncodedEvent, owed: OwedPlace & { readonly lane: LaneName }, history: History): boolean {
    if (this.away.isClosed(owed.handler) || !this.away.recall(owed)) return false;
    const slot = this.#take(event, owed);
    slot.recalledFrom = owed.lane;
    this.#enter(this.#lanes.laneOf(owed.handler, event.key), slot, history);
    return true;
  }

  shareAmong(threads: number): void {
    this.#departures.size.threads = threads;
  }

  /** Takes what can run now; null when nothing can. See Departures. */
  nextBatch(placesFree: number, nowMs: number): Batch | null {
    return this.#departures.nextBatch(placesFree, nowMs);
  }

  /**
   * Takes in what came of a batch, at `nowMs`. Skipped and doubted events go back to the front of their lanes,
   * uncounted, and so do those that will be tried again, whose lanes wait for them. The rest is settled, and given back
   * in the batch's order. Every lane of the batch is free from here on, unless a dead letter stops it.
   */
  settle(batch: Batch, came: Came, nowMs: number): readonly Slot[] {
    const [{ slots }, { results, delaysMs }] = [batch, came];
    invariant(results.length === slots.length, 'a report has a result for each event of its batch');
    const settled: Slot[] = [];
    for (let index = 0; index < slots.length; index += 1) {
      const slot = slots[index]!;
      invariant(slot.state === 'in-flight', 'only an event in flight is settled');
      const result = results[index];
      if (result === handlerResult.skipped || result === handlerResult.doubted) {
        slot.state = 'buffered';
        if (result === handlerResult.doubted) slot.isDoubted = true;
      } else if (result === handlerResult.retrying || result === handlerResult.postponed) {
        slot.state = 'buffered';
        slot.isDoubted = false;
        slot.dueMs = nowMs + (delaysMs?.[index] ?? 0);
        if (result === handlerResult.retrying) slot.attempt += 1;
        else slot.postponed += 1;
      } else {
        slot.state = 'settled';
        this.#histories.forget(slot);
        settled.push(slot);
      }
    }
    if (settled.length < slots.length) {
      this.#departures.unspend(slots, came);
      this.#putBack(slots);
    }
    if (came.states !== undefined && came.states.length > 0) this.#lanes.states?.change(slots, came.states);
    for (const lane of batch.lanes) this.#lanes.release(lane);
    this.away.settled(slots, results);
    this.#departures.arrive(batch, { count: settled.length, busyUs: came.busyUs });
    this.#breakers?.record(slots, { results, probed: batch.probed, nowMs });
    this.#settled += settled.length;
    return settled;
  }

  /** Takes in that these events have their durable outcomes, or wait in the store, and forgets them. */
  confirm(slots: readonly Slot[]): void {
    for (const slot of slots) {
      invariant(slot.state === 'settled' || slot.state === 'aside', 'only a settled event becomes durable');
      this.away.confirmed(slot);
      if (slot.state === 'settled') this.#settled -= 1;
      if (slot.recalledFrom === null) this.#watermarks.confirm(slot);
      this.#ring.release(slot);
    }
  }

  /** Breakers that changed since the last call. */
  takeBreakerNews(): readonly BreakerNews[] {
    return this.#breakers?.takeNews() ?? [];
  }

  /** The slots that are taken. It looks at all there are. */
  taken(): readonly Slot[] {
    return this.#ring.taken();
  }

  /** Finds an event in memory by its identity, or by its id: a slot for each handler. */
  find(event: { partition: number; position: number } | string): readonly Slot[] {
    return this.#ring.find(event);
  }

  /** Takes an event out that waits; it is settled from here on. */
  withdraw(slot: Slot): void {
    invariant(slot.state === 'buffered', 'only an event that waits is withdrawn');
    this.#lanes.delete(slot);
    if (slot.deaths !== null) this.#departures.countSuspect(-1);
    this.#histories.forget(slot);
    slot.state = 'settled';
    this.#settled += 1;
  }

  /** Events that newer ones have superseded since the last call; they are settled from then on. */
  takeSuperseded(): readonly Slot[] {
    return this.#superseding.take();
  }

  /** Lanes that keep an order, in no order themselves. */
  lanes(): Iterable<Lane> {
    return this.#lanes.all();
  }

  /** The lane of a handler and a key, if anything of it is in memory or known to be away. */
  lane(handler: number, key: string | null): Lane | null {
    return this.#lanes.find(handler, key);
  }

  /** Lets nothing of this start, besides what is paused already; what is in flight is finished. */
  pause(pause: Pause): void {
    this.#lanes.pause(pause);
  }

  /** Takes one back, or with null all of them. */
  resume(pause: Pause | null): void {
    this.#lanes.resume(pause);
  }

  breakerOf(handler: number): BreakerNow {
    return this.#breakers?.of(handler) ?? { state: 'closed', probeMs: null };
  }

  /** The position of a partition below which every event has its durable outcome, or waits in the store. */
  watermark(partition: number): number {
    return this.#watermarks.of(partition);
  }

  /** One above the highest position of a partition that was admitted. */
  positionNext(partition: number): number {
    return this.#watermarks.positionNext(partition);
  }

  /** Forgets a partition once every event of it is durable; false while one is not. */
  closePartition(partition: number): boolean {
    if (this.#watermarks.of(partition) < this.#watermarks.positionNext(partition)) return false;
    this.#watermarks.close(partition);
    return true;
  }

  counts(): DispatcherCounts {
    const [ring, lanes, departures] = [this.#ring, this.#lanes, this.#departures];
    return countsOf({ ring, lanes, departures, admitted: this.#admitted, settled: this.#settled + this.away.unstored });
  }

  #take(event: EncodedEvent, { partition, position, handler, acceptedMs = notMeasured }: OwedPlace): Slot {
    const slot = this.#ring.take(event);
    slot.state = 'buffered';
    slot.sequence = this.#sequence++;
    slot.acceptedMs = acceptedMs;
    slot.partition = partition;
    slot.position = position;
    slot.handler = handler;
    return slot;
  }

  #enter(lane: Lane, slot: Slot, history: History | null): void {
    if (history !== null) {
      slot.deaths = history.deaths;
      slot.attempt = 1 + history.tries + (history.deaths ?? 0);
      slot.postponed = history.postponed;
      slot.dueMs = history.dueMs ?? noDue;
      slot.isRedriven = history.isRedriven;
      if (history.deaths !== null) this.#departures.countSuspect(1);
    }
    if (this.#superseding.replaces(lane, slot)) this.#settled += 1;
    else this.#lanes.append(lane, slot);
  }

  /** Puts the events of a batch that are not settled back, the last one first, so that each lane has its old order. */
  #putBack(slots: readonly Slot[]): void {
    for (let index = slots.length - 1; index >= 0; index -= 1) {
      const slot = slots[index]!;
      if (slot.state === 'buffered') this.#lanes.putBack(slot);
    }
  }
}
