// The row of the options table that asks for OpenTelemetry.

import type { OptionSpec } from './option-spec.js';

export const telemetryOptions = {
  openTelemetry: {
    kind: 'switch',
    default: false,
    sentence: 'Spans and metrics by way of @opentelemetry/api, which must be installed then.',
  },
} as const satisfies Record<string, OptionSpec>;
