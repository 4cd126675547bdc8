// What a run of the bench found: the versioned JSON that the table, the page, the Markdown and `--compare` are made of.
// Rates are events per second, times milliseconds or microseconds as named, sizes bytes.

export const reportVersion = 2;

export interface BenchReport {
  readonly version: typeof reportVersion;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly command: string;
  readonly machine: Machine;
  readonly subject: Subject;
  readonly cells: readonly CellSummary[];
  readonly limits: readonly LimitSummary[];
  readonly peers: readonly PeerSummary[];
  readonly targets: readonly TargetVerdict[];
  readonly model: ScalingModel | null;
  /** Of the user's own handlers and input; null where the bench's were measured. */
  readonly own: OwnSummary | null;
  /** What is wrong with any result; empty when nothing is. */
  readonly wrong: readonly string[];
}

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly os: string;
  readonly node: string;
  readonly loadAtStart: number;
}

/** What was measured, and with what. */
export interface Subject {
  readonly keylane: string;
  /** Null where there is no repository. */
  readonly commit: string | null;
  readonly versions: Readonly<Record<string, string>>;
}

/** Median of the runs, and how far they lie apart: (max - min) / median. */
export interface Sample {
  readonly median: number;
  readonly spread: number;
  readonly runs: readonly number[];
}

/** What a cell runs; the same fields, in the same order, name the cell in two reports. */
export interface CellSpec {
  /** `no-op`, `60us`, `600us`, `5ms`, or the name of the user's handlers file. */
  readonly workload: string;
  readonly threads: number;
  readonly events: number;
  /** `uniform`, `zipf`, `one-hot` (half of the events have one key), `one` (all have one key), `none`. */
  readonly keys: string;
  readonly keyCount: number;
  readonly payload: string;
  readonly intake: 'memory' | 'journal';
  readonly durability: 'process' | 'power';
  readonly batchSizeMax: number;
}

export interface CellSummary extends CellSpec {
  /** More threads than cores: its figures say nothing of scaling. */
  readonly isOverCores: boolean;
  readonly eventsPerSecond: Sample;
  /** Against one thread of the same cell, where it was run. */
  readonly speedUp: number | null;
  /** Against the ideal measured in the same run; null for `no-op`. */
  readonly efficiency: number | null;
  /** Of the insert limit of the same rows; null where the workload computes. */
  readonly ofInsertLimit: number | null;
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly max: number };
  /** Latency of the keys that are not hot, for skewed keys. */
  readonly otherKeysP99Ms: number | null;
  /** `other`: the helpers of V8 and libuv, which collect garbage and compile for all threads. */
  readonly cpuUsPerEvent: {
    readonly main: number;
    readonly handlers: number;
    readonly writer: number;
    readonly other: number;
  };
  readonly batchSizeMean: number;
  readonly groupSizeMean: number;
  readonly rssBytes: number;
  readonly walBytes: number;
}

/** The user's own handlers and input, and whether their results could be checked. */
export interface OwnSummary {
  readonly handlers: string;
  readonly input: string;
  readonly eventsLoaded: number;
  /** The input has more than was loaded. */
  readonly isCut: boolean;
  readonly recordsSkipped: number;
  /** The (handler, key) that most events have; null where none has a key. */
  readonly hottestLane: { readonly key: string; readonly share: number } | null;
  /** Against plain loops of the same run. */
  readonly results: 'same' | 'different' | 'not-deterministic' | 'of-state' | 'not-compared';
  /** Events of which two plain loops made different things. */
  readonly unsteady: number;
  /** Of the plain loops' results. */
  readonly checksum: string;
  /** Events that failed in plain loops; null, or left out by an older keylane, where none did. */
  readonly plainFailures?: {
    readonly events: number;
    readonly failed: number;
    readonly firstError: string | null;
  } | null;
  /** What handlers emitted for each event, in a plain loop, which does not run it; left out by an older keylane. */
  readonly emittedPerEvent?: number | null;
  /** Whether `cpuUsPerEvent` is known thread by thread; else handlers stand for all that is not main. */
  readonly isCpuKnown: boolean;
  /** Cells with failed tries; the largest counts of their runs. */
  readonly failures: readonly {
    readonly cell: string;
    readonly events: number;
    /** Dead-lettered. */
    readonly failed: number;
    /** Tries after which another followed. */
    readonly retried: number;
    readonly parked: number;
    readonly firstError: string | null;
  }[];
  /** What processors warned of. */
  readonly warnings: readonly string[];
}

export interface LimitSummary {
  /** `insert`: one thread inserting the same rows. `ideal`: plain processes computing. `hand-over`: one message there and back between threads, in microseconds. `plain loop`. */
  readonly name: string;
  readonly of: string;
  readonly value: Sample;
}

export interface PeerSummary {
  /** How events came into the keylane that it is held against; left out by an older keylane. */
  readonly keylaneIntake?: CellSpec['intake'] | null;
  readonly name: string;
  readonly version: string;
  readonly workload: string;
  readonly threads: number;
  readonly keys: string;
  readonly eventsPerSecond: Sample;
  /** What it does not promise of: parallel CPU, order per key, durable outcome, crash recovery. */
  readonly lacks: readonly string[];
  /** keylane's rate in the same run over the peer's. */
  readonly keylaneOver: number | null;
  /** Why it was not run; null when it was. */
  readonly skipped: string | null;
}

export interface TargetVerdict {
  /** `T1` to `T9`. */
  readonly target: string;
  readonly what: string;
  readonly figure: string;
  readonly wanted: string;
  readonly isMet: boolean;
  /** Of one that is missed: where the time goes and what was tried. */
  readonly note: string | null;
}

/** From measured CPU per event of each thread: what n threads would do, were there cores. */
export interface ScalingModel {
  readonly workload: string;
  readonly mainUs: number;
  readonly writerUs: number;
  readonly handlerUs: number;
  /** Threads at which main or writer is busy all the time, and which of them. */
  readonly saturatesAt: { readonly threads: number; readonly by: 'main' | 'writer' };
  readonly predicted: readonly {
    readonly threads: number;
    /** With a core for every thread. */
    readonly eventsPerSecond: number;
    /** With the cores of this machine, to hold `measured` against; null where nothing was measured. */
    readonly here: number | null;
    readonly measured: number | null;
  }[];
}
