// All figures of the page, in its order.

import type { BenchReport } from '../report.js';
import { lineChart } from './chart.js';
import { counted, type Figure, said } from './figure.js';
import { amountText } from './figure-text.js';
import { peers, skew } from './peer-figures.js';
import { batchSize, durability, latency } from './setting-figures.js';
import { modelSentence, modelTable } from './tables.js';
import { efficiency, throughput } from './thread-figures.js';

export function figuresOf(report: BenchReport): Figure[] {
  return [
    throughput(report),
    efficiency(report),
    peers(report),
    skew(report),
    durability(report),
    batchSize(report),
    latency(report),
    model(report),
  ];
}

function model(report: BenchReport): Figure {
  const predicted = report.model?.predicted ?? [];
  const measured = predicted.flatMap(({ threads: x, measured: y }) => (y === null ? [] : [{ x, y }]));
  const name = report.model?.workload ?? '';
  const chart = lineChart({
    title: `Model: ${name} over threads, were there cores`,
    description: said(predicted.map((one) => `${counted(one.threads)}: ${amountText(one.eventsPerSecond)} events/s`)),
    series: [
      {
        name: 'predicted',
        points: predicted.map((one) => ({ x: one.threads, y: one.eventsPerSecond })),
        isIdeal: true,
        colour: 0,
      },
      { name: 'measured', points: measured, isIdeal: false, colour: 0 },
    ],
    ...{ xTitle: 'threads', xScale: 'linear', xText: String, yTitle: 'events/s', yText: amountText },
  });
  return {
    ...{ id: 'model', title: 'More cores than this machine has', charts: predicted.length === 0 ? [] : [chart] },
    ...{ lead: modelSentence(report), table: modelTable(report), needs: 'the cells that the model is made of' },
  };
}
