// What `keylane tune` found, for programs and for people.

import { flagsText } from '../../src/cli/tuning-flags.js';
import { changeText, percentText } from '../render/figure-text.js';
import { checkedLines, failureSentence, inputLine } from '../render/own-text.js';
import { tableOf } from '../render/table.js';
import { machineLine } from '../render/tables.js';
import { textTable, wrapped } from '../render/text-table.js';
import type { Machine, OwnSummary, Sample, Subject } from '../report.js';
import type { Busy } from './limits.js';
import type { Step } from './search.js';
import { axes, type Setting, settingText } from './setting.js';

export interface TriedSetting {
  readonly setting: Setting;
  readonly eventsPerSecond: Sample;
  /** Null where it is not known. */
  readonly busy: Busy | null;
}

/** One JSON object. `version` counts up when a field changes its meaning or goes away. */
export interface TuneReport {
  readonly version: 1;
  readonly startedAt: string;
  readonly command: string;
  readonly machine: Machine;
  readonly subject: Subject;
  readonly own: OwnSummary;
  readonly seconds: number;
  readonly tried: readonly TriedSetting[];
  readonly steps: readonly Step[];
  readonly start: TriedSetting;
  readonly best: TriedSetting;
  /** Whether nothing is faster than the start by more than noise. */
  readonly isStartKept: boolean;
  /** From the start to the best, and the noise it is held against; null where the start was the fastest. */
  readonly change: number | null;
  readonly noise: number;
  /** Of the best: over what plain processes do with as many threads, and cores. */
  readonly efficiency: number | null;
  /** What keeps the best from being faster. */
  readonly limits: readonly string[];
  /** Options that differ from the start. */
  readonly options: Partial<Setting>;
  /** The same as flags of `keylane run`. */
  readonly flags: string;
  readonly wrong: readonly string[];
}

/** What differs from the start, as options and as flags. */
export function toPaste(best: Setting, start: Setting): Pick<TuneReport, 'options' | 'flags'> {
  const options = Object.fromEntries(
    axes.filter((axis) => best[axis] !== start[axis]).map((axis) => [axis, best[axis]]),
  ) as Partial<Setting>;
  return { options, flags: flagsText(options) };
}

export function tuneText(report: TuneReport, width = 110): string {
  const paragraph = (text: string): string[] => wrapped(text, { width });
  const lines = [
    ...[machineLine(report.machine), inputLine(report.own)].flatMap(paragraph),
    '',
    ...triedTable(report, width),
    '',
    ...[...report.steps.map(stepSentence), '', verdictSentence(report)].flatMap(paragraph),
    ...report.limits.flatMap((limit) => wrapped(limit, { width: width - 2 }).map((line) => `  ${line}`)),
    '',
    ...pasteLines(report),
    '',
    ...failureLines(report).flatMap(paragraph),
    ...(report.wrong.length > 0
      ? report.wrong.map((what) => `WRONG: ${what}`)
      : checkedLines({ own: report.own, cells: [] })
    ).flatMap(paragraph),
  ];
  return `${lines.join('\n')}\n`;
}

function triedTable({ tried, best }: TuneReport, width: number): string[] {
  const busy = (of: keyof Busy) => (one: TriedSetting) => percentText(one.busy?.[of] ?? null);
  const mark = (one: TriedSetting): string => (isSame(one.setting, best.setting) ? 'best' : '');
  const table = tableOf(tried, [
    ...axes.map((axis) => ({ title: axis, of: (one: TriedSetting) => one.setting[axis].toLocaleString('en-US') })),
    { title: 'events/s', of: ({ eventsPerSecond }) => Math.round(eventsPerSecond.median).toLocaleString('en-US') },
    { title: 'runs', of: ({ eventsPerSecond }) => String(eventsPerSecond.runs.length) },
    { title: 'spread', of: ({ eventsPerSecond: { runs, spread } }) => percentText(runs.length < 2 ? null : spread) },
    { title: 'main', of: busy('main') },
    { title: 'handlers', of: busy('handlers') },
    { title: 'writer', of: busy('writer') },
    { title: '', of: mark, isWord: true },
  ]);
  return textTable(table, width);
}

function stepSentence({ axis, verdict, from, to, change }: Step): string {
  const value = (number: number): string => number.toLocaleString('en-US');
  const by = change === null ? '' : `${changeText(change.change)}, noise ${percentText(change.noise)}`;
  switch (verdict) {
    case 'taken':
      return `${axis}: ${value(to ?? from)} is faster than ${value(from)} (${by}).`;
    case 'kept':
      if (to === null) return `${axis}: ${value(from)}, as there is nothing else to try.`;
      return `${axis}: ${value(from)} is kept; the fastest other, ${value(to)}, is not faster by more than noise (${by}).`;
    case 'late':
      return `${axis}: ${value(from)}, not swept, as there was no time left; a longer --seconds takes it in.`;
  }
}

function verdictSentence({ best, start, isStartKept, change, noise, efficiency }: TuneReport): string {
  const rate = `${Math.round(best.eventsPerSecond.median).toLocaleString('en-US')} events/s`;
  const ideal = efficiency === null ? '' : `, ${percentText(efficiency)} of what plain processes compute`;
  if (isStartKept) {
    const found = change === null ? '' : `; what seemed faster is so by ${changeText(change)}`;
    return `Keep the defaults (${rate}${ideal}): no other setting is faster by more than noise (${percentText(noise)})${found}.`;
  }
  const before = Math.round(start.eventsPerSecond.median).toLocaleString('en-US');
  const than = `${changeText(change ?? 0)} on the defaults' ${before}, noise ${percentText(noise)}`;
  return `Best: ${settingText(toPaste(best.setting, start.setting).options)}: ${rate} (${than})${ideal}.`;
}

function pasteLines({ options, flags }: TuneReport): string[] {
  if (flags === '') return ['Nothing is to be pasted: leave the options out.'];
  const literal = Object.entries(options).map(([name, value]) => `${name}: ${value}`);
  return [`createProcessor({ …, ${literal.join(', ')} })`, `keylane run … ${flags}`];
}

function failureLines({ own }: TuneReport): string[] {
  return [...own.failures.map(failureSentence), ...own.warnings.map((warning) => `Warning: ${warning}`)];
}

function isSame(one: Setting, other: Setting): boolean {
  return axes.every((axis) => one[axis] === other[axis]);
}
