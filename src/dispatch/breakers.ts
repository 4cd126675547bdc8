// The circuit breakers of all handlers, and the lanes that they hold back.

import { handlerResult } from '../handler.js';
import { Breaker, type BreakerLimits, type BreakerState } from './breaker.js';
import type { Lane } from './lane.js';
import type { Lanes } from './lanes.js';
import type { Slot } from './ring-buffer.js';

/** A breaker that has changed. */
export interface BreakerNews {
  readonly handler: number;
  readonly state: BreakerState;
}

export interface BreakerNow {
  readonly state: BreakerState;
  /** When one event may show whether the handler is well; null unless it is open. */
  readonly probeMs: number | null;
}

export class Breakers {
  readonly #lanes: Lanes;
  /** By handler. */
  readonly #breakers: Breaker[] = [];
  readonly #limits: BreakerLimits;
  /** Tries and failures of the batch that is being settled, by handler. */
  #tries = new Int32Array(0);
  #failed = new Int32Array(0);
  #news: BreakerNews[] = [];

  constructor(lanes: Lanes, of: { handlerCount: number; limits: BreakerLimits }) {
    this.#lanes = lanes;
    this.#limits = of.limits;
    for (let handler = 0; handler < of.handlerCount; handler += 1) this.addHandler();
  }

  addHandler(): void {
    this.#breakers.push(new Breaker(this.#limits));
    this.#tries = new Int32Array(this.#breakers.length);
    this.#failed = new Int32Array(this.#breakers.length);
  }

  stateOf(handler: number): BreakerState {
    return this.#breakers[handler]!.state;
  }

  of(handler: number): BreakerNow {
    const { state, untilMs } = this.#breakers[handler]!;
    return { state, probeMs: state === 'open' ? untilMs : null };
  }

  /** When the first open breaker may be probed; infinity when none is open, or nothing waits for it. */
  get nextProbeMs(): number {
    let next = Number.POSITIVE_INFINITY;
    for (let handler = 0; handler < this.#breakers.length; handler += 1) {
      const { state, untilMs } = this.#breakers[handler]!;
      if (state === 'open' && this.#lanes.oldestGated(handler) !== null) next = Math.min(next, untilMs);
    }
    return next;
  }

  /** When a lane that waits for a paused handler is worth a look again. */
  lookAgainMs(handler: number, nowMs: number): number {
    const { state, untilMs } = this.#breakers[handler]!;
    return state === 'open' && untilMs > nowMs ? untilMs : nowMs + this.#limits.pauseMs;
  }

  /** The lane whose head shows now whether its handler is well, or null. A suspect does only while nothing runs. */
  laneToProbe(nowMs: number, isIdle: boolean): Lane | null {
    for (let handler = 0; handler < this.#breakers.length; handler += 1) {
      const { state, untilMs } = this.#breakers[handler]!;
      if (state !== 'open' || untilMs > nowMs) continue;
      const lane = this.#lanes.gatedToTry(handler);
      if (lane !== null && (isIdle || lane.head!.deaths === null)) return lane;
    }
    return null;
  }

  /** An event of the handler is tried. */
  probe(handler: number): void {
    this.#breakers[handler]!.probe();
    this.#news.push({ handler, state: 'probing' });
  }

  /** Takes in what came of a batch. */
  record(slots: readonly Slot[], came: { results: Uint8Array; probed: number | null; nowMs: number }): void {
    this.#tries.fill(0);
    this.#failed.fill(0);
    for (let index = 0; index < slots.length; index += 1) {
      const { handler } = slots[index]!;
      const result = came.results[index];
      if (result === handlerResult.succeeded) this.#tries[handler]! += 1;
      if (result !== handlerResult.failed && result !== handlerResult.retrying) continue;
      this.#tries[handler]! += 1;
      this.#failed[handler]! += 1;
    }
    for (let handler = 0; handler < this.#breakers.length; handler += 1) this.#recordOf(handler, came);
  }

  /** The breakers that have changed since the last call. */
  takeNews(): BreakerNews[] {
    return this.#news.length === 0 ? this.#news : this.#news.splice(0);
  }

  #recordOf(handler: number, { probed, nowMs }: { probed: number | null; nowMs: number }): void {
    const breaker = this.#breakers[handler]!;
    const { state } = breaker;
    // Only the event that was sent out to show it says whether the handler is well; others were on their way before.
    if (state === 'probing' && probed !== handler) return;
    const [tries, failed] = [this.#tries[handler]!, this.#failed[handler]!];
    if (state === 'probing' && tries === 0) breaker.unprobe();
    else breaker.record({ tries, failed }, nowMs);
    if (breaker.state === state) return;
    this.#news.push({ handler, state: breaker.state });
    if (breaker.state === 'closed') this.#lanes.open(handler);
    else this.#lanes.shut(handler);
  }
}
