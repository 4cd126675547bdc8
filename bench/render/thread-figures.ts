// Throughput and efficiency over threads.

import type { BenchReport, CellSummary } from '../report.js';
import { lineChart, type Point, type Series } from './chart.js';
import { counted, type Figure, keptOf, ofIdeal, ofInsert, rate, said, spread, threads, workload } from './figure.js';
import { amountText, percentText, timesText } from './figure-text.js';
import { threadCells } from './selection.js';
import { type Drawing, seriesCount } from './svg.js';
import { type Field, tableOf } from './table.js';

const speedUp: Field<CellSummary> = { title: 'speed-up', of: (cell) => timesText(cell.speedUp) };

export function throughput(report: BenchReport): Figure {
  const families = threadCells(report);
  const charts = families.map((cells, index) => {
    const name = cells[0]?.workload ?? '';
    return lineChart({
      title: `Throughput of ${name} over threads`,
      description: said(
        cells.map((cell) => `${counted(cell.threads)}: ${amountText(cell.eventsPerSecond.median)} events/s`),
      ),
      series: [
        { name: `${name}, measured`, points: cells.map(ratePoint), isIdeal: false, colour: index % seriesCount },
        ...limitsOf(cells, index % seriesCount),
      ],
      ...{ yTitle: 'events/s', yText: amountText, ...overThreads(report) },
    });
  });
  return {
    ...{ id: 'throughput', title: 'Throughput over threads', charts },
    lead: `Each workload on its own scale. ${keptOf(families)}`,
    table: tableOf(families.flat(), [workload, threads, rate, spread, speedUp, ofIdeal, ofInsert]),
    needs: 'cells that differ only in threads',
  };
}

/** What the same cells could reach at best, as measured in the same run. */
function limitsOf(cells: readonly CellSummary[], colour: number): Series[] {
  const against = (name: string, shareOf: (cell: CellSummary) => number | null): Series[] => {
    const points = cells.flatMap((cell): Point[] => {
      const share = shareOf(cell);
      return share === null || share === 0 ? [] : [{ x: cell.threads, y: cell.eventsPerSecond.median / share }];
    });
    return points.length === 0 ? [] : [{ name, points, isIdeal: true, colour }];
  };
  return [
    ...against('ideal: plain loops, nothing stored', ({ efficiency: share }) => share),
    ...against('limit: one thread inserting', ({ ofInsertLimit }) => ofInsertLimit),
  ];
}

function ratePoint(cell: CellSummary): Point {
  return { x: cell.threads, y: cell.eventsPerSecond.median };
}

/** Of all workloads that compute, on one scale; also what the README shows. */
export function efficiencyChart(report: BenchReport): Drawing | null {
  const families = computing(report);
  if (families.length === 0) return null;
  const isHigh = families.flat().every(({ efficiency: share }) => share === null || share >= 0.5);
  const counts = families.flat().map((cell) => cell.threads);
  const ends = [Math.min(...counts), Math.max(...counts)];
  return lineChart({
    title: 'Efficiency over threads',
    description: said(
      families.flat().map((cell) => `${cell.workload}, ${counted(cell.threads)}: ${percentText(cell.efficiency)}`),
    ),
    series: [
      { name: 'ideal', points: ends.map((x) => ({ x, y: 1 })), isIdeal: true, colour: seriesCount - 1 },
      ...families.map((cells, colour): Series => {
        const points = cells.map((cell) => ({ x: cell.threads, y: cell.efficiency ?? Number.NaN }));
        return { name: cells[0]?.workload ?? '', points, isIdeal: false, colour };
      }),
    ],
    // High efficiencies differ by a few percent: they need the upper half of the axis for themselves.
    ...(isHigh ? { yTitle: 'of the ideal; the axis starts at 50 %', yStart: 0.5 } : { yTitle: 'of the ideal' }),
    ...{ yText: percentText, ...overThreads(report) },
  });
}

/** As many as can be told apart in one chart. */
function computing(report: BenchReport): CellSummary[][] {
  const families = threadCells(report).filter((cells) => cells.some((cell) => cell.efficiency !== null));
  return families.slice(0, seriesCount - 1);
}

export function efficiency(report: BenchReport): Figure {
  const chart = efficiencyChart(report);
  return {
    ...{ id: 'efficiency', title: 'Efficiency over threads', charts: chart === null ? [] : [chart] },
    lead: 'Throughput over what as many plain loops would do with the same handler, measured in the same run.',
    table: tableOf(computing(report).flat(), [workload, threads, rate, spread, ofIdeal]),
    needs: 'cells of a workload that computes, which differ only in threads',
  };
}

function overThreads({ machine }: BenchReport) {
  const shadeFrom = { x: machine.cores, name: 'more threads than cores' };
  return { xTitle: 'threads', xScale: 'linear', xText: String, shadeFrom } as const;
}
