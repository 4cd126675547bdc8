// The row of the options table that limits how many tries may start; the same limits one handler, or each of its keys.

import type { OptionSpec, ValueOf } from './option-spec.js';

/** On average so many tries start in `perMs`, and at most so many at once. */
export interface RateLimit {
  readonly tries: number;
  readonly perMs: number;
}

const members = {
  tries: {
    kind: 'limit',
    default: null,
    min: 1,
    max: 1_000_000,
    unit: 'tries',
    sentence: 'Tries that may start within `perMs` on average, and at once (1 if only the other is given).',
  },
  perMs: {
    kind: 'limit',
    default: null,
    min: 1,
    max: 86_400_000,
    unit: 'ms',
    sentence: 'The time for which they are meant (1,000).',
  },
} as const satisfies Record<string, OptionSpec>;

/** What a limit is checked against, wherever it is given. */
export const rateLimitSpec = {
  ...{ kind: 'group', default: null, members, needsMember: true, sentence: '' },
} as const satisfies OptionSpec;

export const rateOptions = {
  rateLimit: {
    ...rateLimitSpec,
    sentence: 'How many tries of all handlers together may start; a handler has limits of its own in its policy.',
  },
} as const satisfies Record<string, OptionSpec>;

/** A limit with what was left out; null where there is none. */
export function rateLimitFrom(given: ValueOf<typeof rateLimitSpec> | null | undefined): RateLimit | null {
  if (given === null || given === undefined) return null;
  const { tries = 1, perMs = 1000 } = given;
  return { tries, perMs };
}
