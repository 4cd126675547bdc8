// Telemetry is somebody else's code, called in the middle of ours: what it throws costs its own span or figure, and
// nothing of an event. It is told once.

import { messageOf } from './errors.js';

export class TelemetryFence {
  readonly #warn: (message: string, cause: unknown) => void;
  #hasWarned = false;

  constructor(warn: (message: string, cause: unknown) => void) {
    this.#warn = warn;
  }

  /** What a call gives; `otherwise` where it throws. */
  within<Value>(call: () => Value, otherwise: Value): Value {
    try {
      return call();
    } catch (error) {
      if (!this.#hasWarned) {
        this.#hasWarned = true;
        this.#warn(`telemetry threw: ${messageOf(error)}; what it throws from here on is not told`, error);
      }
      return otherwise;
    }
  }
}
