// The part of the options table that is about tries that fail, threads that end, and what follows.

import type { OptionSpec } from './option-spec.js';

export const failureOptions = {
  attemptsMax: {
    kind: 'integer',
    default: 4,
    min: 1,
    max: 1000,
    unit: 'tries',
    sentence:
      'Tries of one event, the first included, before it is dead-lettered. A death of its process counts as one.',
    flag: 'attempts-max',
  },
  backoffMsMin: {
    kind: 'integer',
    default: 100,
    min: 0,
    max: 86_400_000,
    unit: 'ms',
    sentence: 'Upper bound of the wait before the second try; it doubles with each later one, and the wait is random.',
  },
  backoffMsMax: {
    kind: 'integer',
    default: 30_000,
    min: 0,
    max: 86_400_000,
    unit: 'ms',
    sentence: 'Longest wait between two tries.',
  },
  postponementsMax: {
    kind: 'integer',
    default: 1000,
    min: 0,
    max: 1_000_000,
    unit: 'tries',
    sentence: 'Times that one event may be postponed with RetryLater; from then on it counts as a failed try.',
  },
  timeoutMs: {
    kind: 'limit',
    default: null,
    min: 1,
    max: 86_400_000,
    unit: 'ms',
    sentence: 'Longest time one event may run. Without it there is no limit.',
  },
  graceMs: {
    kind: 'integer',
    default: 1000,
    min: 0,
    max: 600_000,
    unit: 'ms',
    sentence: 'Time that a try has to end by itself after its time limit, before its thread is ended.',
  },
  onDeadLetter: {
    kind: 'choice',
    default: 'continue',
    choices: ['continue', 'park'],
    sentence:
      'Whether later events of a key go on after a dead letter, or wait in the store until it is redriven or given up.',
  },
  breaker: {
    kind: 'group',
    default: null,
    members: {
      failurePercent: {
        kind: 'limit',
        default: null,
        min: 1,
        max: 100,
        unit: 'percent',
        sentence: 'Share of failed tries at which a handler pauses (50 if another member is given).',
      },
      triesMin: {
        kind: 'limit',
        default: null,
        min: 1,
        max: 1_000_000,
        unit: 'tries',
        sentence: 'Tries within the window below which nothing is concluded (20).',
      },
      windowMs: {
        kind: 'limit',
        default: null,
        min: 100,
        max: 3_600_000,
        unit: 'ms',
        sentence: 'How far back tries count (10,000).',
      },
      pauseMs: {
        kind: 'limit',
        default: null,
        min: 1,
        max: 3_600_000,
        unit: 'ms',
        sentence: 'How long a handler pauses before one event of it is tried (5,000).',
      },
    },
    sentence: 'Pauses a handler while most of its tries fail. Without it none is paused.',
  },
  resourceLimits: {
    kind: 'group',
    default: null,
    members: {
      maxOldGenerationSizeMb: {
        kind: 'limit',
        default: null,
        min: 8,
        max: 1024 * 1024,
        unit: 'MiB',
        sentence: 'Heap of a thread.',
      },
      maxYoungGenerationSizeMb: {
        kind: 'limit',
        default: null,
        min: 1,
        max: 1024 * 1024,
        unit: 'MiB',
        sentence: 'Heap of a thread for young objects.',
      },
      codeRangeSizeMb: {
        kind: 'limit',
        default: null,
        min: 1,
        max: 1024 * 1024,
        unit: 'MiB',
        sentence: 'Memory for generated code.',
      },
      stackSizeMb: { kind: 'limit', default: null, min: 1, max: 64, unit: 'MiB', sentence: 'Stack of a thread.' },
    },
    sentence: 'Limits of each handler thread, as worker_threads.resourceLimits. A thread that exceeds its heap ends.',
  },
} as const satisfies Record<string, OptionSpec>;
