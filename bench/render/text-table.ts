// A table as lines of text, no wider than asked: words go on in a second line of their cell, figures are never broken.

import { printable } from '../../src/errors.js';
import type { Table } from './table.js';

const gap = '  ';
/** Columns of words do not become narrower than this, even if the line then is too long. */
const wordColumnMin = 8;

export function textTable({ columns, rows }: Table, width: number): string[] {
  const cells = [columns.map(({ title }) => title), ...rows].map((row) => row.map(printable));
  const widths = columns.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const widthAt = (column: number): number => widths[column] ?? 0;
  const words = columns.flatMap(({ isFigure }, column) => (isFigure ? [] : [column]));
  while (widths.reduce((sum, one) => sum + one, gap.length * (columns.length - 1)) > width) {
    const widest = words.reduce((best, column) => (widthAt(column) > widthAt(best) ? column : best), words[0] ?? -1);
    if (widthAt(widest) <= wordColumnMin) break;
    widths[widest] = widthAt(widest) - 1;
  }
  const [head = [], ...body] = cells.map(linesOf);
  return [...head, widths.map((one) => '-'.repeat(one)).join(gap), ...body.flat()];

  function linesOf(row: readonly string[]): string[] {
    const inColumns = row.map((cell, column) => {
      return columns[column]?.isFigure ? [cell] : wrapped(cell, { width: widthAt(column) });
    });
    const height = Math.max(...inColumns.map((lines) => lines.length));
    return Array.from({ length: height }, (_, line) => {
      return inColumns
        .map((lines, column) => padded(lines[line] ?? '', column))
        .join(gap)
        .trimEnd();
    });
  }

  function padded(cell: string, column: number): string {
    return columns[column]?.isFigure ? cell.padStart(widthAt(column)) : cell.padEnd(widthAt(column));
  }
}

/** The words of a sentence on as many lines as they need; a word that is longer than a line is broken. */
export function wrapped(text: string, { width }: { readonly width: number }): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of printable(text).split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = '';
    }
    line = line === '' ? word : `${line} ${word}`;
    for (; line.length > width; line = line.slice(width)) lines.push(line.slice(0, width));
  }
  return [...lines, line];
}
