// A report as files: read, checked, rendered, compared. `keylane bench` uses it for what it measured, `show.js` for what
// was stored.

import { readFileSync, writeFileSync } from 'node:fs';
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

/** Prints and writes what is asked for, and gives the reason why the command must fail; null where there is none. */
export function showReport(report: BenchReport, wish: ShowWish, print: (text: string) => void): string | null {
  const onRegression = wish.failOnRegression ?? false;
  if (onRegression && wish.compare === undefined) {
    throw new ReportError('--fail-on-regression must stand beside --compare OLD.json, got none: name the older report');
  }
  const older = wish.compare === undefined ? null : readReport(wish.compare);
  print(wish.markdown ? markdownTable(report) : terminalTable(report));
  if (wish.html !== undefined) writeFileSync(wish.html, htmlPage(report));
  if (wish.svg !== undefined) writeFileSync(wish.svg, chartSvg(report));
  const wrong = report.wrong.length === 0 ? null : `wrong results: ${report.wrong.join('; ')}`;
  if (older === null) return wrong;
  const comparison = compare(older, report);
  print(`\n${terminalComparison(comparison)}`);
  return failureOf(comparison, { onRegression });
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new ReportError(`${path} must be a report that can be read: ${(error as Error).message}`);
  }
}
