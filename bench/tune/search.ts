// Looks for the fastest setting along one option after another, the others held as they are. It takes another value only
// where that is faster by more than the runs of one setting lie apart, and in the end only where the whole is faster
// than the start by that. It knows neither processes nor handlers; time is what it is told.

import { type Change, changeOf } from '../compare.js';
import type { Sample } from '../report.js';
import { sampleOf } from '../sample.js';
import { type Axis, axes, type Setting } from './setting.js';

export interface SearchParts {
  /** Events per second, measured once. */
  measure(setting: Setting): Promise<number>;
  /** Of the time there is, the share that is over. */
  spent(): number;
  readonly start: Setting;
  /** Options without any are not swept. */
  readonly candidates: Readonly<Record<Axis, readonly number[]>>;
}

export interface Tried {
  readonly setting: Setting;
  readonly eventsPerSecond: Sample;
}

export interface Step {
  readonly axis: Axis;
  /** `taken`: `to` is faster than `from`. `kept`: it is not, or not by more than noise. `late`: there was no time. */
  readonly verdict: 'taken' | 'kept' | 'late';
  readonly from: number;
  /** The fastest of the others; null where none was measured. */
  readonly to: number | null;
  readonly change: Change | null;
}

export interface Found {
  readonly tried: readonly Tried[];
  readonly steps: readonly Step[];
  readonly start: Tried;
  /** The start itself where nothing is faster. */
  readonly best: Tried;
  /** From the start to the fastest that was found, measured side by side at the end; null where that is the start. */
  readonly change: Change | null;
}

/** Of the time there is, the share at which the sweep of an option must be over; the rest is for the last comparison. */
const endOf: Readonly<Record<Axis, number>> = {
  threads: 0.35,
  batchTargetMs: 0.6,
  groupWaitMs: 0.75,
  groupSizeMax: 0.85,
};
/** Fewer say nothing of the noise. */
const runsMin = 2;
const runsMax = 3;
const lastRunsMax = 5;
/** After one run each, what is below this share of the fastest is out of the question. */
const hopelessShare = 0.8;
/** So few runs may lie closer together than the machine is steady: less than this is noise in any case. */
const noiseMin = 0.03;

export async function search(parts: SearchParts): Promise<Found> {
  const runs = new Runs(parts);
  const steps: Step[] = [];
  let current = parts.start;
  for (const axis of axes) {
    const values = parts.candidates[axis];
    if (values.length === 0) continue;
    const step = await sweep(runs, { axis, values, current, end: endOf[axis] });
    steps.push(step);
    if (step.verdict === 'taken' && step.to !== null) current = { ...current, [axis]: step.to };
  }
  const isStart = runs.of(current) === runs.of(parts.start);
  const until = runs.of(current).length + lastRunsMax;
  if (!isStart) await runs.rounds([parts.start, current], { end: 1, until: Math.max(runsMin, until) });
  else if (runs.of(current).length === 0) await runs.rounds([current], { end: 0, until: 1 });
  const start = runs.tried(parts.start);
  const change = isStart ? null : judged(start.eventsPerSecond, runs.tried(current).eventsPerSecond);
  const best = change?.verdict === 'faster' ? runs.tried(current) : start;
  return { tried: runs.all(), steps, start, best, change };
}

function judged(before: Sample, after: Sample): Change {
  const change = changeOf(before, after);
  const noise = Math.max(noiseMin, change.noise);
  const isNoise = change.verdict !== 'not judged' && Math.abs(change.change) <= noise;
  return { ...change, noise, verdict: isNoise ? 'within noise' : change.verdict };
}

async function sweep(
  runs: Runs,
  { axis, values, current, end }: { axis: Axis; values: readonly number[]; current: Setting; end: number },
): Promise<Step> {
  const from = current[axis];
  const others = values.filter((value) => value !== from).map((value) => ({ ...current, [axis]: value }));
  const late: Step = { axis, verdict: 'late', from, to: null, change: null };
  if (others.length === 0) return { ...late, verdict: 'kept' };
  if (!(await runs.rounds([current, ...others], { end, until: 1 }))) return late;
  const fastest = Math.max(...[current, ...others].map((setting) => runs.median(setting)));
  const hopeful = others.filter((setting) => runs.median(setting) >= hopelessShare * fastest);
  // The second run of each is had in any case, as without it nothing can be said.
  await runs.rounds([current, ...hopeful], { end: 1, until: runsMin });
  await runs.rounds([current, ...hopeful], { end, until: runsMax });
  const [best] = [...others].sort((a, b) => runs.median(b) - runs.median(a)) as [Setting];
  const change = judged(runs.tried(current).eventsPerSecond, runs.tried(best).eventsPerSecond);
  return { axis, verdict: change.verdict === 'faster' ? 'taken' : 'kept', from, to: best[axis], change };
}

/** All that was measured, by setting. */
class Runs {
  readonly #parts: SearchParts;
  readonly #rates = new Map<string, { setting: Setting; rates: number[] }>();

  constructor(parts: SearchParts) {
    this.#parts = parts;
  }

  /**
   * Measures each of the settings in turns until all have `until` runs; false where time came to its end before. In the
   * middle of a round it goes on, so that all have the same chances.
   */
  async rounds(settings: readonly Setting[], { end, until }: { end: number; until: number }): Promise<boolean> {
    for (;;) {
      const open = settings.filter((setting) => this.of(setting).length < until);
      if (open.length === 0) return true;
      if (this.#parts.spent() >= end && end > 0) return false;
      const fewest = Math.min(...open.map((setting) => this.of(setting).length));
      for (const setting of open.filter((one) => this.of(one).length === fewest)) {
        this.of(setting).push(await this.#parts.measure(setting));
        if (this.#parts.spent() >= 1) break;
      }
    }
  }

  of(setting: Setting): number[] {
    const name = JSON.stringify(axes.map((axis) => setting[axis]));
    const found = this.#rates.get(name) ?? { setting, rates: [] };
    this.#rates.set(name, found);
    return found.rates;
  }

  median(setting: Setting): number {
    const rates = this.of(setting);
    return rates.length === 0 ? 0 : sampleOf(rates).median;
  }

  tried(setting: Setting): Tried {
    return { setting, eventsPerSecond: sampleOf(this.of(setting)) };
  }

  all(): Tried[] {
    return [...this.#rates.values()]
      .filter(({ rates }) => rates.length > 0)
      .map(({ setting, rates }) => ({ setting, eventsPerSecond: sampleOf(rates) }));
  }
}
