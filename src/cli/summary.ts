// What a run came to, for people and for programs.

import { printable } from '../errors.js';
import type { ExitCode } from './exit-code.js';
import { countOf, countText, durationText, rateText } from './figures.js';

/** A dead-lettered event, as far as the summary shows it. */
export interface DeadLetterExample {
  readonly position: number;
  readonly key: string | null;
  readonly error: string;
}

/** What a run came to. */
export interface RunReport {
  readonly input: string;
  readonly store: string;
  /** `completed`: the whole input has its outcomes. `interrupted`: a signal cut it short. `failed`: `error` did. */
  readonly status: 'completed' | 'interrupted' | 'failed';
  readonly exitCode: ExitCode;
  /** Counts of this run; earlier runs on the same store are not in them. */
  readonly accepted: number;
  /** Published events that an earlier user of the store had left, and that ran first. */
  readonly recovered: number;
  readonly succeeded: number;
  readonly deadLettered: number;
  /** By a newer event of their key. */
  readonly superseded: number;
  readonly duplicatesIgnored: number;
  /** Bad records that were left out. */
  readonly recordsSkipped: number;
  /** Records that lack the field which was to give their key: they ran without order. */
  readonly recordsWithoutKey: number;
  /** The position from which on this run read, where an earlier one had come further than the start. */
  readonly resumedAt: number | null;
  readonly durationMs: number;
  readonly threads: number;
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** One JSON object on one line. `version` counts up when a field changes its meaning or goes away. */
export function jsonSummary(report: RunReport, keylane: string): string {
  const durationMs = Math.round(report.durationMs);
  return `${JSON.stringify({ version: 1, keylane, ...report, durationMs, eventsPerSecond: rateOf(report) })}\n`;
}

/** A few lines for people. */
export function textSummary(report: RunReport, examples: readonly DeadLetterExample[]): string {
  const { succeeded, deadLettered, superseded, recordsSkipped, recordsWithoutKey, resumedAt, recovered } = report;
  const done = succeeded + deadLettered + superseded;
  const store = printable(report.store);
  const lines: string[] = [];
  if (resumedAt !== null) {
    lines.push(`Went on at position ${resumedAt}: what lies before has its outcomes from an earlier run.`);
  }
  if (recovered > 0) {
    lines.push(`${countOf(recovered, 'published event')} of an earlier user of the store came first.`);
  }
  if (done === 0) {
    lines.push('0 events: there was nothing to do.');
  } else {
    const more = superseded === 0 ? '' : `, ${countText(superseded)} superseded`;
    const verdicts = `${countText(succeeded)} succeeded, ${countText(deadLettered)} dead-lettered${more}`;
    const pace = `${rateText(rateOf(report))}, ${countOf(report.threads, 'thread')}`;
    const took = `in ${durationText(report.durationMs)} (${pace})`;
    lines.push(`${countOf(done, 'event')} ${took}: ${verdicts}.`);
  }
  if (recordsWithoutKey > 0) {
    lines.push(`${countOf(recordsWithoutKey, 'record')} had no key where --key-field looks, and ran without order.`);
  }
  if (recordsSkipped > 0) lines.push(`${countOf(recordsSkipped, 'bad record')} left out.`);
  for (const { position, key, error } of examples) {
    const where = key === null ? `position ${position}` : `position ${position}, key ${printable(JSON.stringify(key))}`;
    lines.push(`  dead letter at ${where}: ${printable(error)}`);
  }
  if (deadLettered > examples.length) {
    lines.push(`  all of them: keylane dead-letters list --store ${quoted(store)}`);
  }
  lines.push(`Outcomes: ${store}`);
  return `${lines.join('\n')}\n`;
}

/** As a shell takes it: names may hold spaces, and more. */
export function quoted(path: string): string {
  return /^[\w./:-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

function rateOf({ succeeded, deadLettered, superseded, durationMs }: RunReport): number {
  return Math.round((10_000 * (succeeded + deadLettered + superseded)) / Math.max(1, durationMs)) / 10;
}
