// Pages of lanes that are under way, each of another lane: how much of the ring they will need, and how each lane was
// when its page was asked for.

import type { AwayLane } from './away-lane.js';
import type { LanePageRequest } from './store/messages.js';

/** A page that is under way, and how its lane was when it was asked for. */
type Asked = { readonly away: AwayLane } & Readonly<Pick<AwayLane, 'barrier' | 'turn'>>;

/** The most pages under way. */
export const pagesMax = 32;

export class AskedPages {
  readonly #asked = new Map<LanePageRequest, Asked>();
  #reserved = 0;

  get count(): number {
    return this.#asked.size;
  }

  /** Room in the ring that they will need. */
  get reserved(): number {
    return this.#reserved;
  }

  /** The same of those of one handler. */
  reservedOf(group: number): number {
    let reserved = 0;
    for (const [{ countMax }, { away }] of this.#asked) if (away.group === group) reserved += countMax;
    return reserved;
  }

  add(request: LanePageRequest, away: AwayLane): void {
    this.#asked.set(request, { away, barrier: away.barrier, turn: away.turn });
    this.#reserved += request.countMax;
  }

  /** Takes out one that has come; undefined when it was not asked for. */
  take(request: LanePageRequest): Asked | undefined {
    const asked = this.#asked.get(request);
    if (this.#asked.delete(request)) this.#reserved -= request.countMax;
    return asked;
  }
}
