// The names of a chart's series above it, in as many rows as they need.

import { element, label, marker, pathThrough, shortened, widthOf } from './svg.js';

export interface LegendItem {
  readonly name: string;
  /** A dashed line is a limit or an ideal, not something measured of keylane. */
  readonly kind: 'marked' | 'dashed' | 'bar';
  readonly series: number;
}

const rowHeight = 18;

export function legend(
  items: readonly LegendItem[],
  width: number,
): { readonly drawn: string; readonly height: number } {
  let [x, row] = [0, 0];
  const drawn = items.map(({ name, kind, series }) => {
    const text = shortened(name, width - 40);
    const itemWidth = 24 + widthOf(text) + 14;
    if (x > 0 && x + itemWidth > width) [x, row] = [0, row + 1];
    const y = row * rowHeight + 12;
    const inner = symbol({ kind, series, x, y }) + label(text, { x: x + 24, y: y + 4, class: 'legend' });
    x += itemWidth;
    return inner;
  });
  return { drawn: drawn.join(''), height: (row + 1) * rowHeight + 4 };
}

function symbol(of: Omit<LegendItem, 'name'> & { readonly x: number; readonly y: number }): string {
  const { kind, series, x, y } = of;
  if (kind === 'bar') return element('rect', { class: `bar s${series}`, x, y: y - 6, width: 16, height: 12 });
  const className = kind === 'dashed' ? `line ideal s${series}` : `line s${series}`;
  const d = pathThrough([
    { x, y },
    { x: x + 18, y },
  ]);
  const line = element('path', { class: className, d });
  return kind === 'dashed' ? line : line + marker(series, { x: x + 9, y }, '');
}
