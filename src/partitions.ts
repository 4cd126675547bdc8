// The partitions of this process by their index in the store: their names, and what the store knows of them. One that
// is no longer fed is forgotten as soon as the store knows how far it came.

import type { Dispatcher } from './dispatch/dispatcher.js';
import type { DueTimes } from './due-times.js';
import { numbersPerRetry, numbersPerSuspect, type PartitionStart, type Watermark } from './store/messages.js';

/** What the store knows of a partition that is opened. */
type Start = Pick<PartitionStart, 'partition' | 'watermark' | 'suspects' | 'retries'>;

interface Partition {
  readonly name: string;
  /** The watermark the store was told last. */
  stored: number;
  /** Whether events may still come. */
  isOpen: boolean;
  /** The first position that is owed its outcome and is not among the dispatcher's; infinity when there is none. */
  pin: number;
}

export class Partitions {
  readonly #dispatcher: Dispatcher;
  readonly #partitions = new Map<number, Partition>();
  /** Of those that are not fed. */
  readonly #names = new Map<number, string>();
  readonly #dueTimes: DueTimes;

  constructor(dispatcher: Dispatcher, dueTimes: DueTimes) {
    this.#dispatcher = dispatcher;
    this.#dueTimes = dueTimes;
  }

  /** Begins a partition whose events below `watermark` have their outcomes. One that is still known goes on. */
  open(name: string, start: Start): void {
    const known = this.#partitions.get(start.partition);
    if (known !== undefined) {
      known.isOpen = true;
      return;
    }
    this.#partitions.set(start.partition, {
      name,
      stored: start.watermark,
      isOpen: true,
      pin: Number.POSITIVE_INFINITY,
    });
    this.#remember(start);
    this.#dispatcher.openPartition(start.partition, start.watermark);
  }

  /** No more events come; it is forgotten with its last watermark. */
  close(partition: number): void {
    const known = this.#partitions.get(partition);
    if (known === undefined) return;
    known.isOpen = false;
    if (this.#dispatcher.watermark(partition) <= known.stored) this.#forget(partition);
  }

  /** The stored watermark stays at or below a position whose event is parked. */
  pin(partition: number, position: number): void {
    const known = this.#partitions.get(partition);
    if (known !== undefined) known.pin = Math.min(known.pin, position);
  }

  /** Takes in names of partitions that are not fed, but of which events come. */
  learnNames(names: Readonly<Record<number, string>>): void {
    for (const [index, name] of Object.entries(names)) this.#names.set(Number(index), name);
  }

  /** Number of a partition that is fed, or of which events came; null for any other. */
  indexOf(name: string): number | null {
    for (const [index, known] of this.#partitions) if (known.name === name) return index;
    for (const [index, known] of this.#names) if (known === name) return index;
    return null;
  }

  nameOf(partition: number): string {
    return this.#partitions.get(partition)?.name ?? this.#names.get(partition) ?? '';
  }

  /** What has moved since it was last given out, for the store to keep. */
  takeMoved(): Watermark[] {
    const moved: Watermark[] = [];
    for (const [partition, known] of this.#partitions) {
      const watermark = Math.min(this.#dispatcher.watermark(partition), known.pin);
      if (watermark > known.stored) {
        known.stored = watermark;
        moved.push({ partition, watermark });
      }
      if (!known.isOpen) this.#forget(partition);
    }
    return moved;
  }

  /** Everything the store is to know at the end: also how far positions were given out, with or without outcomes. */
  takeLast(): Watermark[] {
    return [...this.#partitions].map(([partition, { pin }]) => ({
      partition,
      watermark: Math.min(this.#dispatcher.watermark(partition), pin),
      positionNext: this.#dispatcher.positionNext(partition),
    }));
  }

  /** Has the dispatcher know what became of events before. */
  #remember({ partition, suspects, retries }: Start): void {
    for (let at = 0; at < suspects.length; at += numbersPerSuspect) {
      const [position, handler, deaths] = suspects.subarray(at, at + numbersPerSuspect);
      this.#dispatcher.remember({ partition, position: position!, handler: handler! }, { deaths: deaths! });
    }
    for (let at = 0; at < retries.length; at += numbersPerRetry) {
      const [position, handler, tries, postponed, dueAtUs] = retries.subarray(at, at + numbersPerRetry);
      const dueMs = this.#dueTimes.dueMs({ dueAtUs: dueAtUs!, postponed: postponed! });
      const event = { partition, position: position!, handler: handler! };
      this.#dispatcher.remember(event, { tries: tries!, postponed: postponed!, dueMs });
    }
  }

  #forget(partition: number): void {
    if (this.#dispatcher.closePartition(partition)) this.#partitions.delete(partition);
  }
}
