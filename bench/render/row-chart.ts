// One row for each thing that is compared: a bar with its figure, or two marks on a logarithmic axis with a line between.

import { chartSize } from './chart.js';
import { legend } from './legend.js';
import { linearScale, logScale } from './scale.js';
import { type ChartText, type Drawing, element, escaped, label, marker, shortened, widthOf } from './svg.js';

const { width } = chartSize;
const rowHeight = 24;
const nameWidthMax = 170;

export interface BarRows extends ChartText {
  readonly text: (value: number) => string;
  /** `isOurs`: drawn in the first colour, the others in a quiet one. */
  readonly rows: readonly { readonly name: string; readonly value: number; readonly isOurs: boolean }[];
}

export function barRows(chart: BarRows): Drawing {
  const left = namesWidth(chart.rows);
  const scale = linearScale(
    chart.rows.map(({ value }) => value),
    { from: left, to: width - 62 },
  );
  const drawn = chart.rows.map(({ name, value, isOurs }, index) => {
    const y = index * rowHeight + 4;
    const box = { class: `bar ${isOurs ? 's0' : 'quiet'}`, x: left, y, width: scale.at(value) - left, height: 17 };
    const figure = { x: scale.at(value) + 6, y: y + 13, class: 'figure' };
    const spoken = element('title', {}, escaped(`${name}: ${chart.text(value)}`));
    return named({ name, left, y: y + 13 }) + element('rect', box, spoken) + label(chart.text(value), figure);
  });
  const { title, description } = chart;
  return { title, description, width, height: chart.rows.length * rowHeight + 4, inner: drawn.join('') };
}

export interface RangeRows extends ChartText {
  readonly from: string;
  readonly to: string;
  readonly axisTitle: string;
  readonly text: (value: number) => string;
  readonly rows: readonly { readonly name: string; readonly from: number; readonly to: number }[];
}

export function rangeRows(chart: RangeRows): Drawing {
  const above = legend(
    [chart.from, chart.to].map((name, series) => ({ name, kind: 'marked' as const, series })),
    width,
  );
  const left = namesWidth(chart.rows);
  const bottom = above.height + chart.rows.length * rowHeight + 4;
  const scale = logScale(
    chart.rows.flatMap((row) => [row.from, row.to]),
    { from: left + 8, to: width - 20 },
  );
  const grid = scale.ticks.map((tick) => {
    const at = scale.at(tick);
    const text = { x: at, y: bottom + 16, class: 'tick', 'text-anchor': 'middle' };
    return (
      element('line', { class: 'grid', x1: at, x2: at, y1: above.height, y2: bottom }) + label(chart.text(tick), text)
    );
  });
  const rows = chart.rows.map((row, index) => {
    const y = above.height + index * rowHeight + 13;
    const [from, to] = [scale.at(row.from), scale.at(row.to)];
    const says = (what: string, value: number): string => `${row.name}, ${what}: ${chart.text(value)}`;
    return [
      named({ name: row.name, left, y: y + 4 }),
      element('line', { class: 'span', x1: from, x2: to, y1: y, y2: y }),
      marker(0, { x: from, y }, says(chart.from, row.from)),
      marker(1, { x: to, y }, says(chart.to, row.to)),
    ].join('');
  });
  const axis = label(chart.axisTitle, {
    x: (left + width) / 2,
    y: bottom + 36,
    class: 'axis',
    'text-anchor': 'middle',
  });
  const { title, description } = chart;
  const inner = above.drawn + grid.join('') + rows.join('') + axis;
  return { title, description, width, height: bottom + 44, inner };
}

function namesWidth(rows: readonly { readonly name: string }[]): number {
  return Math.min(nameWidthMax, Math.max(20, ...rows.map(({ name }) => widthOf(name)))) + 10;
}

function named({ name, left, y }: { readonly name: string; readonly left: number; readonly y: number }): string {
  return label(shortened(name, left - 10), { x: left - 10, y, class: 'name', 'text-anchor': 'end' });
}
