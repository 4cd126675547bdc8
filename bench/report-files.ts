// A report as files: read, checked, rendered, compared. `keylane bench` uses it for what it measured, `show.js` for what
// was stored.

import { accessSync, constants, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import { compare, failureOf } from './compare.js';
import { parseReport, ReportError } from './parse-report.js';
import { htmlPage } from './render/html.js';
import { markdownTable } from './render/markdown.js';
import { chartSvg } from './render/readme-chart.js';
import { terminalComparison, terminalTable } from './render/terminal.js';
import type { BenchReport } from './report.js';

/** Flags that are the same for every command that shows a report. */
export function addShowFlags(command: Command): void {
  command
    .option('--html <file>', 'write the report as a page that needs nothing else')
    .option('--svg <file>', 'write a drawing of it')
    .option('--markdown', 'print Markdown in place of the table')
    .option('--compare <report>', 'say what is faster and slower than in an older report, and by how much it must be')
    .option('--fail-on-regression', 'beside --compare: end with 1 where a cell is slower');
}

export interface ShowWish {
  /** Paths of the files to write. */
  readonly html?: string | undefined;
  readonly svg?: string | undefined;
  /** Markdown in place of the table. */
  readonly markdown?: boolean;
  /** Path of an older report. */
  readonly compare?: string | undefined;
  readonly failOnRegression?: boolean;
}

export function readReport(path: string): BenchReport {
  return parseReport(textOf(path), path);
}

/** Prints and writes a report, and gives the reason why the command must fail; null where there is none. */
export type Shower = (report: BenchReport, print: (text: string) => void) => string | null;

/** Checks the wish and reads the older report, before anything is measured that would be lost by it. */
export function showerOf(wish: ShowWish): Shower {
  const onRegression = wish.failOnRegression ?? false;
  if (onRegression && wish.compare === undefined) {
    throw new ReportError('--fail-on-regression must stand beside --compare OLD.json, got none: name the older report');
  }
  const { html, svg } = wish;
  if (html !== undefined) checkTarget('--html', html);
  if (svg !== undefined) checkTarget('--svg', svg);
  const older = wish.compare === undefined ? null : readReport(wish.compare);
  return (report, print) => {
    print(wish.markdown ? markdownTable(report) : terminalTable(report));
    const comparison = older === null ? null : compare(older, report);
    if (comparison !== null) print(`\n${terminalComparison(comparison)}`);
    if (html !== undefined) writeTarget('--html', html, htmlPage(report));
    if (svg !== undefined) writeTarget('--svg', svg, chartSvg(report));
    if (comparison !== null) return failureOf(comparison, { onRegression });
    return report.wrong.length === 0 ? null : `wrong results: ${report.wrong.join('; ')}`;
  };
}

/** A file that a flag names must be one that can be written. */
export function checkTarget(flag: string, path: string): void {
  try {
    const there = statSync(path, { throwIfNoEntry: false });
    if (there?.isDirectory()) throw new Error('it is a folder');
    accessSync(there === undefined ? dirname(resolve(path)) : path, constants.W_OK);
  } catch (error) {
    throw unwritable(flag, path, error);
  }
}

export function writeTarget(flag: string, path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw unwritable(flag, path, error);
  }
}

function unwritable(flag: string, path: string, error: unknown): ReportError {
  return new ReportError(`${flag} must be a file that can be written, got ${path}: ${(error as Error).message}`);
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new ReportError(`${path} must be a report that can be read: ${(error as Error).message}`);
  }
}
