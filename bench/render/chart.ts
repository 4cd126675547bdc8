// A line chart: from series of points to one SVG. Knows nothing of reports.

import { type LegendItem, legend } from './legend.js';
import { roundScale, type Scale, scaleOfValues } from './scale.js';
import { type ChartText, type Drawing, element, label, marker, pathThrough, widthOf } from './svg.js';

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Series {
  readonly name: string;
  readonly points: readonly Point[];
  /** An ideal or a limit is dashed and has no marks. */
  readonly isIdeal: boolean;
  /** Its colour and shape; an ideal has those of what it is the ideal of. */
  readonly colour: number;
}

export interface LineChart extends ChartText {
  readonly series: readonly Series[];
  readonly xTitle: string;
  readonly yTitle: string;
  readonly xScale: 'linear' | 'log';
  readonly xText: (value: number) => string;
  readonly yText: (value: number) => string;
  /** Where the y axis starts, when not at zero; no point lies below. */
  readonly yStart?: number;
  /** What lies right of this is shaded, and named. */
  readonly shadeFrom?: { readonly x: number; readonly name: string };
}

/** Narrow, so that its words stay readable on a telephone. */
export const chartSize = { width: 440, height: 290 };
const margin = { left: 56, right: 10, bottom: 44 };

export function lineChart(chart: LineChart): Drawing {
  const series = chart.series.map((one) => ({ ...one, points: one.points.filter(isFinitePoint) }));
  const points = series.flatMap((one) => one.points);
  const names = series.map(({ name, isIdeal, colour }): LegendItem => {
    return { name, kind: isIdeal ? 'dashed' : 'marked', series: colour };
  });
  const above = legend(names, chartSize.width);
  const top = above.height + 26;
  const plot = {
    left: margin.left,
    right: chartSize.width - margin.right,
    top,
    bottom: chartSize.height - margin.bottom,
  };
  const inset = 14;
  const xRange = { from: plot.left + inset, to: plot.right - inset };
  const x = scaleOfValues(
    points.map((point) => point.x),
    xRange,
    chart.xScale,
  );
  const yRange = { from: plot.bottom, to: plot.top };
  const y = roundScale(
    points.map((point) => point.y),
    yRange,
    chart.yStart,
  );
  const inner = [
    above.drawn,
    shade(chart, x, plot),
    axes({ chart, x, y, plot }),
    ...series.filter(({ isIdeal }) => isIdeal).map((one) => drawn(one, { chart, x, y })),
    ...series.filter(({ isIdeal }) => !isIdeal).map((one) => drawn(one, { chart, x, y })),
  ];
  const { title, description } = chart;
  return { title, description, ...chartSize, inner: inner.join('') };
}

export interface Plot {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

interface Placed {
  readonly chart: LineChart;
  readonly x: Scale;
  readonly y: Scale;
}

function axes({ chart, x, y, plot }: Placed & { readonly plot: Plot }): string {
  const middle = (plot.left + plot.right) / 2;
  return [
    horizontalLines(y, plot, chart.yText),
    label(chart.yTitle, { x: 4, y: plot.top - 13, class: 'axis' }),
    ...apart(x).map((tick) => {
      return label(chart.xText(tick), { x: x.at(tick), y: plot.bottom + 18, class: 'tick', 'text-anchor': 'middle' });
    }),
    label(chart.xTitle, { x: middle, y: chartSize.height - 6, class: 'axis', 'text-anchor': 'middle' }),
  ].join('');
}

/** The ticks whose words do not run into those of the tick before. */
function apart({ ticks, at }: Scale): number[] {
  let free = Number.NEGATIVE_INFINITY;
  return ticks.filter((tick) => {
    if (at(tick) < free) return false;
    free = at(tick) + widthOf(String(tick)) + 8;
    return true;
  });
}

/** The grid of the y axis with its figures; the line at zero is stronger. */
export function horizontalLines(y: Scale, plot: Plot, text: (value: number) => string): string {
  return y.ticks
    .map((tick) => {
      const at = y.at(tick);
      const line = { class: tick === 0 ? 'zero' : 'grid', x1: plot.left, x2: plot.right, y1: at, y2: at };
      const figure = { x: plot.left - 8, y: at + 4, class: 'tick', 'text-anchor': 'end' };
      return element('line', line) + label(text(tick), figure);
    })
    .join('');
}

function drawn({ name, points, isIdeal, colour }: Series, { chart, x, y }: Placed): string {
  const places = points.map((point) => ({ x: x.at(point.x), y: y.at(point.y) }));
  if (places.length === 0) return '';
  const line = element('path', { class: `line${isIdeal ? ' ideal' : ''} s${colour}`, d: pathThrough(places) });
  if (isIdeal) return line;
  const marks = points.map((point) => {
    const title = `${name}: ${chart.yText(point.y)} at ${chart.xText(point.x)}`;
    return marker(colour, { x: x.at(point.x), y: y.at(point.y) }, title);
  });
  return line + marks.join('');
}

function shade({ shadeFrom }: LineChart, x: Scale, plot: Plot): string {
  const first = x.ticks.find((tick) => shadeFrom !== undefined && tick > shadeFrom.x);
  if (first === undefined || shadeFrom === undefined) return '';
  const before = x.ticks.findLast((tick) => tick < first);
  const from = before === undefined ? plot.left : (x.at(before) + x.at(first)) / 2;
  const area = { class: 'shade', x: from, y: plot.top, width: plot.right - from, height: plot.bottom - plot.top };
  const name = { x: plot.right - 4, y: plot.bottom - 8, class: 'tick', 'text-anchor': 'end' };
  return element('rect', area) + label(shadeFrom.name, name);
}

function isFinitePoint({ x, y }: Point): boolean {
  return Number.isFinite(x) && Number.isFinite(y);
}
