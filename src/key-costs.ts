// Which keys take the handler time: a sketch of a few hundred keys that has every key with more than a share of it,
// and forgets what was long ago. Space-Saving (Metwally, Agrawal, El Abbadi, 2005), over a part of large batches, so
// that an event of one costs a fraction of a look-up.

import type { Slot } from './dispatch/ring-buffer.js';

/** Keys that are kept. One with more than this part of all time is among them. */
const keysMax = 256;

/** Of batches that are larger than this, one in so many is looked at, and counts for all of them. */
const wholeSizeMax = 16;
const oneIn = 8;

/** After so long, what there was counts half. */
const halfLifeMs = 10_000;

/** A key, and the microseconds it took; somewhat too many where it has taken the place of another. */
interface KeyCost {
  readonly handler: number;
  readonly key: string;
  us: number;
}

export class KeyCosts {
  /** By handler, by key. */
  readonly #costs: Map<string, KeyCost>[];
  #count = 0;
  #totalUs = 0;
  #batches = 0;
  #halvedMs: number;

  constructor(of: { handlerCount: number; nowMs: number }) {
    this.#costs = Array.from({ length: of.handlerCount }, () => new Map());
    this.#halvedMs = of.nowMs;
  }

  addHandler(): void {
    this.#costs.push(new Map());
  }

  /** Takes in what the events of a batch took in their threads. */
  add(slots: readonly Slot[], { durationsUs, nowMs }: { durationsUs: Float32Array; nowMs: number }): void {
    this.#batches += 1;
    if (slots.length > wholeSizeMax && this.#batches % oneIn !== 0) return;
    const weight = slots.length > wholeSizeMax ? oneIn : 1;
    if (nowMs - this.#halvedMs >= halfLifeMs) this.#forget(nowMs);
    for (let index = 0; index < slots.length; index += 1) {
      const { handler, event } = slots[index]!;
      const us = durationsUs[index]! * weight;
      this.#totalUs += us;
      const key = event?.key ?? null;
      if (key !== null && us > 0) this.#spend(handler, key, us);
    }
  }

  /** The keys that took most, the most first, with the share of all time of late that each took. */
  top(limit: number): { readonly handler: number; readonly key: string; readonly share: number }[] {
    const costs = this.#costs.flatMap((keys) => [...keys.values()]).sort((a, b) => b.us - a.us);
    return costs.slice(0, limit).map(({ handler, key, us }) => ({ handler, key, share: us / this.#totalUs }));
  }

  /** The share of one key; 0 where it is not among those that are kept. */
  shareOf(handler: number, key: string): number {
    return (this.#costs[handler]?.get(key)?.us ?? 0) / Math.max(1, this.#totalUs);
  }

  #spend(handler: number, key: string, us: number): void {
    const known = this.#costs[handler]!.get(key);
    if (known !== undefined) {
      known.us += us;
      return;
    }
    let inherited = 0;
    if (this.#count === keysMax) {
      const least = this.#least();
      this.#costs[least.handler]!.delete(least.key);
      inherited = least.us;
    } else this.#count += 1;
    this.#costs[handler]!.set(key, { handler, key, us: inherited + us });
  }

  #least(): KeyCost {
    let least: KeyCost | null = null;
    for (const keys of this.#costs)
      for (const cost of keys.values()) if (least === null || cost.us < least.us) least = cost;
    return least!;
  }

  #forget(nowMs: number): void {
    const factor = 0.5 ** ((nowMs - this.#halvedMs) / halfLifeMs);
    this.#halvedMs = nowMs;
    this.#totalUs *= factor;
    for (const keys of this.#costs) for (const cost of keys.values()) cost.us *= factor;
  }
}
