// Which events leave together: oldest first, short runs while many lanes are ready, long ones when few are or where a
// lane is hot. It knows what is in flight, that suspects run alone, that a doubted event runs on a fresh thread, and
// that a handler that is paused is probed with one event.

import { handlerResult } from '../handler.js';
import { invariant } from '../invariant.js';
import type { RateLimit } from '../rate-options.js';
import type { Batch, Came } from './batch.js';
import { BatchSize } from './batch-size.js';
import type { Breakers } from './breakers.js';
import { Gathering } from './gathering.js';
import type { Lane } from './lane.js';
import type { Lanes } from './lanes.js';
import { RateMeter } from './rate-limits.js';
import { noDue, noRun, type Slot } from './ring-buffer.js';
import type { Stand } from './stand.js';

interface Parts {
  readonly lanes: Lanes;
  readonly breakers: Breakers | null;
  readonly limits: {
    readonly threads: number;
    readonly batchSizeMax: number;
    readonly batchTargetMs: number;
    readonly batchBytesMax: number;
    readonly rateLimit?: RateLimit | null;
  };
}

/** A lane is hot from so many times what waits in one on average. */
const hotFactor = 2;

/** A batch has so many lanes with state at least, where they have that much: a run costs its state once each way. */
const statefulLanes = 16;

/** How a batch is shared among lanes. */
interface Shares {
  readonly size: number;
  readonly share: number;
  readonly runMax: number;
  /** Events that wait in a lane that is hot, at least, and the part of them that it gives. */
  readonly hot: { readonly from: number; readonly part: number };
  readonly nowMs: number;
}

export class Departures {
  readonly #lanes: Lanes;
  readonly #breakers: Breakers | null;
  readonly #batchBytesMax: number;
  readonly size: BatchSize;
  readonly #gathering = new Gathering();
  #inFlight = 0;
  /** Suspects that wait or run. */
  #suspectsHeld = 0;
  /** Whether one of them runs now. */
  #isAlone = false;
  /** Batches on fresh threads. */
  #freshInFlight = 0;
  /** Of the tries of all handlers; null where nothing limits them. */
  readonly #meter: RateMeter | null;
  /** Until when they let nothing start that could run; infinity when they do. */
  #spentUntilMs = Number.POSITIVE_INFINITY;

  constructor({ lanes, breakers, limits }: Parts) {
    const { batchSizeMax, batchTargetMs, threads, rateLimit } = limits;
    this.#meter = rateLimit ? new RateMeter(rateLimit) : null;
    this.#lanes = lanes;
    this.#breakers = breakers;
    this.#batchBytesMax = limits.batchBytesMax;
    this.size = new BatchSize({ sizeMax: batchSizeMax, targetMs: batchTargetMs, threads });
  }

  /** Events in flight. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Whether what could depart waits for more of its keys: then `nextBatch` is to be asked again soon. */
  get isGathering(): boolean {
    return this.#gathering.isWaiting;
  }

  /** When time alone lets a batch depart: a try is due, or within a rate. */
  get nextDueMs(): number {
    return Math.min(this.#lanes.nextDueMs, this.#spentUntilMs);
  }

  /** When a lane may go on that only a rate holds back; null for any other. */
  limitMsOf(lane: Lane): number | null {
    const { head, state } = lane;
    if (state === 'delayed') return head!.dueMs === noDue ? lane.rank : null;
    if (state !== 'ready') return null;
    const stand = this.#lanes.standOf(head!.handler);
    const limits = stand.isSpent ? [stand.nextTryMs] : [];
    if (this.#spentUntilMs < Number.POSITIVE_INFINITY) limits.push(this.#spentUntilMs);
    return limits.length === 0 ? null : Math.max(...limits);
  }

  /** A suspect has come, or one has gone before it ran. */
  countSuspect(change: 1 | -1): void {
    this.#suspectsHeld += change;
  }

  /**
   * Takes what is runnable now, oldest first, up to the batch size; null when nothing is. `placesFree` batches could
   * start now, this one included, so it takes at most its share of the ready lanes: its runs are short while many
   * lanes are ready, and long when few are or where a lane is hot. A suspect waits until nothing is in flight, and then
   * runs alone. Of doubted events one is in flight at a time, as each takes a thread of its own, besides probes of
   * paused handlers.
   */
  nextBatch(placesFree: number, nowMs: number): Batch | null {
    const lanes = this.#lanes;
    this.#gathering.begin();
    lanes.wake(nowMs);
    if (this.#isAlone) return null;
    const triesLeft = this.#meter?.left(nowMs) ?? Number.POSITIVE_INFINITY;
    this.#spentUntilMs = triesLeft < 1 ? this.#meter!.nextMs : Number.POSITIVE_INFINITY;
    if (triesLeft < 1) return null;
    const batch = this.#batchOf({ placesFree, nowMs, triesLeft });
    if (batch !== null) this.#meter?.take(batch.slots.length, nowMs);
    return batch;
  }

  #batchOf(of: { placesFree: number; nowMs: number; triesLeft: number }): Batch | null {
    const [lanes, { placesFree, nowMs, triesLeft }] = [this.#lanes, of];
    const single = this.#probe(nowMs) ?? this.#fresh(nowMs);
    if (single !== null) return single;
    if (lanes.oldest === null) return null;
    if (this.#isSuspectNext()) return this.#inFlight === 0 ? this.#suspectAlone(nowMs) : null;
    const { ready, runnable } = lanes;
    if (this.#gathers(runnable, nowMs)) return null;
    const size = Math.min(this.size.choose(runnable), triesLeft);
    const share = Math.ceil(ready / placesFree);
    const runMax = Math.ceil(size / Math.max(1, Math.min(share, size)));
    const hot = { from: (hotFactor * runnable) / ready, part: this.size.partOf(runnable) };
    const batch = this.#gather({ size, share, runMax, hot, nowMs });
    this.#inFlight += batch.slots.length;
    this.#gathering.departed(lanes.runnable);
    return batch;
  }

  /** Whether what is runnable waits for more of its keys: not where some of it could be of a handler without state. */
  #gathers(events: number, nowMs: number): boolean {
    if (!this.#lanes.states?.areAll) return false;
    const { eventUs, threads } = this.size;
    return this.#gathering.waits({ events, lane: this.#lanes.oldest?.lane ?? null, eventUs, threads }, nowMs);
  }

  /**
   * Takes runs of at most `share` lanes, and what needs no order, until there are `size` events: of each lane `runMax`
   * events, of one with state a 16th of the batch, and of a hot one its part, where these are more; and no more than
   * rates allow.
   */
  #gather({ size, share, runMax, hot, nowMs }: Shares): Batch {
    const lanes = this.#lanes;
    const { keyRates } = lanes;
    const statefulMax = Math.max(runMax, Math.ceil(size / statefulLanes));
    const slots: Slot[] = [];
    const taken: Lane[] = [];
    const stands: Stand[] = [];
    let bytes = 0;
    while (slots.length < size && bytes < this.#batchBytesMax && !this.#isSuspectNext()) {
      const isFreeOnly = taken.length >= share;
      const stand = isFreeOnly ? lanes.firstFree : lanes.first;
      if (stand === null) break;
      const free = stand.free.head;
      if (isFreeOnly && isSuspect(free)) break;
      if (stand.join()) stands.push(stand);
      if (free !== null && (isFreeOnly || free.sequence < stand.lanes.leastRank)) {
        bytes += this.#depart(stand.free, { into: slots, run: noRun });
        stand.spend(nowMs);
        continue;
      }
      const lane = lanes.takeOldest(stand);
      taken.push(lane);
      const part = lane.waiting < hot.from ? 0 : Math.ceil(lane.waiting * hot.part);
      const run = Math.max(lane.keyState === undefined ? runMax : statefulMax, part);
      const first = slots.length;
      const end = Math.min(first + run, size, first + (keyRates?.left(lane, nowMs) ?? size));
      do {
        bytes += this.#depart(lane, { into: slots, run: taken.length });
        stand.spend(nowMs);
      } while (this.#canFollow(lane.head) && slots.length < end && bytes < this.#batchBytesMax && stand.isOpen);
      keyRates?.take(lane, { tries: slots.length - first, nowMs });
    }
    for (const stand of stands) stand.depart();
    return { slots, lanes: taken, stands, alone: false, isFresh: false, probed: null };
  }

  /** Takes in that events of a batch were handed back unrun: rates are not to count them. Before its lanes are free. */
  unspend(slots: readonly Slot[], { results, ran = 0 }: Pick<Came, 'results' | 'ran'>): void {
    if (this.#meter === null && !this.#lanes.hasRates) return;
    for (let index = ran; index < slots.length; index += 1) {
      if (results[index] === handlerResult.skipped) this.#unspend(slots[index]!);
    }
  }

  #unspend({ handler, lane }: Slot): void {
    this.#meter?.giveBack();
    this.#lanes.standOf(handler).unspend();
    if (lane !== null) this.#lanes.keyRates?.giveBack(lane);
  }

  /** Takes in that a batch has come back, with so many events decided. */
  arrive(batch: Batch, decided: { count: number; busyUs: number }): void {
    invariant(this.#inFlight >= batch.slots.length, 'only a batch in flight comes back');
    this.size.measured(decided.count, decided.busyUs);
    this.#inFlight -= batch.slots.length;
    if (batch.isFresh) this.#freshInFlight -= 1;
    for (const stand of batch.stands) stand.arrive();
    if (!batch.alone) return;
    this.#isAlone = false;
    this.#suspectsHeld -= decided.count;
  }

  /** Whether an event may be in one run with those before it. */
  #canFollow(slot: Slot | null): boolean {
    if (slot === null || slot.deaths !== null || slot.dueMs !== noDue || slot.isDoubted) return false;
    if (this.#lanes.isPaused(slot)) return false;
    return this.#breakers === null || this.#breakers.stateOf(slot.handler) === 'closed';
  }

  /** Whether a suspect is at the head of what could run now. */
  #isSuspectNext(): boolean {
    if (this.#suspectsHeld === 0) return false;
    return isSuspect(this.#lanes.oldest) || isSuspect(this.#lanes.oldestDoubted);
  }

  #suspectAlone(nowMs: number): Batch {
    const lanes = this.#lanes;
    const stand = lanes.first!;
    return this.#single(stand.oldest === stand.free.head ? stand.free : lanes.takeOldest(stand), {
      probed: null,
      nowMs,
    });
  }

  /** The doubted event that has waited longest, unless it must wait on. */
  #fresh(nowMs: number): Batch | null {
    const doubted = this.#lanes.oldestDoubted;
    if (doubted === null || this.#freshInFlight > 0 || (isSuspect(doubted) && this.#inFlight > 0)) return null;
    if (!this.#lanes.standOf(doubted.handler).hasPlace) return null;
    return this.#single(this.#lanes.takeDoubted(), { probed: null, nowMs });
  }

  /** The one event that shows whether a handler is well again. */
  #probe(nowMs: number): Batch | null {
    const lane = this.#breakers?.laneToProbe(nowMs, this.#inFlight === 0) ?? null;
    if (lane === null) return null;
    const { handler } = lane.head!;
    if (!this.#lanes.standOf(handler).hasPlace) return null;
    this.#lanes.takeGated(lane);
    this.#breakers?.probe(handler);
    return this.#single(lane, { probed: handler, nowMs });
  }

  /** The head of a lane by itself. */
  #single(lane: Lane, { probed, nowMs }: { probed: number | null; nowMs: number }): Batch {
    const alone = isSuspect(lane.head);
    const isFresh = lane.head!.isDoubted;
    const stand = this.#lanes.standOf(lane.head!.handler);
    stand.join();
    stand.depart();
    const slots: Slot[] = [];
    this.#depart(lane, { into: slots, run: noRun });
    stand.spend(nowMs);
    this.#lanes.keyRates?.take(lane, { tries: 1, nowMs });
    this.#inFlight += 1;
    this.#isAlone = alone;
    if (isFresh) this.#freshInFlight += 1;
    return { slots, lanes: lane.state === 'free' ? [] : [lane], stands: [stand], alone, isFresh, probed };
  }

  #depart(lane: Lane, { into, run }: { into: Slot[]; run: number }): number {
    const slot = lane.shift();
    slot.state = 'in-flight';
    slot.run = run;
    into.push(slot);
    return slot.size;
  }
}

function isSuspect(slot: Slot | null): boolean {
  return slot !== null && slot.deaths !== null;
}
