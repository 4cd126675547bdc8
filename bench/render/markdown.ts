// The report as Markdown for the README: targets and peers, with the commands that make them. The cells, which are many,
// are shown only where no targets were asked for.

import type { BenchReport } from '../report.js';
import { checkedLines, ownNotes } from './own-text.js';
import type { Table } from './table.js';
import { cellTable, headLines, overCoresNote, peerNotes, peerTable, sameInAll, targetTable } from './tables.js';

export function markdownTable(report: BenchReport): string {
  const [machine = '', subject = ''] = headLines(report);
  const blocks = [
    ...(report.targets.length > 0 ? [table(targetTable(report))] : cells(report)),
    table(peerTable(report)),
    peerNotes(report).join(' '),
    ...(report.own === null ? [] : [...ownNotes(report.own, report), ...checkedLines(report)]),
    ...report.wrong.map((what) => `WRONG: ${what}`),
  ];
  const text = blocks.map((block) => (block.startsWith('|') ? block : plain(block)));
  const made = `Measured by ${code(report.command)}, shown by \`node dist/bench/show.js REPORT --markdown\`.`;
  return `${[...text, `${plain(`${machine}; ${subject}.`)} ${made}`].filter(Boolean).join('\n\n')}\n`;
}

function cells(report: BenchReport): string[] {
  const isOver = report.cells.some(({ isOverCores }) => isOverCores);
  return [table(cellTable(report)), sameInAll(report.cells), isOver ? overCoresNote : ''];
}

function table({ columns, rows }: Table): string {
  if (rows.length === 0) return '';
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const ruler = columns.map(({ isFigure }) => (isFigure ? '--:' : '---'));
  return [line(columns.map(({ title }) => plain(title))), line(ruler), ...rows.map((row) => line(row.map(plain)))].join(
    '\n',
  );
}

/** Text that Markdown shows as it is. */
function plain(text: string): string {
  return text.replace(/[\\`*_[\]<>|~#&]/g, (character) => `\\${character}`).replace(/\s+/g, ' ');
}

/** Its fence is longer than any run of backquotes in it. */
function code(text: string): string {
  const fence = '`'.repeat(1 + Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length)));
  const padding = text.startsWith('`') || text.endsWith('`') ? ' ' : '';
  return `${fence}${padding}${text.replace(/\s+/g, ' ')}${padding}${fence}`;
}
