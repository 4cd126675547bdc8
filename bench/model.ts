// Scaling on paper: from the CPU that each thread spends on an event, the throughput that n threads would reach, and
// the number of threads at which the main thread or the writer has no time left.
//
// With a core for every thread, n threads handle n / handlers events a second, but no more than the main thread or the
// writer can take, 1 / main or 1 / writer. Where threads share cores, the CPU of all of them together is a limit too:
// cores / (main + handlers + writer + other). The figures come from the cell with the fewest threads; the cells with
// more of them show whether the model holds.

import { cellKey } from './cell-key.js';
import { cores } from './machine.js';
import type { CellSummary, ScalingModel } from './report.js';

const threadsShown = [1, 2, 4, 8, 16, 32, 64];

/** The model of the first computing workload that was run with several numbers of threads; null where none was. */
export function modelOf(cells: readonly CellSummary[]): ScalingModel | null {
  const series = cells
    .filter(({ workload }) => workload !== 'no-op')
    .map((cell) => cells.filter((other) => seriesOf(other) === seriesOf(cell)))
    .find((found) => found.length > 1);
  return series === undefined ? null : modelFrom(series);
}

function seriesOf(cell: CellSummary): string {
  return cellKey(cell, ['threads', 'events']);
}

function modelFrom(series: readonly CellSummary[]): ScalingModel {
  const [base] = [...series].sort((a, b) => a.threads - b.threads) as [CellSummary];
  const { main, writer, handlers, other } = base.cpuUsPerEvent;
  const busiest = Math.max(main, writer);
  const rate = (us: number): number => 1e6 / us;
  const predicted = threadsShown.map((threads) => {
    const measured = series.find((cell) => cell.threads === threads)?.eventsPerSecond.median ?? null;
    const eventsPerSecond = Math.min(rate(handlers / threads), rate(busiest));
    const here = Math.min(eventsPerSecond, cores * rate(main + writer + handlers + other));
    return { threads, eventsPerSecond, here: measured === null ? null : here, measured };
  });
  return {
    workload: base.workload,
    mainUs: main,
    writerUs: writer,
    handlerUs: handlers,
    saturatesAt: { threads: Math.ceil(handlers / busiest), by: main >= writer ? 'main' : 'writer' },
    predicted,
  };
}
