// What a figure of the page is, and the words and columns that several of them share.

import { keysText } from '../cell-key.js';
import type { CellSummary } from '../report.js';
import { amountText, percentText } from './figure-text.js';
import type { Drawing } from './svg.js';
import type { Field, Table } from './table.js';
import { threadsText } from './tables.js';

export interface Figure {
  readonly id: string;
  readonly title: string;
  /** What the charts show, in a sentence or two. */
  readonly lead: string;
  /** Empty where the report has nothing of it. */
  readonly charts: readonly Drawing[];
  readonly table: Table;
  /** What would have to be run for it. */
  readonly needs: string;
}

export const workload: Field<CellSummary> = { title: 'workload', of: (cell) => cell.workload, isWord: true };
export const threads: Field<CellSummary> = { title: 'threads', of: threadsText };
export const rate: Field<CellSummary> = { title: 'events/s', of: (cell) => amountText(cell.eventsPerSecond.median) };
export const spread: Field<CellSummary> = { title: 'spread', of: (cell) => percentText(cell.eventsPerSecond.spread) };
export const ofIdeal: Field<CellSummary> = { title: 'of ideal', of: (cell) => percentText(cell.efficiency) };
export const ofInsert: Field<CellSummary> = { title: 'of insert limit', of: (cell) => percentText(cell.ofInsertLimit) };

/** What the cells of a chart have in common, since it is not in its table. */
export function keptOf(families: readonly (readonly CellSummary[])[]): string {
  const kept = (cell: CellSummary): string => `${keysText(cell)} keys, ${cell.payload}`;
  const all = new Set(families.flat().map(kept));
  return all.size === 0 ? '' : `Keys and payload: ${[...all].join('; ')}.`;
}

export function counted(count: number): string {
  return `${count} ${count === 1 ? 'thread' : 'threads'}`;
}

export function said(parts: readonly string[]): string {
  return `${parts.join('; ')}.`;
}
