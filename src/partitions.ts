// The partitions of this process by their index in the store: their names, and how far the store knows them durable.

import type { Dispatcher } from './dispatch/dispatcher.js';
import type { Watermark } from './store/messages.js';

export class Partitions {
  readonly #dispatcher: Dispatcher;
  readonly #names: string[] = [];
  readonly #stored = new Map<number, number>();

  constructor(dispatcher: Dispatcher) {
    this.#dispatcher = dispatcher;
  }

  /** Names by index; a gap where an index belongs to a partition that is not open here. */
  get names(): readonly string[] {
    return this.#names;
  }

  /** Begins a partition whose events below `watermark` have their outcomes. One that is open already goes on. */
  open(name: string, start: { partition: number; watermark: number }): void {
    if (this.#stored.has(start.partition)) return;
    this.#names[start.partition] = name;
    this.#stored.set(start.partition, start.watermark);
    this.#dispatcher.openPartition(start.partition, start.watermark);
  }

  nameOf(index: number): string {
    return this.#names[index] ?? '';
  }

  /** The watermarks that have moved since they were last given out, for the store to keep. */
  takeMoved(): Watermark[] {
    const moved: Watermark[] = [];
    for (const [partition, stored] of this.#stored) {
      const watermark = this.#dispatcher.watermark(partition);
      if (watermark <= stored) continue;
      this.#stored.set(partition, watermark);
      moved.push({ partition, watermark });
    }
    return moved;
  }
}
