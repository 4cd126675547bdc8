// The partitions of this process by their index in the store: their names, and what the store knows of them. One that
// is no longer fed is forgotten as soon as the store knows how far it came.

import type { Dispatcher } from './dispatch/dispatcher.js';
import type { Watermark } from './store/messages.js';

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

  constructor(dispatcher: Dispatcher) {
    this.#dispatcher = dispatcher;
  }

  /** Begins a partition whose events below `watermark` have their outcomes. One that is still known goes on. */
  open(name: string, start: { partition: number; watermark: number; suspects: Float64Array }): void {
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
    this.#dispatcher.suspect(start.partition, start.suspects);
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

  nameOf(partition: number): string {
    return this.#partitions.get(partition)?.name ?? '';
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

  #forget(partition: number): void {
    if (this.#dispatcher.closePartition(partition)) this.#partitions.delete(partition);
  }
}
