// The rows of the options table that say how much a handler may emit.

import type { OptionSpec } from './option-spec.js';

const mib = 1024 * 1024;

export const emitOptions = {
  emitDepthMax: {
    kind: 'integer',
    default: 16,
    min: 1,
    max: 10_000,
    unit: 'events',
    sentence: 'Longest chain of emitted events, each emitted by the one before; what would be longer is dead-lettered.',
  },
  emitSizeMax: {
    kind: 'integer',
    default: 1 * mib,
    min: 1024,
    max: 64 * mib,
    unit: 'characters and bytes',
    sentence: 'Most that one try may emit, encoded; more is a failed try.',
  },
} as const satisfies Record<string, OptionSpec>;
