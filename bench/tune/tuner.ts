// Measures settings of the user's own handlers within the time there is, and says which is best and what limits it.

import type { Tuning } from '../../src/cli/tuning-flags.js';
import { optionTable } from '../../src/options.js';
import { cores } from '../machine.js';
import type { OwnCellRun } from '../own/own-cell.js';
import type { OwnEvents } from '../own/own-events.js';
import { type Hashed, loopsText, type OwnLab } from '../own/own-lab.js';
import { eventsFor, eventsPerThread, warmingFor } from '../own/own-sizes.js';
import { keepsState, type OwnSubject } from '../own/own-subject.js';
import { ownSummary, type RunGroup, wrongOf } from '../own/own-summary.js';
import type { PlainRun } from '../own/plain-loop.js';
import { ResultsCheck } from '../own/results-check.js';
import { median } from '../sample.js';
import { type Busy, idleShareMax, limitsOf } from './limits.js';
import { search, type Tried } from './search.js';
import { type Axis, axes, candidates, type Setting, settingText, threadCandidates } from './setting.js';
import { type TriedSetting, type TuneReport, toPaste } from './tune-report.js';

export interface TunePlan {
  readonly seconds: number;
  /** To be tried; null: as many as make sense. */
  readonly threads: readonly number[] | null;
  /** Options that the user has decided on. */
  readonly given: Tuning;
  /** Of the machine, before anything is measured. */
  readonly load: number;
}

export type Tuned = Omit<TuneReport, 'version' | 'startedAt' | 'command' | 'machine' | 'subject'>;

interface Measured {
  readonly setting: Setting;
  readonly events: number;
  readonly runs: OwnCellRun[];
}

/** So many measurements, and what they take besides, fit into the time there is. */
const measurements = 80;
const secondsLeast = 0.1;
const secondsMost = 2;

/** On the clock of one measurement, for each thread. */
export function measurementSeconds(seconds: number): number {
  return Math.min(secondsMost, Math.max(secondsLeast, seconds / measurements));
}

export class Tuner {
  readonly #lab: OwnLab;
  readonly #subject: OwnSubject;
  readonly #events: OwnEvents;
  readonly #plan: TunePlan;
  readonly #check: ResultsCheck;
  readonly #measured = new Map<string, Measured>();
  readonly #startMs = performance.now();
  #perThread = 0;
  /** Whether handlers await so much that threads without a core of their own have something to do. */
  #isWaiting = false;

  constructor(lab: OwnLab, of: { subject: OwnSubject; events: OwnEvents; plan: TunePlan }) {
    this.#check = new ResultsCheck({ keepsState: keepsState(of.subject) });
    this.#lab = lab;
    this.#subject = of.subject;
    this.#events = of.events;
    this.#plan = of.plan;
  }

  async tune(): Promise<Tuned> {
    const { seconds, given, threads } = this.#plan;
    const each = measurementSeconds(seconds);
    const calibrated = await this.#lab.calibrate(Math.max(0.2, each));
    this.#check.addPlain(calibrated.hashes, calibrated.firstError);
    this.#perThread = eventsPerThread({ rate: calibrated.eventsPerSecond, seconds: each });
    const { idleShare } = calibrated;
    this.#isWaiting = idleShare > idleShareMax;
    const tried = {
      ...Object.fromEntries(
        axes.map((axis) => [axis, given[axis] !== undefined || axis === 'threads' ? [] : candidates[axis]]),
      ),
      threads: threads ?? threadCandidates({ cores, idleShare }),
    } as Record<Axis, readonly number[]>;
    const start: Setting = {
      ...(Object.fromEntries(
        axes.map((axis) => [axis, given[axis] ?? optionTable[axis].default]),
      ) as unknown as Setting),
      ...(threads !== null && !threads.includes(optionTable.threads.default) && { threads: threads[0]! }),
    };
    // Whatever a setting gives is held against this; the loops at the end are the second opinion.
    await this.#ideal(cores);
    const found = await search({
      ...{ start, candidates: tried, spent: () => this.#spent() },
      measure: (setting) => this.#measure(setting),
    });
    return this.#tuned({ found, calibrated });
  }

  async #tuned(of: { found: Awaited<ReturnType<typeof search>>; calibrated: Hashed<PlainRun> }): Promise<Tuned> {
    const { found, calibrated } = of;
    const { order = 'key', durability = 'power' } = this.#subject.tuning;
    const best = this.#withBusy(found.best);
    const ideal = await this.#ideal(best.setting.threads);
    const groups = this.#groups();
    return {
      own: ownSummary({ subject: this.#subject, events: this.#events, check: this.#check, calibrated, groups }),
      seconds: this.#plan.seconds,
      tried: found.tried.map((tried) => this.#withBusy(tried)),
      steps: found.steps,
      start: this.#withBusy(found.start),
      best,
      isStartKept: found.best === found.start,
      change: found.change?.change ?? null,
      noise: found.change?.noise ?? found.start.eventsPerSecond.spread,
      efficiency: ideal === 0 || !this.#check.isIdealKnown ? null : best.eventsPerSecond.median / ideal,
      limits: limitsOf({
        ...{
          threads: best.setting.threads,
          cores,
          busy: best.busy,
          order,
          durability,
          idleShare: calibrated.idleShare,
          load: this.#plan.load,
        },
        hottestLane: this.#events.hottestLane,
      }),
      isStartDefault: axes.every((axis) => found.start.setting[axis] === optionTable[axis].default),
      ...toPaste(best.setting, this.#plan.given),
      wrong: [...wrongOf(groups), ...this.#check.wrong],
    };
  }

  async #measure(setting: Setting): Promise<number> {
    const atOnce = this.#isWaiting ? setting.threads : Math.min(setting.threads, cores);
    const events = eventsFor({ perThread: this.#perThread, atOnce });
    const left = Math.max(0, Math.round((1 - this.#spent()) * this.#plan.seconds));
    this.#lab.say(`${settingText(setting)}; ${left} s left`);
    const sizes = { events, warming: warmingFor(events), latencySeconds: 0 };
    const { hashes, ...run } = await this.#lab.cell({ tuning: setting, ...sizes });
    const name = settingText(setting);
    this.#check.addCell(name, hashes);
    const measured = this.#measured.get(name) ?? { setting, events, runs: [] };
    measured.runs.push(run);
    this.#measured.set(name, measured);
    return run.eventsPerSecond;
  }

  /** Of plain processes, as many as have a core. */
  async #ideal(threads: number): Promise<number> {
    const processes = Math.min(threads, cores);
    const events = eventsFor({ perThread: this.#perThread, atOnce: processes }) / processes;
    this.#lab.say(loopsText(processes));
    const run = await this.#lab.plain({ processes, events, warming: warmingFor(events), seconds: null });
    this.#check.addPlain(run.hashes, run.firstError);
    return run.eventsPerSecond;
  }

  #spent(): number {
    return (performance.now() - this.#startMs) / 1000 / this.#plan.seconds;
  }

  #withBusy({ setting, eventsPerSecond }: Tried): TriedSetting {
    const runs = this.#measured.get(settingText(setting))?.runs ?? [];
    const isKnown = runs.length > 0 && runs.every(({ isCpuKnown }) => isCpuKnown);
    return { setting, eventsPerSecond, busy: isKnown ? busyOf(runs, setting.threads) : null };
  }

  /** All settings together: what fails in one fails in all. */
  #groups(): RunGroup[] {
    const all = [...this.#measured.values()];
    const events = Math.max(0, ...all.map((measured) => measured.events));
    return [{ name: 'in one run', events, runs: all.flatMap(({ runs }) => runs) }];
  }
}

/** Medians of the runs. */
function busyOf(runs: readonly OwnCellRun[], threads: number): Busy {
  const share = (of: (run: OwnCellRun) => number, most: number): number => {
    return median(runs.map((run) => (of(run) * run.eventsPerSecond) / 1e6 / most));
  };
  return {
    main: share(({ cpuUsPerEvent: { main } }) => main, 1),
    handlers: share(({ cpuUsPerEvent: { handlers } }) => handlers, threads),
    writer: share(({ cpuUsPerEvent: { writer } }) => writer, 1),
    cores: share(({ cpuUsPerEvent: { main, handlers, writer, other } }) => main + handlers + writer + other, cores),
  };
}
