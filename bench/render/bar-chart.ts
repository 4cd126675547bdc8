// Upright bars in groups, each with its figure above it and, where there is one, its limit as a line across.

import { chartSize, horizontalLines } from './chart.js';
import { legend } from './legend.js';
import { roundScale } from './scale.js';
import { type ChartText, type Drawing, element, escaped, label, shortened, widthOf } from './svg.js';

export interface Bar {
  readonly value: number;
  readonly limit: number | null;
}

export interface BarChart extends ChartText {
  readonly yTitle: string;
  readonly text: (value: number) => string;
  readonly series: readonly string[];
  /** One bar for each series; null where it was not measured. */
  readonly groups: readonly { readonly name: string; readonly bars: readonly (Bar | null)[] }[];
  readonly limitName: string | null;
}

export function barChart(chart: BarChart): Drawing {
  const above = legend(
    [
      ...chart.series.map((name, series) => ({ name, kind: 'bar' as const, series })),
      ...(chart.limitName === null ? [] : [{ name: chart.limitName, kind: 'dashed' as const, series: 5 }]),
    ],
    chartSize.width,
  );
  const plot = { left: 54, right: chartSize.width - 4, top: above.height + 24, bottom: chartSize.height - 40 };
  const values = chart.groups.flatMap(({ bars }) => bars.flatMap((bar) => [bar?.value ?? 0, bar?.limit ?? 0]));
  const y = roundScale(values, { from: plot.bottom, to: plot.top });
  const step = (plot.right - plot.left) / Math.max(1, chart.groups.length);
  const barWidth = Math.min(64, (step * 0.78) / Math.max(1, chart.series.length));
  const groups = chart.groups.map(({ name, bars }, index) => {
    const middle = plot.left + step * (index + 0.5);
    const first = middle - (barWidth * bars.length) / 2;
    const named = { x: middle, y: plot.bottom + 19, class: 'tick', 'text-anchor': 'middle' };
    const drawn = bars.map((bar, series) => {
      const of = { series, x: first + barWidth * series, width: barWidth, name };
      return bar === null ? '' : drawnBar(bar, of);
    });
    const lines = groupLines(name, step - 6).map((text, line) => label(text, { ...named, y: named.y + line * 14 }));
    return lines.join('') + drawn.join('');
  });
  const axis = label(chart.yTitle, { x: 4, y: plot.top - 12, class: 'axis' });
  const { title, description } = chart;
  const inner = above.drawn + axis + horizontalLines(y, plot, chart.text) + groups.join('');
  return { title, description, ...chartSize, inner };

  function drawnBar(
    { value, limit }: Bar,
    { series, x, width, name }: { series: number; x: number; width: number; name: string },
  ): string {
    const box = { x: x + 1.5, y: y.at(value), width: width - 3, height: plot.bottom - y.at(value) };
    const spoken = element('title', {}, escaped(`${chart.series[series]}, ${name}: ${chart.text(value)}`));
    const figure = { x: x + width / 2, y: y.at(value) - 5, class: 'figure', 'text-anchor': 'middle' };
    const line = { class: 'line ideal s5', x1: x - 3, x2: x + width + 3 };
    const across = limit === null ? '' : element('line', { ...line, y1: y.at(limit), y2: y.at(limit) });
    return element('rect', { class: `bar s${series}`, ...box }, spoken) + across + label(chart.text(value), figure);
  }
}

/** The name of a group under its bars, on two lines where it is too wide for one. */
function groupLines(name: string, width: number): string[] {
  if (widthOf(name) <= width) return [name];
  const [first = '', ...rest] = name.split(/(?<=[/ ])/);
  return [first, rest.join('')].filter(Boolean).map((line) => shortened(line, width));
}
