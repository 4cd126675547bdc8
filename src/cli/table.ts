// Rows under titles, in columns. On a terminal no line is longer than it is wide, as far as that can be had without
// cutting the first column, by which a row is named; elsewhere nothing is cut.

export interface Table {
  readonly titles: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Titles of the columns that stand at the right edge of their place. */
  readonly numeric: readonly string[];
}

/** What columns between the first and the last may take of a terminal. */
const middleWidthMax = 24;
const lastWidthMin = 24;
const gap = '  ';

/** @param width columns of the terminal; null where there is none. */
export function tableText({ titles, rows, numeric }: Table, width: number | null): string {
  const last = titles.length - 1;
  const widthMaxOf = (index: number): number => (width === null || index === 0 ? Infinity : middleWidthMax);
  const lines = [titles, ...rows].map((row) =>
    row.map((cell, index) => (index === last ? cell : cut(cell, widthMaxOf(index)))),
  );
  const widths = titles.map((_, index) => lines.reduce((most, row) => Math.max(most, widthOf(row[index]!)), 0));
  const before = widths.slice(0, last).reduce((sum, each) => sum + each + gap.length, 0);
  const lastWidthMax = width === null ? Infinity : Math.max(lastWidthMin, width - before);
  return lines.map((row) => `${row.map(placed).join(gap)}\n`).join('');

  function placed(cell: string, index: number): string {
    if (index === last) return cut(cell, lastWidthMax);
    const space = ' '.repeat(widths[index]! - widthOf(cell));
    return numeric.includes(titles[index]!) ? space + cell : cell + space;
  }
}

/** The text, or as much of its beginning as fits with a mark that there was more. */
function cut(text: string, widthMax: number): string {
  if (text.length <= widthMax / 2 || widthOf(text) <= widthMax) return text;
  let kept = '';
  let width = 1;
  for (const character of text) {
    width += widthOf(character);
    if (width > widthMax) break;
    kept += character;
  }
  return `${kept}…`;
}

// What East Asian scripts and emoji take; a terminal may know it better.
const wide = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60]|\p{Emoji_Presentation}/u;
const withoutWidth = /[\p{M}\u200b-\u200d]/u;

/** Columns that a text takes on a terminal. */
function widthOf(text: string): number {
  let width = 0;
  for (const character of text) width += withoutWidth.test(character) ? 0 : wide.test(character) ? 2 : 1;
  return width;
}
