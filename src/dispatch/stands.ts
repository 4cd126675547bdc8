// All stands: which handler's events stand where, and which of them have the event that is to run next.

import { type Claim, Stand } from './stand.js';

export class Stands {
  /** By handler. Those of one priority that nothing limits share one; with one lane for everything, so do all. */
  readonly byHandler: Stand[] = [];
  /** Each once, those of a higher priority first. */
  all: readonly Stand[] = [];
  #limited: readonly Stand[] = [];
  /** By priority, those that handlers share. */
  readonly #shared = new Map<number, Stand>();
  readonly #isOne: boolean;

  constructor(claims: readonly Claim[], { isOne }: { isOne: boolean }) {
    this.#isOne = isOne;
    for (const claim of claims) this.add(claim);
  }

  /** Takes in what one handler more claims; gives where its events stand. */
  add(claim: Claim): Stand {
    const stand = this.#standFor(claim);
    this.byHandler.push(stand);
    this.all = [...new Set(this.byHandler)].sort((a, b) => b.priority - a.priority);
    this.#limited = this.all.filter(({ isLimited }) => isLimited);
    return stand;
  }

  #standFor(claim: Claim): Stand {
    if ((claim.concurrency !== null || claim.rateLimit) && !this.#isOne) return new Stand(claim);
    const priority = this.#isOne ? 0 : claim.priority;
    const stand = this.#shared.get(priority) ?? new Stand({ priority, concurrency: null });
    this.#shared.set(priority, stand);
    return stand;
  }

  /** Whether rates limit any. */
  get areLimited(): boolean {
    return this.#limited.length > 0;
  }

  /** When a rate lets something start that only waits for that; infinity when nothing does. */
  get nextTryMs(): number {
    return this.spent.reduce((next, { nextTryMs }) => Math.min(next, nextTryMs), Number.POSITIVE_INFINITY);
  }

  /** Those of which only their rates keep what is ready from running. */
  get spent(): Stand[] {
    return this.#limited.filter(({ isSpent }) => isSpent);
  }

  /** Takes in what time it is, where rates limit something. */
  refill(nowMs: number): void {
    for (const stand of this.#limited) stand.refill(nowMs);
  }

  /** Lanes that could give a run now. */
  get ready(): number {
    let ready = 0;
    for (const stand of this.all) if (stand.isOpen) ready += stand.lanes.count;
    return ready;
  }

  /** Events that wait in such lanes, and those that need no order. */
  get runnable(): number {
    let runnable = 0;
    for (const stand of this.all) if (stand.isOpen) runnable += stand.waiting + stand.free.waiting;
    return runnable;
  }

  /** Where the event stands that is to run next: of those with the highest priority the one that waits longest. */
  get first(): Stand | null {
    return this.#first(oldestOf);
  }

  /** The same of the events that need no order. */
  get firstFree(): Stand | null {
    return this.#first(oldestFreeOf);
  }

  #first(sequenceOf: (stand: Stand) => number): Stand | null {
    let first: Stand | null = null;
    let least = Number.POSITIVE_INFINITY;
    for (const stand of this.all) {
      if (first !== null && stand.priority < first.priority) break;
      const sequence = stand.isOpen ? sequenceOf(stand) : Number.POSITIVE_INFINITY;
      if (sequence >= least) continue;
      first = stand;
      least = sequence;
    }
    return first;
  }
}

const oldestOf = (stand: Stand): number => stand.oldestSequence;
const oldestFreeOf = (stand: Stand): number => stand.free.headSequence;
