// Whether the store can take more. Thresholds come in pairs, so that intake does not flutter at a limit: it is held at
// the limit, and goes on when things are an eighth better.

import { KeylaneError } from './errors.js';
import type { StoreGauges } from './store/messages.js';

export interface StoreLimits {
  readonly backlogMax: number;
  readonly storeBytesMax: number;
  readonly freeBytesMin: number;
}

/** A limit that is reached while the store is short of room: nothing new comes in then. */
export type RoomLimit = 'storeBytesMax' | 'freeBytesMin';

export class StoreRoom {
  readonly #limits: StoreLimits;
  readonly #onWarning: (error: KeylaneError) => void;
  readonly #held = new Set<keyof StoreLimits>();

  constructor(limits: StoreLimits, onWarning: (error: KeylaneError) => void) {
    this.#limits = limits;
    this.#onWarning = onWarning;
  }

  /** Whether publishers must wait. */
  get isFull(): boolean {
    return this.#held.size > 0;
  }

  /** Whether nothing new should come at all, as outcomes need what room is left. */
  get isShort(): boolean {
    return this.#held.has('storeBytesMax') || this.#held.has('freeBytesMin');
  }

  /** Why it is short. */
  get shortBy(): readonly RoomLimit[] {
    return [...this.#held].filter((limit) => limit !== 'backlogMax');
  }

  /** Takes in how things are now. */
  look(at: { backlog: number; gauges: StoreGauges | null }): void {
    const { backlogMax, storeBytesMax, freeBytesMin } = this.#limits;
    this.#weigh('backlogMax', { isOver: at.backlog >= backlogMax, isWell: at.backlog <= backlogMax * (7 / 8) });
    const { gauges } = at;
    if (gauges === null) return;
    const { storeBytes, freeBytes } = gauges;
    this.#weigh('storeBytesMax', {
      isOver: storeBytes >= storeBytesMax,
      isWell: storeBytes <= storeBytesMax * (7 / 8),
    });
    this.#weigh('freeBytesMin', { isOver: freeBytes < freeBytesMin, isWell: freeBytes >= freeBytesMin * (9 / 8) });
  }

  #weigh(limit: keyof StoreLimits, how: { isOver: boolean; isWell: boolean }): void {
    if (how.isWell) this.#held.delete(limit);
    if (!how.isOver || this.#held.has(limit)) return;
    this.#held.add(limit);
    if (limit !== 'backlogMax') this.#onWarning(new KeylaneError('store-full', this.#tell(limit)));
  }

  #tell(limit: RoomLimit): string {
    const { storeBytesMax, freeBytesMin } = this.#limits;
    return limit === 'storeBytesMax'
      ? `the store has reached storeBytesMax (${storeBytesMax} bytes): nothing new is taken in until rows are pruned`
      : `less than freeBytesMin (${freeBytesMin} bytes) is free beside the store: nothing is taken in until more is`;
  }
}
