// What the settings do: intake and durability, the size of batches; and the latency of each workload.

import { cellName } from '../cell-key.js';
import type { BenchReport, CellSummary } from '../report.js';
import { barChart } from './bar-chart.js';
import { lineChart } from './chart.js';
import { counted, type Figure, keptOf, ofInsert, rate, said, spread, threads, workload } from './figure.js';
import { amountText, numberText } from './figure-text.js';
import { rangeRows } from './row-chart.js';
import { batchSizeCells, durabilityCells, latencyCells, storeText } from './selection.js';
import { seriesCount } from './svg.js';
import { type Field, tableOf } from './table.js';

export function durability(report: BenchReport): Figure {
  const families = durabilityCells(report);
  const charts = families.map((cells) => {
    const name = `${cells[0]?.workload}, ${counted(cells[0]?.threads ?? 0)}`;
    const bars = cells.map((cell) => {
      const share = cell.ofInsertLimit;
      return {
        value: cell.eventsPerSecond.median,
        limit: share === null || share === 0 ? null : cell.eventsPerSecond.median / share,
      };
    });
    return barChart({
      title: `Durability: ${name}`,
      description: said(cells.map((cell) => `${storeText(cell)}: ${amountText(cell.eventsPerSecond.median)} events/s`)),
      ...{ yTitle: 'events/s', text: amountText, series: [name] },
      limitName: bars.some(({ limit }) => limit !== null) ? 'one thread inserting the same rows' : null,
      groups: cells.map((cell, index) => ({ name: storeText(cell), bars: bars.slice(index, index + 1) })),
    });
  });
  const store: Field<CellSummary> = { title: 'intake / durability', of: storeText, isWord: true };
  return {
    ...{ id: 'durability', title: 'What durability costs', charts },
    lead: `Intake (memory or journal) and durability (survives the process, or the power). ${keptOf(families)}`,
    table: tableOf(families.flat(), [workload, threads, store, rate, spread, ofInsert]),
    needs: 'cells that differ only in intake and durability',
  };
}

export function batchSize(report: BenchReport): Figure {
  const families = batchSizeCells(report);
  const charts = families.map((cells, index) => {
    const name = `${cells[0]?.workload}, ${counted(cells[0]?.threads ?? 0)}`;
    const points = cells.map((cell) => ({ x: cell.batchSizeMax, y: cell.eventsPerSecond.median }));
    return lineChart({
      title: `Throughput over the largest batch: ${name}`,
      description: said(
        cells.map((cell) => `${cell.batchSizeMax}: ${amountText(cell.eventsPerSecond.median)} events/s`),
      ),
      series: [{ name, points, isIdeal: false, colour: index % seriesCount }],
      ...{ xTitle: 'events in a batch, at most', xScale: 'log', xText: String, yTitle: 'events/s', yText: amountText },
    });
  });
  const fields: Field<CellSummary>[] = [
    ...[workload, threads, { title: 'batch max', of: (cell: CellSummary) => String(cell.batchSizeMax) }],
    { title: 'batch mean', of: ({ batchSizeMean }) => numberText(batchSizeMean) },
    ...[rate, spread],
    { title: 'p99 ms', of: ({ latencyMs }) => numberText(latencyMs.p99) },
  ];
  return {
    ...{ id: 'batch-size', title: 'Batch size', charts, table: tableOf(families.flat(), fields) },
    lead: `Small batches lose to thread wake-ups, large ones cost latency. ${keptOf(families)}`,
    needs: 'cells that differ only in batchSizeMax',
  };
}

export function latency(report: BenchReport): Figure {
  const cells = latencyCells(report).filter(({ latencyMs }) => latencyMs.p50 > 0 && latencyMs.p99 > 0);
  const rows = cells.map((cell) => {
    const name = `${cell.workload}, ${counted(cell.threads)}`;
    return { name, from: cell.latencyMs.p50, to: cell.latencyMs.p99 };
  });
  const chart = rangeRows({
    title: 'Latency from publish to durable outcome',
    description: said(
      rows.map(({ name, from, to }) => `${name}: p50 ${numberText(from)} ms, p99 ${numberText(to)} ms`),
    ),
    ...{ from: 'p50', to: 'p99', axisTitle: 'ms, each line ten times the last', text: numberText, rows },
  });
  return {
    ...{ id: 'latency', title: 'Latency', charts: rows.length === 0 ? [] : [chart] },
    lead: 'From publish to durable outcome. A cell at full load queues as much as it may; its latency is that of the queue.',
    table: tableOf(cells, [
      { title: 'cell', of: cellName, isWord: true },
      { title: 'p50 ms', of: ({ latencyMs }) => numberText(latencyMs.p50) },
      { title: 'p99 ms', of: ({ latencyMs }) => numberText(latencyMs.p99) },
      { title: 'max ms', of: ({ latencyMs }) => numberText(latencyMs.max) },
    ]),
    needs: 'cells with no more threads than cores',
  };
}
