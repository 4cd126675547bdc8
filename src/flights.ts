// Batches on their way: which place each has, what is written down of it, and how it is asked to end. It decides
// nothing about events: what came of a batch goes back to the pump as it is.

import type { Batch } from './dispatch/batch.js';
import type { Slot } from './dispatch/ring-buffer.js';
import type { Policy } from './handler.js';
import type { StateAt } from './keyed-state.js';
import { batchMessage } from './pool/batch-message.js';
import { reportOfKilled } from './pool/lost-batch.js';
import type { BatchReport } from './pool/messages.js';
import type { FlightRecorder, HandlerThreads } from './threads.js';
import type { BatchSpan, Tracing } from './tracing.js';

interface Parts {
  readonly runners: HandlerThreads;
  readonly recorder: FlightRecorder;
  readonly policies: readonly Policy[];
  readonly limits: { readonly errorSizeMax: number; readonly isJournaled: boolean };
  /** Null where nothing is traced. */
  readonly tracing: Tracing | null;
  /** Whether any handler keeps state. */
  hasStates(): boolean;
  nameOf(partition: number): string;
}

/** A batch that is under way, and where. */
export interface Flight {
  readonly batch: Batch;
  readonly place: number;
  readonly span: BatchSpan | null;
}

export class Flights {
  readonly #parts: Parts;
  readonly #flights = new Map<number, Flight>();
  /** Places that a batch had and none has; those beyond `#placesUsed` none ever had. */
  readonly #free: number[] = [];
  #placesUsed = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Batches under way. */
  get count(): number {
    return this.#flights.size;
  }

  /** How many more may start now; none while more are under way than there are places, as threads became fewer. */
  get placesFree(): number {
    return Math.max(0, this.#parts.runners.places - this.#flights.size);
  }

  /** Sends a batch to a thread. Call it only while a place is free. */
  depart(batch: Batch): { flight: Flight; report: Promise<BatchReport> } {
    const { runners, recorder, limits, policies, hasStates, tracing, nameOf } = this.#parts;
    const span = tracing?.departed(batch.slots) ?? null;
    const flight: Flight = { batch, place: this.#free.pop() ?? this.#placesUsed++, span };
    this.#flights.set(flight.place, flight);
    const { slots, alone, isFresh } = batch;
    const states = hasStates() ? statesOf(slots) : [];
    const more = { ...(states.length > 0 && { states }), ...(span !== null && { trace: span.trace }) };
    const message = batchMessage(slots, { place: flight.place, ...more, nameOf });
    const [first] = slots;
    // It killed the process as often as it may: the next try would be one too many.
    if (alone && first!.deaths !== 0 && first!.attempt > policies[first!.handler]!.attemptsMax) {
      return { flight, report: Promise.resolve(reportOfKilled(message, limits)) };
    }
    recorder.depart(flight.place, { events: slots, alone });
    return { flight, report: isFresh ? runners.runFresh(message) : runners.run(message) };
  }

  /** Nothing comes back any more. */
  abandon(): void {
    for (const { span } of this.#flights.values()) span?.end(null);
  }

  /** Takes in that a batch has come back. */
  arrive({ place, span }: Flight, report: Pick<BatchReport, 'busyUs'>): void {
    span?.end(report);
    this.#flights.delete(place);
    this.#free.push(place);
    this.#parts.recorder.arrive(place);
  }

  /** Has the try of an event in flight end, or not begin. */
  cancel(slot: Slot): void {
    const found = this.#find(slot);
    if (found !== null) this.#parts.runners.cancel(found.place, found.index);
  }

  /** For how long an event in flight has been running, and where; null when it has not begun. */
  running(slot: Slot): { readonly forMs: number; readonly threadId: number } | null {
    const found = this.#find(slot);
    const running = found === null ? null : this.#parts.runners.running(found.place);
    return running === null || running.index !== found?.index ? null : running;
  }

  /** Handler threads that live. */
  get threadIds(): readonly number[] {
    return this.#parts.runners.threadIds;
  }

  /** Batches that run, where, and for how long. */
  allRunning(): { readonly threadId: number; readonly forMs: number }[] {
    return [...this.#flights.keys()].flatMap((place) => {
      const running = this.#parts.runners.running(place);
      return running === null ? [] : [{ threadId: running.threadId, forMs: running.batchMs }];
    });
  }

  /** The event in flight that belongs to a lane, if one does: the first of its run that is not done. */
  inLane(isOfLane: (slot: Slot) => boolean): Slot | null {
    for (const { batch, place } of this.#flights.values()) {
      const index = this.#parts.runners.running(place)?.index ?? 0;
      const slot = batch.slots.find((candidate, at) => at >= index && isOfLane(candidate));
      if (slot !== undefined) return slot;
    }
    return null;
  }

  #find(slot: Slot): { place: number; index: number } | null {
    for (const { batch, place } of this.#flights.values()) {
      const index = batch.slots.indexOf(slot);
      if (index !== -1) return { place, index };
    }
    return null;
  }
}

/** The states with which the runs of a batch begin. */
function statesOf(slots: readonly Slot[]): StateAt[] {
  const states: StateAt[] = [];
  for (let index = 0; index < slots.length; index += 1) {
    const { lane } = slots[index]!;
    if (lane?.keyState === undefined || lane === slots[index - 1]?.lane) continue;
    states.push({ index, state: lane.keyState });
  }
  return states;
}
