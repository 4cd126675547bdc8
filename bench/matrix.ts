// Runs the cells of a plan with their limits, in rounds: each round runs everything once, so that a disturbance of the
// machine hits one run of many cells and not all runs of one. The report's figures are made from the rounds here.

import type { CellRequest, CellRun, LatencyPlan } from './cell.js';
import { cellKey, cellName } from './cell-key.js';
import type { IdealRequest } from './ideal.js';
import type { Lab } from './lab.js';
import { cores } from './machine.js';
import type { CellSpec, CellSummary, LimitSummary } from './report.js';
import { median, sampleOf } from './sample.js';
import { nominalUs, type Workload } from './workloads.js';

/** Of the throughput found. Listening to outcomes costs the main thread about as much as handling them, so no-op less. */
const latencyShare = { computing: 0.7, 'no-op': 0.35 };

export interface MatrixPlan {
  readonly cells: readonly CellSpec[];
  readonly repeats: number;
  /** For each measurement of latency, and for each plain loop. */
  readonly seconds: number;
}

export interface Measured {
  readonly cells: readonly CellSummary[];
  readonly limits: readonly LimitSummary[];
}

export async function runMatrix(lab: Lab, plan: MatrixPlan): Promise<Measured> {
  const runs = new Map<CellSpec, CellRun[]>(plan.cells.map((spec) => [spec, []]));
  const limits = new Limits(lab, plan);
  for (let round = 1; round <= plan.repeats; round += 1) {
    await limits.measure();
    for (const [spec, done] of runs) {
      lab.say(`round ${round} of ${plan.repeats}: ${cellName(spec)}`);
      done.push(await lab.cell(requestOf(spec, plan.seconds)));
    }
  }
  const cells = [...runs].map(([spec, done]) => summaryOf(spec, done, { limits, others: runs }));
  return { cells, limits: limits.summaries() };
}

export function requestOf(spec: CellSpec, seconds: number): CellRequest {
  const share = latencyShare[spec.workload === 'no-op' ? 'no-op' : 'computing'];
  const latency: LatencyPlan = { kind: 'share', share, seconds };
  return { spec, latency };
}

/** What there is to hold cells against. */
class Limits {
  readonly #lab: Lab;
  readonly #seconds: number;
  /** By the cell of which only what is stored counts. */
  readonly #insert = new Map<string, { spec: CellSpec; rates: number[] }>();
  /** By workload and processes. */
  readonly #ideal = new Map<string, { request: IdealRequest; rates: number[] }>();
  readonly #roundTripsUs: number[] = [];

  constructor(lab: Lab, { cells, seconds }: MatrixPlan) {
    this.#lab = lab;
    this.#seconds = seconds;
    for (const spec of cells) {
      if (spec.workload === 'no-op') this.#insert.set(insertKey(spec), { spec, rates: [] });
      else for (const processes of [1, Math.min(spec.threads, cores)]) this.#addIdeal(spec.workload, processes);
    }
  }

  async measure(): Promise<void> {
    const argument = Math.ceil(20_000 * this.#seconds);
    const { roundTripUs } = await this.#lab.run<{ roundTripUs: number }>('hand-over.js', {
      argument,
      name: 'hand-over',
    });
    this.#roundTripsUs.push(roundTripUs);
    for (const { spec, rates } of this.#insert.values()) rates.push(await this.#lab.insertLimit(spec));
    for (const { request, rates } of this.#ideal.values()) rates.push(await idealRate(this.#lab, request));
  }

  insertOf(spec: CellSpec): number | null {
    const found = this.#insert.get(insertKey(spec));
    return found === undefined || spec.workload !== 'no-op' ? null : median(found.rates);
  }

  /** Threads that have no core of their own add nothing to it. */
  idealOf({ workload, threads }: CellSpec): number | null {
    const found = this.#ideal.get(idealKey(workload, Math.min(threads, cores)));
    return found === undefined ? null : median(found.rates);
  }

  summaries(): LimitSummary[] {
    const inserts = [...this.#insert.values()].map(({ spec, rates }) => {
      const { intake, durability, payload } = spec;
      return { name: 'insert', of: `${intake} / ${durability}, ${payload}`, value: sampleOf(rates) };
    });
    const ideals = [...this.#ideal.values()].map(({ request, rates }) => {
      const { workload, processes } = request;
      const name = processes === 1 ? 'plain loop' : 'ideal';
      const of = processes === 1 ? workload : `${workload}, ${processes} plain processes`;
      return { name, of, value: sampleOf(rates) };
    });
    const handOver = { name: 'hand-over', of: 'a message there and back', value: sampleOf(this.#roundTripsUs) };
    return [...inserts, ...ideals, handOver];
  }

  #addIdeal(workload: string, processes: number): void {
    const request = idealRequest(workload as Workload, { processes, seconds: this.#seconds });
    this.#ideal.set(idealKey(workload, processes), { request, rates: [] });
  }
}

export function idealRequest(
  workload: Workload,
  { processes, seconds }: { processes: number; seconds: number },
): IdealRequest {
  return { workload, processes, events: Math.max(10, Math.ceil((seconds * 1e6) / nominalUs[workload])) };
}

export async function idealRate(lab: Lab, request: IdealRequest): Promise<number> {
  const name = `${request.processes} plain processes of ${request.workload}`;
  return (await lab.run<{ eventsPerSecond: number }>('ideal.js', { argument: request, name })).eventsPerSecond;
}

/** Rows differ with intake, durability and payload, hardly with keys, and not with threads. */
function insertKey({ intake, durability, payload }: CellSpec): string {
  return [intake, durability, intake === 'memory' ? '' : payload].join();
}

function idealKey(workload: string, processes: number): string {
  return `${workload} ${processes}`;
}

function summaryOf(
  spec: CellSpec,
  runs: readonly CellRun[],
  { limits, others }: { limits: Limits; others: ReadonlyMap<CellSpec, readonly CellRun[]> },
): CellSummary {
  const eventsPerSecond = sampleOf(runs.map((run) => run.eventsPerSecond));
  const rate = eventsPerSecond.median;
  const alone = [...others].find(([other]) => other.threads === 1 && isSameButThreads(other, spec))?.[1];
  const over = (limit: number | null): number | null => (limit === null ? null : rate / limit);
  const middle = (pick: (run: CellRun) => number): number => median(runs.map(pick));
  const cpu = (name: keyof CellRun['cpuUsPerEvent']): number => middle((run) => run.cpuUsPerEvent[name]);
  const others99 = runs.map((run) => run.latencyMs?.otherKeysP99 ?? null).filter((value) => value !== null);
  const isSkewed = spec.keys === 'zipf' || spec.keys === 'one-hot';
  return {
    ...spec,
    isOverCores: spec.threads > cores,
    eventsPerSecond,
    speedUp: alone === undefined ? null : rate / median(alone.map((run) => run.eventsPerSecond)),
    efficiency: over(limits.idealOf(spec)),
    ofInsertLimit: over(limits.insertOf(spec)),
    latencyMs: {
      p50: middle((run) => run.latencyMs?.p50 ?? 0),
      p99: middle((run) => run.latencyMs?.p99 ?? 0),
      max: Math.max(...runs.map((run) => run.latencyMs?.max ?? 0)),
    },
    otherKeysP99Ms: isSkewed && others99.length > 0 ? median(others99) : null,
    cpuUsPerEvent: { main: cpu('main'), handlers: cpu('handlers'), writer: cpu('writer'), other: cpu('other') },
    batchSizeMean: middle((run) => run.batchSizeMean),
    groupSizeMean: middle((run) => run.groupSizeMean),
    rssBytes: middle((run) => run.rssBytes),
    walBytes: middle((run) => run.walBytes),
  };
}

function isSameButThreads(one: CellSpec, other: CellSpec): boolean {
  return cellKey(one, ['threads', 'events']) === cellKey(other, ['threads', 'events']);
}
