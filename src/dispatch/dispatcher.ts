// The path of an event through the core: admit, nextBatch, settle, confirm. It keeps order (a lane has at most one run
// in flight), holds every accepted event until its outcome is durable, and never holds more than its limits. It knows
// no thread, no promise, no clock and no store: what it is told comes in as arguments, what follows goes out as values.

import type { EncodedEvent } from '../event.js';
import { handlerResult } from '../handler.js';
import { invariant } from '../invariant.js';
import type { OrderMode } from '../options.js';
import { BatchSize } from './batch-size.js';
import type { Lane } from './lane.js';
import { Lanes } from './lanes.js';
import { RingBuffer, type Slot } from './ring-buffer.js';
import { Watermarks } from './watermark.js';

/** Events that were sent to a thread together, in the order in which they run. */
export interface Batch {
  readonly slots: readonly Slot[];
  /** The lanes that gave a run; busy until the batch is settled. */
  readonly lanes: readonly Lane[];
  /** Whether it is one suspect, and nothing else runs until it is settled. */
  readonly alone: boolean;
}

export interface DispatcherOptions {
  readonly order: OrderMode;
  readonly handlerCount: number;
  readonly threads: number;
  readonly ringSize: number;
  readonly ringBytesMax: number;
  readonly batchSizeMax: number;
  readonly batchTargetMs: number;
  readonly batchBytesMax: number;
}

/** Counts of events by where they are, and what was chosen last. */
export interface DispatcherCounts {
  readonly admitted: number;
  readonly buffered: number;
  readonly inFlight: number;
  /** Decided, not yet durable. */
  readonly settled: number;
  readonly lanesLive: number;
  readonly lanesReady: number;
  readonly bytesHeld: number;
  readonly batchSize: number;
  readonly eventUs: number | null;
}

export class Dispatcher {
  readonly #ring: RingBuffer;
  readonly #lanes: Lanes;
  readonly #watermarks = new Watermarks();
  readonly #batchSize: BatchSize;
  readonly #batchBytesMax: number;
  /** Events that were running when a process died: the deaths each is charged with, by partition and position. */
  readonly #suspects = new Map<number, Map<number, number>>();
  /** Suspects that wait or run. */
  #suspectsHeld = 0;
  /** Whether one of them runs now. */
  #isAlone = false;
  #sequence = 0;
  #inFlight = 0;
  #settled = 0;

  constructor(options: DispatcherOptions) {
    this.#ring = new RingBuffer({ capacity: options.ringSize, bytesMax: options.ringBytesMax });
    this.#lanes = new Lanes({ order: options.order, handlerCount: options.handlerCount });
    this.#batchSize = new BatchSize({
      sizeMax: options.batchSizeMax,
      targetMs: options.batchTargetMs,
      threads: options.threads,
    });
    this.#batchBytesMax = options.batchBytesMax;
  }

  /** Begins a partition whose events below `watermark` have their outcomes. */
  openPartition(partition: number, watermark: number): void {
    this.#watermarks.open(partition, watermark);
  }

  /** Names events of a partition that are to run alone: pairs of a position and of deaths it is charged with. */
  suspect(partition: number, suspects: Float64Array): void {
    if (suspects.length === 0) return;
    const deaths = new Map<number, number>();
    for (let at = 0; at < suspects.length; at += 2) deaths.set(suspects[at]!, suspects[at + 1]!);
    this.#suspects.set(partition, deaths);
  }

  /** How many events may be admitted now; an upper bound where their bytes are the limit. */
  get room(): number {
    return this.#ring.isOpen ? this.#ring.room : 0;
  }

  /** Accepted events without a durable outcome. */
  get held(): number {
    return this.#ring.held;
  }

  /** Takes an event in, at the end of its lane. Call it only while `room` is above 0. */
  admit(event: EncodedEvent, owed: { partition: number; position: number; handler: number }): void {
    const slot = this.#ring.take(event);
    slot.state = 'buffered';
    slot.sequence = this.#sequence;
    this.#sequence += 1;
    slot.partition = owed.partition;
    slot.position = owed.position;
    slot.handler = owed.handler;
    if (this.#suspects.size > 0) this.#charge(slot);
    this.#watermarks.admit(slot);
    this.#lanes.append(slot, event.key);
  }

  /**
   * Takes what is runnable now, oldest first, up to the batch size; null when nothing is. `placesFree` batches could
   * start now, this one included, so it takes at most its share of the ready lanes: its runs are short while many
   * lanes are ready and long only when few are. A suspect waits until nothing is in flight, and then runs alone.
   */
  nextBatch(placesFree: number): Batch | null {
    const lanes = this.#lanes;
    if (lanes.runnable === 0) return null;
    if (this.#suspectsHeld > 0 && this.#isSuspectNext()) return this.#inFlight === 0 ? this.#suspectAlone() : null;
    const size = this.#batchSize.choose(lanes.runnable);
    const share = Math.ceil(lanes.ready / placesFree);
    const runMax = Math.ceil(size / Math.max(1, Math.min(share, size)));
    const slots: Slot[] = [];
    const taken: Lane[] = [];
    let bytes = 0;
    while (slots.length < size && bytes < this.#batchBytesMax && !this.#isSuspectNext()) {
      const isFreeNext = taken.length >= share && lanes.free.waiting > 0 && lanes.free.head?.deaths === null;
      if (isFreeNext || lanes.free.headSequence < lanes.oldestSequence) {
        bytes += this.#take(lanes.free, slots);
        continue;
      }
      if (lanes.ready === 0 || taken.length >= share) break;
      const lane = lanes.takeOldest();
      taken.push(lane);
      const end = Math.min(slots.length + runMax, size);
      do bytes += this.#take(lane, slots);
      while (lane.head?.deaths === null && slots.length < end && bytes < this.#batchBytesMax);
    }
    this.#inFlight += slots.length;
    return { slots, lanes: taken, alone: false };
  }

  /**
   * Takes in what came of a batch: a HandlerResult per event, in its order, and how long it took in its thread. Skipped
   * events go back to the front of their lanes, uncounted; the rest are settled, and given back in the batch's order.
   * Every lane of the batch is free from here on.
   */
  settle(batch: Batch, came: { results: Uint8Array; busyUs: number }): readonly Slot[] {
    const { slots } = batch;
    invariant(came.results.length === slots.length, 'a report has a result for each event of its batch');
    const settled: Slot[] = [];
    for (let index = 0; index < slots.length; index += 1) {
      const slot = slots[index]!;
      invariant(slot.state === 'in-flight', 'only an event in flight is settled');
      if (came.results[index] === handlerResult.skipped) {
        slot.state = 'buffered';
      } else {
        slot.state = 'settled';
        settled.push(slot);
      }
    }
    if (settled.length < slots.length) putBack(slots);
    for (const lane of batch.lanes) this.#lanes.release(lane);
    this.#batchSize.measured(settled.length, came.busyUs);
    if (batch.alone) {
      this.#isAlone = false;
      this.#suspectsHeld -= settled.length;
    }
    this.#inFlight -= slots.length;
    this.#settled += settled.length;
    return settled;
  }

  /** Takes in that these settled events have their durable outcomes, and forgets them. */
  confirm(slots: readonly Slot[]): void {
    for (const slot of slots) {
      invariant(slot.state === 'settled', 'only a settled event becomes durable');
      this.#watermarks.confirm(slot);
      this.#ring.release(slot);
    }
    this.#settled -= slots.length;
  }

  /** The position of a partition below which every event has its durable outcome. */
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
    return {
      admitted: this.#sequence,
      buffered: this.#ring.held - this.#inFlight - this.#settled,
      inFlight: this.#inFlight,
      settled: this.#settled,
      lanesLive: this.#lanes.live,
      lanesReady: this.#lanes.ready,
      bytesHeld: this.#ring.bytes,
      batchSize: this.#batchSize.latest,
      eventUs: this.#batchSize.eventUs,
    };
  }

  #charge(slot: Slot): void {
    const deaths = this.#suspects.get(slot.partition)?.get(slot.position);
    if (deaths === undefined) return;
    slot.deaths = deaths;
    slot.attempt = deaths + 1;
    this.#suspectsHeld += 1;
  }

  /** Whether a suspect is at the head of what could run now, or runs. */
  #isSuspectNext(): boolean {
    if (this.#suspectsHeld === 0) return false;
    return this.#isAlone || (this.#lanes.oldest?.deaths ?? null) !== null;
  }

  #suspectAlone(): Batch {
    const lanes = this.#lanes;
    const slots: Slot[] = [];
    const taken: Lane[] = [];
    if (lanes.oldest === lanes.free.head) {
      this.#take(lanes.free, slots);
    } else {
      const lane = lanes.takeOldest();
      taken.push(lane);
      this.#take(lane, slots);
    }
    this.#inFlight = 1;
    this.#isAlone = true;
    return { slots, lanes: taken, alone: true };
  }

  #take(lane: Lane, into: Slot[]): number {
    const slot = lane.shift();
    slot.state = 'in-flight';
    into.push(slot);
    return slot.size;
  }
}

/** Puts the events of a batch that were skipped back, the last one first, so that each lane has its old order. */
function putBack(slots: readonly Slot[]): void {
  for (let index = slots.length - 1; index >= 0; index -= 1) {
    const slot = slots[index]!;
    if (slot.state === 'buffered') slot.lane!.putBack(slot);
  }
}
