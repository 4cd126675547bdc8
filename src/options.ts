// The table of options, from which config, flags, messages and README come. The environment is read nowhere else.

import { availableParallelism } from 'node:os';
import { emitOptions } from './emit-options.js';
import { KeylaneError } from './errors.js';
import { failureOptions } from './failure-options.js';
import { locationFrom, storeFrom } from './locations.js';
import { checkOption, checkOptions, type OptionSpec, unknownOption, type ValueOf } from './option-spec.js';
import { rateOptions } from './rate-options.js';
import { stateOptions } from './state-options.js';
import { telemetryOptions } from './telemetry-options.js';

/** How events are ordered: per key, not at all, or all of them one after another. */
export type OrderMode = 'key' | 'none' | 'global';

/** Whether a published event is stored before `publish` resolves, or only its outcome is. */
export type IntakeMode = 'journal' | 'memory';

/** Which fault a stored outcome survives: the end of the process (kill -9), or the loss of power as well. */
export type Durability = 'process' | 'power';

const kib = 1024;
const mib = 1024 * kib;

const keptOutcomes = {
  ageMsMax: {
    kind: 'limit',
    default: null,
    min: 0,
    max: 100 * 365 * 24 * 60 * 60 * 1000,
    unit: 'ms',
    sentence: 'Age above which an outcome is deleted, by the start of its last try.',
  },
  countMax: {
    kind: 'limit',
    default: null,
    min: 0,
    max: 1_000_000_000,
    unit: 'outcomes',
    sentence: 'Newest outcomes that each partition keeps; those below them are deleted.',
  },
} as const;

/** Every option but `handlers` and `store`, which have no default. */
export const optionTable = {
  threads: {
    kind: 'integer',
    default: availableParallelism(),
    min: 1,
    max: 256,
    unit: 'threads',
    sentence: 'Handler threads.',
    flag: 'threads',
  },
  order: {
    kind: 'choice',
    default: 'key',
    choices: ['key', 'none', 'global'],
    sentence: 'Order of events: per handler and key, none, or all of them one after another.',
    flag: 'order',
  },
  durability: {
    kind: 'choice',
    default: 'power',
    choices: ['process', 'power'],
    sentence: 'What a stored outcome survives: the end of the process (kill -9), or loss of power as well.',
    flag: 'durability',
  },
  intake: {
    kind: 'choice',
    default: 'journal',
    choices: ['journal', 'memory'],
    sentence: 'Whether publish resolves once the event is stored, or once it is in memory, where a crash loses it.',
  },
  unmatched: {
    kind: 'choice',
    default: 'refuse',
    choices: ['refuse', 'record'],
    sentence: 'What becomes of a published event that no handler takes: refused, or stored, owing nothing.',
  },
  autoStart: { kind: 'switch', default: true, sentence: 'Start running at once; otherwise events wait until start().' },
  ringSize: {
    kind: 'integer',
    default: 16_384,
    min: 16,
    max: 1_048_576,
    unit: 'events',
    sentence: 'Events held in memory until their outcome is durable; published ones beyond wait in the store.',
    flag: 'ring-size',
  },
  ringBytesMax: {
    kind: 'integer',
    default: 128 * mib,
    min: 1 * mib,
    max: 16 * kib * mib,
    unit: 'bytes',
    sentence: 'Encoded size of the events held in memory.',
  },
  backlogMax: {
    kind: 'integer',
    default: 10_000_000,
    min: 1,
    max: 1_000_000_000,
    unit: 'events',
    sentence: 'Published events that wait in the store because memory is full; at the limit publishers wait.',
  },
  storeBytesMax: {
    kind: 'integer',
    default: 64 * kib * mib,
    min: 1 * mib,
    max: 8 * mib * mib,
    unit: 'bytes',
    sentence: 'Size of the store at which publishers and sources wait.',
  },
  freeBytesMin: {
    kind: 'integer',
    default: 64 * mib,
    min: 0,
    max: 8 * mib * mib,
    unit: 'bytes',
    sentence: 'Free space on the file system of the store below which publishers and sources wait.',
  },
  publishersMax: {
    kind: 'integer',
    default: 10_000,
    min: 1,
    max: 1_000_000,
    unit: 'calls',
    sentence: 'Calls of publish that may wait for room; one more is refused.',
  },
  batchSizeMax: {
    kind: 'integer',
    default: 1024,
    min: 1,
    max: 16_384,
    unit: 'events',
    sentence: 'Most events in one batch.',
    flag: 'batch-size-max',
  },
  batchTargetMs: {
    kind: 'integer',
    default: 20,
    min: 1,
    max: 10_000,
    unit: 'ms',
    sentence: 'Duration at which a batch aims, from the measured handler time.',
    flag: 'batch-target-ms',
  },
  batchBytesMax: {
    kind: 'integer',
    default: 8 * mib,
    min: 64 * kib,
    max: 256 * mib,
    unit: 'bytes',
    sentence: 'Encoded size at which a batch is closed, and at which a thread ends its report and hands back the rest.',
  },
  groupSizeMax: {
    kind: 'integer',
    default: 4096,
    min: 1,
    max: 65_536,
    unit: 'outcomes',
    sentence: 'Outcomes at which a group is committed at once; a group holds whole batches.',
    flag: 'group-size-max',
  },
  groupWaitMs: {
    kind: 'integer',
    default: 50,
    min: 0,
    max: 60_000,
    unit: 'ms',
    sentence:
      'Longest wait of an outcome for its group while other batches run; 5 to 10 ms at most if somebody waits for it.',
    flag: 'group-wait-ms',
  },
  unacknowledgedBytesMax: {
    kind: 'integer',
    default: 64 * mib,
    min: 1 * mib,
    max: 4 * kib * mib,
    unit: 'bytes',
    sentence: 'Bytes of outcomes not yet durable; at the limit no new batch starts until half of it is free.',
  },
  dataSizeMax: {
    kind: 'integer',
    default: 16 * mib,
    min: 1,
    max: 256 * mib,
    unit: 'characters or bytes',
    sentence: 'Largest encoded data of one event; a larger event is refused.',
  },
  keySizeMax: {
    kind: 'integer',
    default: 1024,
    min: 1,
    max: 65_536,
    unit: 'characters',
    sentence: 'Longest key, type or id; a longer one is refused.',
  },
  headersSizeMax: {
    kind: 'integer',
    default: 8 * kib,
    min: 2,
    max: 1 * mib,
    unit: 'characters',
    sentence: 'Largest encoded headers of one event; larger ones are refused.',
  },
  resultSizeMax: {
    kind: 'integer',
    default: 4 * mib,
    min: 1,
    max: 256 * mib,
    unit: 'characters or bytes',
    sentence: 'Largest encoded result; a larger one is a failed try.',
  },
  errorSizeMax: {
    kind: 'integer',
    default: 16 * kib,
    min: 512,
    max: 1 * mib,
    unit: 'characters',
    sentence: 'Largest stored error; what exceeds it is cut.',
  },
  ...{ ...stateOptions, ...emitOptions, ...failureOptions, ...rateOptions, ...telemetryOptions },
  loadTimeoutMs: {
    kind: 'integer',
    default: 10_000,
    min: 100,
    max: 600_000,
    unit: 'ms',
    sentence: 'Longest time for the handlers module to load, and for setup() or teardown() in a thread.',
    flag: 'load-timeout-ms',
  },
  retention: {
    kind: 'group',
    default: null,
    members: {
      succeeded: { kind: 'group', default: null, members: keptOutcomes, sentence: 'Which succeeded ones are kept.' },
      deadLettered: { kind: 'group', default: null, members: keptOutcomes, sentence: 'Which dead letters are kept.' },
    },
    sentence: 'Which outcomes are kept. Without it all of them are.',
  },
} as const satisfies Record<string, OptionSpec>;

type Table = typeof optionTable;

/** Which outcomes are kept, by status. One that exceeds either limit of its status is deleted. */
export type Retention = ValueOf<Table['retention']>;

/** Options of `createProcessor`. The table in the README says what each is for, its default and its bounds. */
export type ProcessorOptions = {
  /** The handlers module: a file URL, or a path (relative to the current folder). */
  readonly handlers: string | URL;
  /** Path of the SQLite file that holds the outcomes; made when it does not exist. */
  readonly store: string;
} & { readonly [Name in keyof Table]?: ValueOf<Table[Name]> };

/** Options with every default filled in; null stands for a limit that is not set. */
export type Config = {
  readonly handlers: string | URL;
  readonly store: string;
} & {
  readonly [Name in keyof Table]: ValueOf<Table[Name]> | (Table[Name]['default'] extends null ? null : never);
};

/**
 * Checks options and fills in defaults. Throws a KeylaneError `bad-option` that says what fits and what was found;
 * `others` are names that the caller has taken out of them.
 */
export function configFrom(options: ProcessorOptions, others: readonly string[] = []): Config {
  checkOptions(options);
  const given: Readonly<Record<string, unknown>> = { ...options };
  const config: Record<string, unknown> = Object.create(null);
  for (const name of Object.keys(given)) {
    if (name !== 'handlers' && name !== 'store' && !Object.hasOwn(optionTable, name)) {
      throw unknownOption(name, { names: ['handlers', 'store', ...others, ...Object.keys(optionTable)] });
    }
  }
  config['handlers'] = locationFrom('handlers', given['handlers']);
  config['store'] = storeFrom(given['store']);
  for (const [name, spec] of Object.entries<OptionSpec>(optionTable)) {
    config[name] = given[name] === undefined ? spec.default : checkOption(name, spec, given[name]);
  }
  const whole = config as Config;
  checkAtMost(whole, 'dataSizeMax', 'ringBytesMax');
  checkAtMost(whole, 'backoffMsMin', 'backoffMsMax');
  return whole;
}

type SizedName = 'dataSizeMax' | 'ringBytesMax' | 'backoffMsMin' | 'backoffMsMax';

function checkAtMost(config: Config, name: SizedName, limit: SizedName): void {
  if (config[name] <= config[limit]) return;
  throw new KeylaneError('bad-option', `${name} must be at most ${limit} (${config[limit]}), got ${config[name]}`);
}

/** Checks which outcomes are to be kept; null when all of them are. Throws a KeylaneError `bad-option`. */
export function retentionFrom(value: unknown): Retention | null {
  return checkOption('retention', optionTable.retention, value) as Retention | null;
}
