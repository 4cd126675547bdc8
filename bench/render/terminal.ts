// The report as text for a terminal, and a comparison of two. Promises lines of at most `width` characters, unless the
// figures of a row alone are wider.

import { cellName } from '../cell-key.js';
import type { CellChange, Comparison } from '../compare.js';
import type { BenchReport, CellSpec } from '../report.js';
import { amountText, changeText, percentText } from './figure-text.js';
import { checkedLines, ownNotes } from './own-text.js';
import { type Field, type Table, tableOf } from './table.js';
import {
  cellTable,
  costTable,
  headLines,
  latencyTable,
  limitTable,
  modelSentence,
  modelTable,
  overCoresNote,
  peerNotes,
  peersSkipped,
  peerTable,
  sameInAll,
  specFields,
  targetTable,
} from './tables.js';
import { textTable, wrapped } from './text-table.js';

const widthUsual = 110;

export function terminalTable(report: BenchReport, width = widthUsual): string {
  const paragraph = (text: string): string[] => (text === '' ? [] : wrapped(text, { width }));
  const lines = [...headLines(report).flatMap(paragraph), ''];
  const section = (title: string, table: Table, notes: readonly string[] = []): void => {
    if (table.rows.length === 0 && notes.length === 0) return;
    const shown = table.rows.length === 0 ? [] : textTable(table, width);
    lines.push(title, ...shown, ...notes.flatMap(paragraph), '');
  };
  const notes = report.cells.some(({ isOverCores }) => isOverCores) ? [overCoresNote] : [];
  section('Cells', cellTable(report), [...notes, sameInAll(report.cells)].filter(Boolean));
  section('Latency, publish to durable outcome', latencyTable(report));
  section('CPU per event, batches, memory', costTable(report));
  section('Limits', limitTable(report));
  const skipped = peersSkipped(report).map((line) => `Not run: ${line}`);
  section('Peers', peerTable(report), [...peerNotes(report), ...skipped]);
  if (report.model !== null) section('Model', modelTable(report), [modelSentence(report)]);
  section('Targets', targetTable(report), targetNotes(report));
  return `${[...lines, ...verdict(report).flatMap(paragraph)].join('\n')}\n`;
}

function targetNotes({ targets }: BenchReport): string[] {
  return targets.flatMap(({ target, note }) => (note === null ? [] : [`${target}: ${note}`]));
}

function verdict(report: BenchReport): string[] {
  const { wrong, own, cells } = report;
  const notes = own === null ? [] : ownNotes(own, { cells });
  return [...notes, ...(wrong.length > 0 ? wrong.map((what) => `WRONG: ${what}`) : checkedLines(report))];
}

export function terminalComparison(comparison: Comparison, width = widthUsual): string {
  const { cells, onlyBefore, onlyAfter, otherwise, wrong } = comparison;
  const of =
    (field: Field<CellSpec>): Field<CellChange>['of'] =>
    ({ spec }) =>
      field.of(spec);
  const table = tableOf<CellChange>(cells, [
    ...specFields(cells.map(({ spec }) => spec)).map((field) => ({ ...field, of: of(field) })),
    { title: 'events', of: ({ spec }) => amountText(spec.events) },
    { title: 'before', of: ({ before }) => amountText(before) },
    { title: 'after', of: ({ after }) => amountText(after) },
    { title: 'change', of: ({ change }) => changeText(change) },
    { title: 'noise', of: ({ noise }) => percentText(noise) },
    { title: 'verdict', of: ({ verdict }) => verdict, isWord: true },
  ]);
  const count = (verdict: CellChange['verdict']): string => {
    return `${cells.filter((cell) => cell.verdict === verdict).length} ${verdict}`;
  };
  const all = (title: string, specs: readonly CellSpec[]): string[] =>
    specs.map((spec) => `${title}: ${cellName(spec)}`);
  const notes = [
    cells.length === 0 ? '' : sameInAll(cells.map(({ spec }) => spec)),
    ...otherwise.map((what) => `Differs: ${what}`),
    ...all('Only before', onlyBefore),
    ...all('Only after', onlyAfter),
    ...wrong.map((what) => `WRONG: ${what}`),
    (['faster', 'slower', 'within noise', 'not judged'] as const).map(count).join(', '),
  ];
  const shown = cells.length === 0 ? ['No cell is in both reports.'] : textTable(table, width);
  return `${[...shown, ...notes.filter(Boolean).flatMap((note) => wrapped(note, { width }))].join('\n')}\n`;
}
