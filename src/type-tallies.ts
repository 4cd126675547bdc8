// What came of events, by their type, since the start. Most events of a batch have the type of the one before, which
// then costs one comparison.

import type { Slot } from './dispatch/ring-buffer.js';
import { handlerResult } from './handler.js';
import type { BatchReport } from './pool/messages.js';
import { Rate } from './rate.js';

/** What came of the events of one type, once for each handler; `eventsPerSecond` of late. */
export interface TypeFigures {
  readonly succeeded: number;
  readonly failed: number;
  readonly retried: number;
  readonly busyMs: number;
  readonly eventsPerSecond: number;
}

/** Types that are told apart; what comes after as many is counted together, as `(others)`. */
const typesMax = 1000;
const others = '(others)';

interface Tally {
  succeeded: number;
  failed: number;
  retried: number;
  busyUs: number;
  readonly rate: Rate;
}

export class TypeTallies {
  readonly #tallies = new Map<string, Tally>();
  readonly #startMs: number;

  constructor(nowMs: number) {
    this.#startMs = nowMs;
  }

  add(slots: readonly Slot[], of: Pick<BatchReport, 'results' | 'durationsUs'> & { readonly nowMs: number }): void {
    let type: string | null = null;
    let tally: Tally | null = null;
    let decided = 0;
    for (let index = 0; index < slots.length; index += 1) {
      const result = of.results[index]!;
      if (result === handlerResult.skipped || result === handlerResult.doubted) continue;
      const own = slots[index]!.event!.type;
      if (own !== type || tally === null) {
        if (decided > 0) tally?.rate.add(decided, of.nowMs);
        decided = 0;
        type = own;
        tally = this.#of(own);
      }
      tally.busyUs += of.durationsUs[index]!;
      if (result === handlerResult.succeeded) tally.succeeded += 1;
      else if (result === handlerResult.failed) tally.failed += 1;
      else if (result === handlerResult.retrying) tally.retried += 1;
      if (result !== handlerResult.retrying && result !== handlerResult.postponed) decided += 1;
    }
    if (decided > 0) tally?.rate.add(decided, of.nowMs);
  }

  figures(nowMs: number): Record<string, TypeFigures> {
    return Object.fromEntries(
      [...this.#tallies].map(([type, { rate, busyUs, ...counts }]) => {
        return [type, { ...counts, busyMs: busyUs / 1000, eventsPerSecond: rate.perSecond(nowMs) }];
      }),
    );
  }

  #of(type: string): Tally {
    const known = this.#tallies.get(type);
    if (known !== undefined) return known;
    if (this.#tallies.size >= typesMax && type !== others) return this.#of(others);
    const tally = { succeeded: 0, failed: 0, retried: 0, busyUs: 0, rate: new Rate(this.#startMs) };
    this.#tallies.set(type, tally);
    return tally;
  }
}
