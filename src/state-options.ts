// The rows of the options table that say what the states of keys may take.

import type { OptionSpec } from './option-spec.js';

const kib = 1024;
const mib = 1024 * kib;

export const stateOptions = {
  stateSizeMax: {
    kind: 'integer',
    default: 64 * kib,
    min: 1,
    max: 1 * mib,
    unit: 'characters or bytes',
    sentence: 'Largest encoded state of one key; a larger one is a failed try.',
  },
  stateBytesMax: {
    kind: 'integer',
    default: 64 * mib,
    min: 64 * kib,
    max: 16 * kib * mib,
    unit: 'bytes',
    sentence: 'States held in memory; beyond, those of keys that rest are forgotten, and others are read one by one.',
  },
  freezeState: {
    kind: 'switch',
    default: false,
    sentence: 'Freeze the state that a handler is given, so that a change in place throws; for tests.',
  },
} as const satisfies Record<string, OptionSpec>;
