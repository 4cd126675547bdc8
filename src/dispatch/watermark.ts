// Per partition, the position below which every event has its durable outcomes. The events of a partition that are not
// durable yet form a list in order of admission; its oldest one is the watermark. It does not know why one is late.

import { invariant } from '../invariant.js';
import type { Slot } from './ring-buffer.js';

interface Partition {
  oldest: Slot | null;
  newest: Slot | null;
  /** One above the highest position admitted. */
  positionNext: number;
}

export class Watermarks {
  readonly #partitions = new Map<number, Partition>();

  /** Begins a partition: every position below `watermark` is durable already. */
  open(partition: number, watermark: number): void {
    invariant(!this.#partitions.has(partition), 'a partition is opened once');
    this.#partitions.set(partition, { oldest: null, newest: null, positionNext: watermark });
  }

  /** Forgets a partition; every event of it is durable. */
  close(partition: number): void {
    invariant(this.#partition(partition).oldest === null, 'a partition is closed when nothing of it is held');
    this.#partitions.delete(partition);
  }

  /** One above the highest position admitted, and not below where it began. */
  positionNext(partition: number): number {
    return this.#partition(partition).positionNext;
  }

  /**
   * Notes an event that is now owed its outcome. Positions of a partition rise; some may be left out, and one that is
   * owed to several handlers comes for each of them, one after another.
   */
  admit(slot: Slot): void {
    const partition = this.#partition(slot.partition);
    const { positionNext, newest } = partition;
    invariant(slot.position >= positionNext || slot.position === newest?.position, 'positions of a partition rise');
    partition.positionNext = slot.position + 1;
    slot.newer = null;
    slot.older = partition.newest;
    if (partition.newest === null) partition.oldest = slot;
    else partition.newest.newer = slot;
    partition.newest = slot;
  }

  /** Notes that the event's outcome is durable. */
  confirm(slot: Slot): void {
    const partition = this.#partition(slot.partition);
    if (slot.older === null) partition.oldest = slot.newer;
    else slot.older.newer = slot.newer;
    if (slot.newer === null) partition.newest = slot.older;
    else slot.newer.older = slot.older;
    slot.older = null;
    slot.newer = null;
  }

  /** The watermark of one partition. */
  of(partition: number): number {
    const { oldest, positionNext } = this.#partition(partition);
    return oldest === null ? positionNext : oldest.position;
  }

  #partition(index: number): Partition {
    const partition = this.#partitions.get(index);
    invariant(partition !== undefined, 'a partition is opened before its events are admitted');
    return partition;
  }
}
