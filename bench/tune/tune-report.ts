// What `keylane tune` found, for programs and for people.

import { flagsText, type Tuning } from '../../src/cli/tuning-flags.js';
import { optionTable } from '../../src/options.js';
import { changeText, percentText } from '../render/figure-text.js';
import { checkedLines, failureSentence, inputLine, plainNotes } from '../render/own-text.js';
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
  /** Whether the start was the defaults; else some options were given. */
  readonly isStartDefault: boolean;
  /** Options that differ from the defaults, those that were given among them. */
  readonly options: Tuning;
  /** The same as flags of `keylane run`. */
  readonly flags: string;
  readonly wrong: readonly string[];
}

/** What differs from the defaults, as options and as flags. */
export function toPaste(best: Setting, given: Tuning): Pick<TuneReport, 'options' | 'flags'> {
  const found = axes.filter((axis) => best[axis] !== optionTable[axis].default).map((axis) => [axis, best[axis]]);
  const options: Tuning = { ...given, ...Object.fromEntries(found) };
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

function verdictSentence(report: TuneReport): string {
  const { best, start, isStartKept, isStartDefault, change, noise, efficiency } = report;
  const first = isStartDefault ? 'the defaults' : 'what it began with';
  const rate = `${Math.round(best.eventsPerSecond.median).toLocaleString('en-US')} events/s`;
  const ideal = efficiency === null ? '' : `, ${percentText(efficiency)} of what plain processes compute`;
  if (isStartKept) {
    const found = change === null ? '' : `; what seemed faster is so by ${changeText(change)}`;
    return `Keep ${first} (${rate}${ideal}): no other setting is faster by more than noise (${percentText(noise)})${found}.`;
  }
  const before = Math.round(start.eventsPerSecond.median).toLocaleString('en-US');
  const than = `${changeText(change ?? 0)} on the ${before} of ${first}, noise ${percentText(noise)}`;
  return `Best: ${settingText(changed(best.setting, start.setting))}: ${rate} (${than})${ideal}.`;
}

function pasteLines({ options, flags }: TuneReport): string[] {
  if (flags === '') return ['Nothing is to be pasted: leave the options out.'];
  const literal = Object.entries(options).map(
    ([name, value]) => `${name}: ${typeof value === 'string' ? `'${value}'` : value}`,
  );
  return [`createProcessor({ …, ${literal.join(', ')} })`, `keylane run … ${flags}`];
}

function failureLines({ own }: TuneReport): string[] {
  return [
    ...plainNotes(own),
    ...own.failures.map(failureSentence),
    ...own.warnings.map((warning) => `Warning: ${warning}`),
  ];
}

function changed(best: Setting, start: Setting): Partial<Setting> {
  return Object.fromEntries(axes.filter((axis) => best[axis] !== start[axis]).map((axis) => [axis, best[axis]]));
}

function isSame(one: Setting, other: Setting): boolean {
  return axes.every((axis) => one[axis] === other[axis]);
}
