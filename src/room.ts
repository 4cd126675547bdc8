// Whether the store can take more. Thresholds come in pairs, so that intake does not flutter at a limit: it is held at
// the limit, and goes on when things are an eighth better.

import { KeylaneError } from './errors.js';
import type { StoreGauges } from './store/messages.js';

export interface StoreLimits {
  readonly backlogMax: number;
  readonly storeBytesMax: number;
  readonly freeBytesMin: number;
}

type Reason = 'backlog' | 'store-bytes' | 'free-bytes';

export class StoreRoom {
  readonly #limits: StoreLimits;
  readonly #onWarning: (error: KeylaneError) => void;
  readonly #held = new Set<Reason>();

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
    return this.#held.has('store-bytes') || this.#held.has('free-bytes');
  }

  /** Takes in how things are now. */
  look(at: { backlog: number; gauges: StoreGauges | null }): void {
    const { backlogMax, storeBytesMax, freeBytesMin } = this.#limits;
    this.#weigh('backlog', { isOver: at.backlog >= backlogMax, isWell: at.backlog <= backlogMax * (7 / 8) });
    const { gauges } = at;
    if (gauges === null) return;
    const { storeBytes, freeBytes } = gauges;
    this.#weigh('store-bytes', { isOver: storeBytes >= storeBytesMax, isWell: storeBytes <= storeBytesMax * (7 / 8) });
    this.#weigh('free-bytes', { isOver: freeBytes < freeBytesMin, isWell: freeBytes >= freeBytesMin * (9 / 8) });
  }

  #weigh(reason: Reason, how: { isOver: boolean; isWell: boolean }): void {
    if (how.isWell) this.#held.delete(reason);
    if (!how.isOver || this.#held.has(reason)) return;
    this.#held.add(reason);
    if (reason !== 'backlog') this.#onWarning(new KeylaneError('store-full', this.#tell(reason)));
  }

  #tell(reason: 'store-bytes' | 'free-bytes'): string {
    const { storeBytesMax, freeBytesMin } = this.#limits;
    return reason === 'store-bytes'
      ? `the store has reached storeBytesMax (${storeBytesMax} bytes): nothing new is taken in until rows are pruned`
      : `less than freeBytesMin (${freeBytesMin} bytes) is free beside the store: nothing is taken in until more is`;
  }
}
