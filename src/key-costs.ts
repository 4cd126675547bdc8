// Which keys take the handler time: a sketch of a few hundred keys that has every key with more than a share of it, and
// forgets what was long ago. Space-Saving (Metwally, Agrawal, El Abbadi, 2005), of which the least keys go many at a
// time, over one in eight batches of cheap events, so that one costs a fraction of a look-up. Keys are those of lanes.

import type { Slot } from './dispatch/ring-buffer.js';

/** Keys that are kept at the least. One with more than this part of all time is among them. */
const keysMin = 256;
/** With so many the least go. */
const keysMax = 2 * keysMin;

/** Of batches whose events take less on average, one in so many is looked at, and counts for all of them. */
const dearUs = 1000;
const oneIn = 8;
/** The first ones are all looked at. */
const wholeAtFirst = 64;

/** After so long, what there was counts half. */
const halfLifeMs = 10_000;

/** In place of a handler where all events of all of them have one order; as lanes have it. */
export const allHandlers = -1;

/** A key, and the microseconds it took: at most so many, of which some may have been those of keys that went. */
interface KeyCost {
  readonly handler: number;
  readonly key: string;
  us: number;
  othersUs: number;
}

export class KeyCosts {
  /** By handler, all of them before the first, by key. */
  readonly #costs: Map<string, KeyCost>[];
  #count = 0;
  #totalUs = 0;
  #batches = 0;
  /** What any key that is not kept may have taken. */
  #goneUs = 0;
  /** Which batches are looked at follows no pattern that theirs could fall in with. Xorshift (Marsaglia, 2003). */
  #random = 0x9e3779b9;
  #halvedMs: number;

  constructor(of: { handlerCount: number; nowMs: number }) {
    this.#costs = Array.from({ length: of.handlerCount + 1 }, () => new Map());
    this.#halvedMs = of.nowMs;
  }

  addHandler(): void {
    this.#costs.push(new Map());
  }

  /** Takes in what the events of a batch took in their threads. */
  add(slots: readonly Slot[], of: { durationsUs: Float32Array; busyUs: number; nowMs: number }): void {
    const { durationsUs, busyUs, nowMs } = of;
    this.#batches += 1;
    const isCheap = busyUs < dearUs * slots.length && this.#batches > wholeAtFirst;
    if (isCheap && !this.#draw()) return;
    const weight = isCheap ? oneIn : 1;
    if (nowMs - this.#halvedMs >= halfLifeMs) this.#forget(nowMs);
    for (let index = 0; index < slots.length; index += 1) {
      const { handler, event, lane } = slots[index]!;
      const us = durationsUs[index]! * weight;
      this.#totalUs += us;
      if (us === 0) continue;
      if (lane !== null && lane.key !== null) this.#spend(lane.handler, lane.key, us);
      else if (event !== null && event.key !== null) this.#spend(handler, event.key, us);
    }
  }

  /** The keys that took most, the most first, with the share of all time of late that each took at the least. */
  top(limit: number): { readonly handler: number; readonly key: string; readonly share: number }[] {
    const costs = this.#all().sort((a, b) => ownUs(b) - ownUs(a));
    return costs.slice(0, limit).map((cost) => {
      return { handler: cost.handler, key: cost.key, share: ownUs(cost) / this.#totalUs };
    });
  }

  /** The share of one key at the least; 0 where it is not among those that are kept. */
  shareOf(handler: number, key: string): number {
    const cost = this.#of(handler)?.get(key);
    return cost === undefined ? 0 : ownUs(cost) / Math.max(1, this.#totalUs);
  }

  #spend(handler: number, key: string, us: number): void {
    const costs = this.#of(handler)!;
    const known = costs.get(key);
    if (known !== undefined) {
      known.us += us;
      return;
    }
    if (this.#count === keysMax) this.#dropLeast();
    this.#count += 1;
    costs.set(key, { handler, key, us: this.#goneUs + us, othersUs: this.#goneUs });
  }

  #dropLeast(): void {
    const gone = this.#all()
      .sort((a, b) => b.us - a.us)
      .slice(keysMin);
    for (const { handler, key } of gone) this.#of(handler)!.delete(key);
    this.#goneUs = Math.max(this.#goneUs, gone[0]!.us);
    this.#count = keysMin;
  }

  #of(handler: number): Map<string, KeyCost> | undefined {
    return this.#costs[handler - allHandlers];
  }

  #all(): KeyCost[] {
    return this.#costs.flatMap((keys) => [...keys.values()]);
  }

  #draw(): boolean {
    let bits = this.#random;
    bits ^= bits << 13;
    bits ^= bits >>> 17;
    bits ^= bits << 5;
    this.#random = bits;
    return (bits >>> 0) % oneIn === 0;
  }

  #forget(nowMs: number): void {
    const factor = 0.5 ** ((nowMs - this.#halvedMs) / halfLifeMs);
    this.#halvedMs = nowMs;
    this.#totalUs *= factor;
    this.#goneUs *= factor;
    for (const cost of this.#all()) {
      cost.us *= factor;
      cost.othersUs *= factor;
    }
  }
}

function ownUs({ us, othersUs }: KeyCost): number {
  return us - othersUs;
}
