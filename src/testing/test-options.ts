// What a test processor is made with: the options of a processor that it leaves open, and its own.

import type { WithSchemas } from '../create-processor.js';
import { KeylaneError } from '../errors.js';
import type { Handlers, Policies } from '../handler.js';
import { badOption, checkOption, checkOptions, unknownOption } from '../option-spec.js';
import { optionTable, type ProcessorOptions } from '../options.js';
import type { Schemas } from '../standard-schema.js';

const ownStore = 'a test processor has a store of its own, which goes with it';
const noRetention = 'a test processor deletes nothing; pruneStore({ store: bus.path, … }) does, after drain()';

/** Options that a test processor does not leave open, and why. */
const fixed = { store: ownStore, intake: ownStore, durability: ownStore, retention: noRetention };

type Fixed = keyof typeof fixed;

export type TestOptions<H extends Handlers, S extends Schemas = Record<never, never>> = Omit<
  ProcessorOptions,
  'handlers' | Fixed
> &
  WithSchemas<S> & {
    /** The handlers themselves, as a module exports them by default. */
    readonly handlers: H;
    /** What the module exports as `policies`. */
    readonly policies?: Policies;
    /** Where the wall clock begins; 2026-01-01 without it. */
    readonly now?: Date | number;
    /** Draws which thread has a batch, when it begins, and how long retries wait: other seeds, other interleavings. */
    readonly seed?: number;
    /** How long `settle` waits for a handler or a schema, in real milliseconds; 5,000 without it. */
    readonly patienceMs?: number;
  };

export const nowDefault = Date.UTC(2026, 0, 1);
export const patienceMsDefault = 5000;

/** What it takes besides the options of a processor. */
const ownSpecs = {
  seed: { kind: 'integer', default: 0, min: -(2 ** 31), max: 2 ** 32 - 1, unit: 'any 32 bits', sentence: '' },
  patienceMs: { kind: 'integer', default: patienceMsDefault, min: 1, max: 2 ** 31 - 1, unit: 'ms', sentence: '' },
} as const;

/** Throws a KeylaneError `bad-option` for what a processor does not check itself. */
export function checkTestOptions(options: Pick<TestOptions<Handlers>, 'now' | 'seed' | 'patienceMs'>): void {
  checkOptions(options);
  refuseFixed(options);
  const names = ['handlers', 'policies', 'schemas', 'now', 'seed', 'patienceMs', ...Object.keys(optionTable)];
  const open = names.filter((name) => !Object.hasOwn(fixed, name));
  const unknown = Object.keys(options).find((name) => !names.includes(name));
  if (unknown !== undefined) throw unknownOption(unknown, { names: open });
  const { now = nowDefault } = options;
  if ((typeof now !== 'number' && !(now instanceof Date)) || Number.isNaN(new Date(now).getTime())) {
    throw badOption('now', 'a valid Date, or its milliseconds since the Unix epoch', now);
  }
  for (const [name, spec] of Object.entries(ownSpecs)) {
    const value = options[name as keyof typeof ownSpecs];
    if (value !== undefined) checkOption(name, spec, value);
  }
}

function refuseFixed(options: object): void {
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || !Object.hasOwn(fixed, name)) continue;
    throw new KeylaneError('bad-option', `${name} must be left out: ${fixed[name as Fixed]}`);
  }
}
