// The tables that every form of the report shows: cells, what they cost, limits, peers, targets, the model.

import { keysText } from '../cell-key.js';
import type { BenchReport, CellSpec, CellSummary, Machine, PeerSummary } from '../report.js';
import { absent, amountText, bytesText, numberText, percentText, timesText } from './figure-text.js';
import { inputLine } from './own-text.js';
import { type Field, type Table, tableOf } from './table.js';

/** A cell and its number in the report, by which two tables name the same cell. */
interface Numbered extends CellSummary {
  readonly number: number;
}

export const overCoresMark = '*';
export const overCoresNote = `${overCoresMark} more threads than cores: says nothing of scaling.`;

/** What the cells are, how fast, and how near to their limits. */
export function cellTable({ cells }: BenchReport): Table {
  return tableOf(numbered(cells), [
    { title: '#', of: ({ number }) => String(number) },
    ...specFields(cells).map((field): Field<CellSummary> => {
      return field.title === 'threads' ? { ...field, of: threadsText } : field;
    }),
    { title: 'events/s', of: ({ eventsPerSecond }) => amountText(eventsPerSecond.median) },
    { title: 'spread', of: ({ eventsPerSecond }) => percentText(eventsPerSecond.spread) },
    { title: 'speed-up', of: ({ speedUp }) => timesText(speedUp) },
    { title: 'of ideal', of: ({ efficiency }) => percentText(efficiency) },
    { title: 'of insert', of: ({ ofInsertLimit }) => percentText(ofInsertLimit) },
  ]);
}

export function latencyTable({ cells }: BenchReport): Table {
  return tableOf(numbered(cells), [
    ...shortSpec,
    { title: 'events', of: ({ events }) => amountText(events) },
    { title: 'p50 ms', of: ({ latencyMs }) => numberText(latencyMs.p50) },
    { title: 'p99 ms', of: ({ latencyMs }) => numberText(latencyMs.p99) },
    { title: 'max ms', of: ({ latencyMs }) => numberText(latencyMs.max) },
    ...(cells.some(({ otherKeysP99Ms }) => otherKeysP99Ms !== null) ? [otherKeys] : []),
  ]);
}

/** Whether a hot key hurts the others. */
const otherKeys: Field<CellSummary> = {
  title: 'p99 ms of other keys',
  of: ({ otherKeysP99Ms }) => numberText(otherKeysP99Ms),
};

/** What each cell costs: CPU of each thread per event, the sizes that it comes from, and memory. */
export function costTable({ cells }: BenchReport): Table {
  return tableOf(numbered(cells), [
    ...shortSpec,
    { title: 'main us', of: ({ cpuUsPerEvent }) => numberText(cpuUsPerEvent.main) },
    { title: 'handlers us', of: ({ cpuUsPerEvent }) => numberText(cpuUsPerEvent.handlers) },
    { title: 'writer us', of: ({ cpuUsPerEvent }) => numberText(cpuUsPerEvent.writer) },
    { title: 'other us', of: ({ cpuUsPerEvent }) => numberText(cpuUsPerEvent.other) },
    { title: 'mean batch', of: ({ batchSizeMean }) => numberText(batchSizeMean) },
    { title: 'mean group', of: ({ groupSizeMean }) => numberText(groupSizeMean) },
    { title: 'RSS', of: ({ rssBytes }) => bytesText(rssBytes) },
    { title: 'WAL', of: ({ walBytes }) => bytesText(walBytes) },
  ]);
}

/** Enough beside the number to know the cell again. */
const shortSpec: readonly Field<Numbered>[] = [
  { title: '#', of: ({ number }) => String(number) },
  { title: 'workload', of: ({ workload }) => workload, isWord: true },
  { title: 'threads', of: threadsText },
];

export function limitTable({ limits }: BenchReport): Table {
  return tableOf(limits, [
    { title: 'limit', of: ({ name }) => name, isWord: true },
    { title: 'of', of: ({ of }) => of, isWord: true },
    {
      title: 'figure',
      of: ({ name, value }) => (name === 'hand-over' ? microseconds(value.median) : rate(value.median)),
    },
    { title: 'spread', of: ({ value }) => percentText(value.spread) },
  ]);
}

/** The peers that ran. */
export function peerTable(report: BenchReport): Table {
  return tableOf(peersThatRan(report), [
    { title: 'peer', of: peerName, isWord: true },
    { title: 'workload', of: ({ workload }) => workload, isWord: true },
    { title: 'threads', of: ({ threads }) => String(threads) },
    { title: 'keys', of: ({ keys }) => keys, isWord: true },
    { title: 'events/s', of: ({ eventsPerSecond }) => amountText(eventsPerSecond.median) },
    { title: 'spread', of: ({ eventsPerSecond }) => percentText(eventsPerSecond.spread) },
    { title: 'keylane with', of: ({ keylaneIntake }) => `intake ${keylaneIntake ?? 'memory'}`, isWord: true },
    { title: 'keylane is', of: ({ keylaneOver }) => timesText(keylaneOver) },
    { title: 'does not promise', of: ({ lacks }) => lacks.join(', ') || 'promises the same', isWord: true },
  ]);
}

/** Where a peer is faster, and what keylane does not promise there either. */
export function peerNotes(report: BenchReport): string[] {
  const isInMemory = peersThatRan(report).some(
    ({ keylaneIntake, keylaneOver }) => keylaneOver !== null && (keylaneIntake ?? 'memory') === 'memory',
  );
  const unkept =
    'keylane with intake memory does not promise that accepted events that are not decided yet survive a crash';
  return [...peerWins(report), ...(isInMemory ? [`${unkept}.`] : [])];
}

/** One sentence for each place where a peer is faster, or one that says there is none. */
function peerWins(report: BenchReport): string[] {
  const ran = peersThatRan(report).filter(({ keylaneOver }) => keylaneOver !== null);
  if (ran.length === 0) return [];
  const wins = ran.filter(({ keylaneOver }) => (keylaneOver ?? 1) < 1);
  if (wins.length === 0) return ['No peer is faster than keylane in this run.'];
  return wins.map((peer) => {
    const where = `${peer.workload}, ${peer.threads} ${peer.threads === 1 ? 'thread' : 'threads'}, ${peer.keys} keys`;
    const without = peer.lacks.length === 0 ? '' : `, without ${peer.lacks.join(', ')}`;
    return `${peerName(peer)} is faster at ${where}: ${timesText(1 / (peer.keylaneOver || 1))} keylane${without}.`;
  });
}

export function peersSkipped({ peers }: BenchReport): string[] {
  return peers.filter(({ skipped }) => skipped !== null).map((peer) => `${peerName(peer)}: ${peer.skipped}`);
}

export function peersThatRan({ peers }: BenchReport): PeerSummary[] {
  return peers.filter(({ skipped }) => skipped === null);
}

/** The version of what is made by hand says nothing, and is empty. */
export function peerName({ name, version }: Pick<PeerSummary, 'name' | 'version'>): string {
  return version === '' ? name : `${name} ${version}`;
}

export function targetTable({ targets }: BenchReport): Table {
  return tableOf(targets, [
    { title: '', of: ({ target }) => target, isWord: true },
    { title: 'verdict', of: ({ isMet }) => (isMet ? 'met' : 'MISSED'), isWord: true },
    { title: 'what', of: ({ what }) => what, isWord: true },
    { title: 'figure', of: ({ figure }) => figure, isWord: true },
    { title: 'target', of: ({ wanted }) => wanted, isWord: true },
  ]);
}

export function modelTable({ model }: BenchReport): Table {
  return tableOf(model?.predicted ?? [], [
    { title: 'threads', of: ({ threads }) => String(threads) },
    { title: 'predicted events/s', of: ({ eventsPerSecond }) => amountText(eventsPerSecond) },
    { title: 'on these cores', of: ({ here }) => amountText(here) },
    { title: 'measured events/s', of: ({ measured }) => amountText(measured) },
    { title: 'measured of predicted', of: ({ measured, here }) => percentText(share({ measured, of: here })) },
  ]);
}

export function modelSentence({ model }: BenchReport): string {
  if (model === null) return 'No model: the cells that it is made of were not run.';
  const { workload, mainUs, writerUs, handlerUs, saturatesAt } = model;
  const costs = `main ${numberText(mainUs)} us, writer ${numberText(writerUs)} us, handlers ${numberText(handlerUs)} us`;
  const end = `the ${saturatesAt.by} thread is busy all the time from ${numberText(saturatesAt.threads)} threads on`;
  return `${workload}: CPU per event ${costs}. With a core for each thread, ${end}; more threads bring nothing there.`;
}

export function threadsText({ threads, isOverCores }: Pick<CellSummary, 'threads' | 'isOverCores'>): string {
  return isOverCores ? `${threads}${overCoresMark}` : String(threads);
}

function numbered(cells: readonly CellSummary[]): Numbered[] {
  return cells.map((cell, index) => ({ ...cell, number: index + 1 }));
}

const specColumns: readonly Field<CellSpec>[] = [
  { title: 'workload', of: ({ workload }) => workload, isWord: true },
  { title: 'threads', of: ({ threads }) => String(threads) },
  { title: 'keys', of: keysText, isWord: true },
  { title: 'payload', of: ({ payload }) => payload, isWord: true },
  { title: 'store', of: ({ intake, durability }) => `${intake}/${durability}`, isWord: true },
  { title: 'batch', of: ({ batchSizeMax }) => String(batchSizeMax) },
];

/** Columns that tell the cells apart. What is the same in all of them is said once: `sameInAll`. */
export function specFields(cells: readonly CellSpec[]): Field<CellSpec>[] {
  return specColumns.filter(({ title, of }) => isKept(title) || new Set(cells.map(of)).size > 1);
}

export function sameInAll(cells: readonly CellSpec[]): string {
  const [first] = cells;
  if (first === undefined) return 'No cell was run.';
  const same = specColumns.filter(({ title, of }) => !isKept(title) && new Set(cells.map(of)).size === 1);
  if (same.length === 0) return '';
  return `In all cells: ${same.map(({ title, of }) => `${title} ${of(first)}`).join(', ')}.`;
}

function isKept(title: string): boolean {
  return title === 'workload' || title === 'threads';
}

function rate(value: number): string {
  return `${amountText(value)} events/s`;
}

function microseconds(value: number): string {
  return `${numberText(value)} us`;
}

function share({ measured, of }: { readonly measured: number | null; readonly of: number | null }): number | null {
  return measured === null || of === null || of === 0 ? null : measured / of;
}

/** On what it was measured, what, when and how, and the user's own handlers where it is about them. */
export function headLines({ machine, subject, startedAt, command, own }: BenchReport): string[] {
  const versions = Object.entries(subject.versions).map(([name, version]) => `${name} ${version}`);
  return [
    machineLine(machine),
    [`keylane ${subject.keylane}`, subject.commit ?? 'no commit', ...versions].join(', '),
    `${startedAt === '' ? absent : startedAt}, ${command}`,
    ...(own === null ? [] : [inputLine(own)]),
  ];
}

export function machineLine({ cpu, cores, memoryBytes, os, node, loadAtStart }: Machine): string {
  return `${cpu}, ${cores} cores, ${bytesText(memoryBytes)}, ${os}, Node ${node}, load ${loadAtStart.toFixed(2)}`;
}
