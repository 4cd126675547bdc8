// The report as tables on the terminal.

import type { BenchReport, CellSummary, TargetVerdict } from './report.js';

export function printReport(report: BenchReport): void {
  const { machine, subject, cells, limits, targets, model, wrong } = report;
  const versions = Object.entries(subject.versions).map(([name, version]) => `${name} ${version}`);
  console.log(`keylane ${subject.keylane} (${subject.commit ?? 'no commit'}), ${versions.join(', ')}`);
  console.log(`${machine.cpu}, ${machine.cores} cores, Node ${machine.node}, load ${machine.loadAtStart.toFixed(2)}`);
  if (cells.length > 0) console.table(cells.map(cellLine));
  if (limits.length > 0) {
    console.table(limits.map(({ name, of, value }) => ({ limit: name, of, value: shown(value.median) })));
  }
  if (model !== null) {
    const { workload, mainUs, writerUs, handlerUs, saturatesAt } = model;
    console.log(
      `Model of ${workload}: main ${shown(mainUs)}, writer ${shown(writerUs)}, handler ${shown(handlerUs)} us an event; ` +
        `${saturatesAt.by} saturates at ${saturatesAt.threads} threads.`,
    );
    console.table(
      model.predicted.map(({ threads, eventsPerSecond, here, measured }) => ({
        ...{ threads, 'predicted events/s': shown(eventsPerSecond) },
        'on these cores': here === null ? '' : shown(here),
        measured: measured === null ? '' : shown(measured),
      })),
    );
  }
  for (const verdict of targets) console.log(verdictText(verdict));
  for (const what of wrong) console.error(`WRONG: ${what}`);
  if (wrong.length === 0) console.log('Checked: every event once, with its key and its result, order kept per key.');
}

export function verdictText({ target, what, figure, wanted, isMet, note }: TargetVerdict): string {
  const line = `${target.padEnd(8)} ${isMet ? 'met   ' : 'MISSED'} ${what}: ${figure}; wanted ${wanted}`;
  return note === null ? line : `${line}\n${' '.repeat(16)}${note}`;
}

function cellLine(cell: CellSummary): Record<string, string | number> {
  const { main, handlers, writer, other } = cell.cpuUsPerEvent;
  const bound = cell.efficiency ?? cell.ofInsertLimit;
  return {
    workload: cell.workload,
    threads: cell.isOverCores ? `${cell.threads} (over cores)` : cell.threads,
    cell: `${cell.keys} ${cell.payload} ${cell.intake}/${cell.durability} batch ${cell.batchSizeMax}`,
    'events/s': shown(cell.eventsPerSecond.median),
    spread: shown(cell.eventsPerSecond.spread),
    'speed-up': cell.speedUp === null ? '' : shown(cell.speedUp),
    'of limit': bound === null ? '' : `${shown(bound)} of ${cell.efficiency === null ? 'insert' : 'ideal'}`,
    'p50/p99 ms': `${shown(cell.latencyMs.p50)} / ${shown(cell.latencyMs.p99)}`,
    'us main/handlers/writer/other': [main, handlers, writer, other].map(shown).join(' / '),
    'batch/group': `${shown(cell.batchSizeMean)} / ${shown(cell.groupSizeMean)}`,
    'RSS/WAL MB': `${shown(cell.rssBytes / 1e6)} / ${shown(cell.walBytes / 1e6)}`,
  };
}

/** Three figures that count. */
function shown(value: number): string {
  return Math.abs(value) >= 100 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(3)));
}
