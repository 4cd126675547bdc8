// What all lanes come to, for whoever decides how many events leave together, and for whoever asks. Lanes is its only
// user: it writes what this reads.

import type { LaneMap } from './lane-map.js';
import type { Stands } from './stands.js';
import type { StuckLanes } from './stuck-lanes.js';

export class LaneFigures {
  readonly #map: LaneMap;
  readonly #stands: Stands;
  readonly #stuck: StuckLanes;

  protected constructor(of: { map: LaneMap; stands: Stands; stuck: StuckLanes }) {
    [this.#map, this.#stands, this.#stuck] = [of.map, of.stands, of.stuck];
  }

  /** Lanes with events waiting or in flight; free lanes do not count. */
  get live(): number {
    return this.#map.live;
  }

  /** Lanes that could give a run now; free lanes do not count. */
  get ready(): number {
    return this.#stands.ready;
  }

  /** Events that wait in lanes that could give a run now, free lanes included. */
  get runnable(): number {
    return this.#stands.runnable;
  }

  /** Events that wait in delayed lanes. */
  get delayedEvents(): number {
    return this.#stuck.delayedEvents;
  }

  /** What waits in lanes that are delayed or gated: how many events, and their size. */
  get stuck(): { readonly events: number; readonly bytes: number } {
    return this.#stuck;
  }

  /** When the first delayed lane is due; infinity when there is none. */
  get nextDueMs(): number {
    return this.#stuck.nextDueMs;
  }
}
