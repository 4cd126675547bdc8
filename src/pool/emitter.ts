// What a try emits: checked and encoded at the call, as an event that is published is, so that what the handler changes
// later changes nothing. Whether any of it ever exists is decided with the outcome of the try.

import { correlate } from '../correlation.js';
import { KeylaneError, shown } from '../errors.js';
import {
  type EncodedEvent,
  type EventLimits,
  encodeEvent,
  journalPartition,
  type SourceEvent,
  sizeOf,
} from '../event.js';
import { type HandlerEvent, type HandlerTable, PermanentError } from '../handler.js';
import type { Config } from '../options.js';
import { Routes } from '../routes.js';

export interface EmitLimits extends EventLimits {
  readonly emitDepthMax: number;
  readonly emitSizeMax: number;
  /** Whether an event that no handler takes is refused. */
  readonly refusesUnmatched: boolean;
}

export function emitLimitsOf(config: Config): EmitLimits {
  const { dataSizeMax, keySizeMax, headersSizeMax, emitDepthMax, emitSizeMax, unmatched } = config;
  const sizes = { dataSizeMax, keySizeMax, headersSizeMax, emitSizeMax };
  return { ...sizes, emitDepthMax, refusesUnmatched: unmatched === 'refuse' };
}

interface Parts {
  readonly table: HandlerTable;
  readonly limits: EmitLimits;
  /** Whether there is a journal that would hold an event. */
  readonly isJournaled: boolean;
  /** Null where nothing is traced. */
  readonly tracing: { emitted(event: EncodedEvent, limits: EventLimits): EncodedEvent } | null;
}

/** One for each thread. */
export class Emitter {
  readonly #parts: Parts;
  readonly #routes: Routes;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#routes = new Routes(parts.table);
  }

  /**
   * Encodes what a try of `cause` emits. Throws a KeylaneError `bad-event` for an event that could not be published,
   * and a PermanentError where no later try could do better.
   */
  encode(cause: HandlerEvent, given: SourceEvent): EncodedEvent {
    const { limits, isJournaled, tracing } = this.#parts;
    if (!isJournaled) {
      throw new PermanentError('emit needs the option intake "journal", got "memory": no journal would hold the event');
    }
    const depth = cause.depth + 1;
    if (depth > limits.emitDepthMax) {
      const most = `a chain of emitted events must have at most ${limits.emitDepthMax} (option emitDepthMax)`;
      throw new PermanentError(`${most}, got one more, of type ${shown(given?.type)}: do handlers emit in a circle?`);
    }
    const isObject = typeof given === 'object' && given !== null;
    const encoded = encodeEvent(isObject ? correlate(cause, given) : given, limits, depth);
    const event = tracing === null ? encoded : tracing.emitted(encoded, limits);
    // It would be taken for that event, which is there already.
    if (event.id !== null && event.id === cause.id && cause.partition === journalPartition) {
      const expected = `event.id must be its own, got ${shown(event.id)}, which is that of the event it follows from`;
      throw new KeylaneError('bad-event', `${expected}: leave it out of what is emitted, or give another`);
    }
    if (limits.refusesUnmatched && this.#routes.of(event.type) === null) {
      const expected = `event.type must be a type that a handler takes, got ${shown(event.type)}`;
      throw new KeylaneError('bad-event', `${expected}: add a handler for it to the module`);
    }
    return event;
  }

  /** Adds to the size of what a try has emitted. Throws where that is too much. */
  sizeWith(size: number, event: EncodedEvent): number {
    const { emitSizeMax } = this.#parts.limits;
    const whole = size + sizeOf(event);
    if (whole <= emitSizeMax) return whole;
    const most = `one try may emit at most ${emitSizeMax} characters and bytes (option emitSizeMax)`;
    throw new KeylaneError('bad-event', `${most}, got ${whole}: emit less, or raise the limit`);
  }
}
