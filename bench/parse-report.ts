// Reads a stored report: every field that this version has must be there, with its type; a report of another version is
// refused, since its figures may mean something else. Knows nothing of files.

import { KeylaneError } from '../src/errors.js';
import {
  type BenchReport,
  type CellSummary,
  type LimitSummary,
  type OwnSummary,
  type PeerSummary,
  reportVersion,
  type Sample,
  type ScalingModel,
  type TargetVerdict,
} from './report.js';

/** The report cannot be used; the message says what was expected, what was found and what to do. */
export class ReportError extends KeylaneError {
  constructor(message: string) {
    super('bad-input', message);
  }
}

/** The report that the text is, checked. `source` is what messages call it, such as the path it was read from. */
export function parseReport(text: string, source = 'report'): BenchReport {
  const value = parsed(text, source);
  const version = isObject(value) ? value['version'] : undefined;
  if (version !== reportVersion) {
    throw new ReportError(
      `${source}: version must be ${reportVersion}, got ${shown(version)}: measure again with this version of the ` +
        'bench (`npm run bench -- --json FILE`), or use the commit that wrote the report',
    );
  }
  return report(value, source);
}

function parsed(text: string, source: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ReportError(`${source} must be JSON, got ${shown(text)} (${String(error)}): measure again`);
  }
}

/** Gives the value back with its type, or throws. */
type Check<T> = (value: unknown, at: string) => T;

const text: Check<string> = (value, at) => (typeof value === 'string' ? value : refuse(at, 'text', value));
const flag: Check<boolean> = (value, at) => (typeof value === 'boolean' ? value : refuse(at, 'true or false', value));
/** JSON has no number that is not finite, except one too large to hold. */
const number: Check<number> = (value, at) =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : refuse(at, 'a number, 0 or more', value);

function oneOf<T extends string>(...choices: readonly T[]): Check<T> {
  return (value, at) => choices.find((choice) => choice === value) ?? refuse(at, choices.join(' or '), value);
}

function orNull<T>(check: Check<T>): Check<T | null> {
  return (value, at) => (value === null ? null : check(value, at));
}

/** Left out by reports of an older keylane. */
function orAbsent<T>(check: Check<T>): Check<T | null> {
  return (value, at) => (value === undefined || value === null ? null : check(value, at));
}

function listOf<T>(check: Check<T>): Check<readonly T[]> {
  return (value, at) =>
    Array.isArray(value) ? value.map((item, index) => check(item, `${at}[${index}]`)) : refuse(at, 'a list', value);
}

function recordOf<T>(check: Check<T>): Check<Readonly<Record<string, T>>> {
  return (value, at) => {
    if (!isObject(value)) return refuse(at, 'an object', value);
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, check(item, `${at}.${name}`)]));
  };
}

/** Every field of T must be named, so that the compiler keeps these checks in step with the report's types. */
function object<T extends object>(fields: { readonly [K in keyof T]-?: Check<T[K]> }): Check<T> {
  return (value, at) => {
    if (!isObject(value)) return refuse(at, 'an object', value);
    const entries = Object.entries(fields) as [string, Check<unknown>][];
    return Object.fromEntries(entries.map(([name, check]) => [name, check(value[name], `${at}.${name}`)])) as T;
  };
}

const sample = object<Sample>({ median: number, spread: number, runs: listOf(number) });

const cell = object<CellSummary>({
  ...{ workload: text, threads: number, events: number, keys: text, keyCount: number, payload: text },
  ...{ intake: oneOf('memory', 'journal'), durability: oneOf('process', 'power'), batchSizeMax: number },
  ...{ isOverCores: flag, eventsPerSecond: sample, speedUp: orNull(number), efficiency: orNull(number) },
  ofInsertLimit: orNull(number),
  latencyMs: object<CellSummary['latencyMs']>({ p50: number, p99: number, max: number }),
  otherKeysP99Ms: orNull(number),
  cpuUsPerEvent: object<CellSummary['cpuUsPerEvent']>({
    main: number,
    handlers: number,
    writer: number,
    other: number,
  }),
  ...{ batchSizeMean: number, groupSizeMean: number, rssBytes: number, walBytes: number },
});

const peer = object<PeerSummary>({
  ...{ name: text, version: text, workload: text, threads: number, keys: text, eventsPerSecond: sample },
  ...{ lacks: listOf(text), keylaneOver: orNull(number), skipped: orNull(text) },
  keylaneIntake: orAbsent(oneOf('memory', 'journal')),
});

const model = object<ScalingModel>({
  ...{ workload: text, mainUs: number, writerUs: number, handlerUs: number },
  saturatesAt: object<ScalingModel['saturatesAt']>({ threads: number, by: oneOf('main', 'writer') }),
  predicted: listOf(
    object<ScalingModel['predicted'][number]>({
      ...{ threads: number, eventsPerSecond: number, here: orNull(number), measured: orNull(number) },
    }),
  ),
});

const own = object<OwnSummary>({
  ...{ handlers: text, input: text, eventsLoaded: number, isCut: flag, recordsSkipped: number },
  hottestLane: orNull(object<NonNullable<OwnSummary['hottestLane']>>({ key: text, share: number })),
  results: oneOf('same', 'different', 'not-deterministic', 'of-state', 'not-compared'),
  ...{ unsteady: number, checksum: text, isCpuKnown: flag },
  plainFailures: orAbsent(
    object<NonNullable<OwnSummary['plainFailures']>>({ events: number, failed: number, firstError: orNull(text) }),
  ),
  emittedPerEvent: orAbsent(number),
  failures: listOf(
    object<OwnSummary['failures'][number]>({
      ...{ cell: text, events: number, failed: number, retried: number, parked: number, firstError: orNull(text) },
    }),
  ),
  warnings: listOf(text),
});

const report = object<BenchReport>({
  version: (value) => value as typeof reportVersion,
  startedAt: text,
  command: text,
  machine: object<BenchReport['machine']>({
    ...{ cpu: text, cores: number, memoryBytes: number, os: text, node: text, loadAtStart: number },
  }),
  subject: object<BenchReport['subject']>({ keylane: text, commit: orNull(text), versions: recordOf(text) }),
  cells: listOf(cell),
  limits: listOf(object<LimitSummary>({ name: text, of: text, value: sample })),
  peers: listOf(peer),
  targets: listOf(
    object<TargetVerdict>({
      ...{ target: text, what: text, figure: text, wanted: text, isMet: flag, note: orNull(text) },
    }),
  ),
  model: orNull(model),
  // Older reports of this version do not have it: they are of the bench's own handlers.
  own: (value, at) => orNull(own)(value ?? null, at),
  wrong: listOf(text),
});

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function refuse(at: string, expected: string, found: unknown): never {
  throw new ReportError(`${at} must be ${expected}, got ${shown(found)}: was the report edited or cut? Measure again`);
}

function shown(value: unknown): string {
  const json = JSON.stringify(value) ?? 'nothing';
  return json.length > 60 ? `${json.slice(0, 59)}…` : json;
}
