// Which outcomes somebody means: by type, handler, key and status. It is checked once, and asked of each event.

import type { Slot } from './dispatch/ring-buffer.js';
import { KeylaneError, shown } from './errors.js';
import { badOption, unknownOption } from './option-spec.js';
import type { Outcome, OutcomeStatus } from './outcome.js';

/** Events by type, handler and key; what is left out fits all. In `type` and `handler` each `*` stands for any text. */
export interface EventFilter {
  readonly type?: string;
  readonly handler?: string;
  readonly key?: string;
}

/** Outcomes: those of events that fit, and of a status if one is given. Of what is discarded later nobody is told. */
export interface OutcomeFilter extends EventFilter {
  readonly status?: Exclude<OutcomeStatus, 'discarded'>;
}

/** What is known of an event before it has an outcome. */
export interface EventTraits {
  readonly type: string;
  readonly handler: string;
  readonly key: string | null;
}

const eventNames = ['type', 'handler', 'key'] as const;
const statuses = ['succeeded', 'dead-lettered', 'cancelled', 'superseded'] as const;

/** A filter that was checked. */
export class Matcher {
  readonly #type: Pattern | null;
  readonly #handler: Pattern | null;
  readonly #key: string | null;
  readonly #status: OutcomeStatus | null;

  /** Throws a KeylaneError `bad-option`. `of` says whether a status may be given. */
  constructor(given: OutcomeFilter, of: 'events' | 'outcomes') {
    const { type, handler, key, status } = checked(given, of);
    this.#type = type === undefined ? null : patternOf(type);
    this.#handler = handler === undefined ? null : patternOf(handler);
    this.#key = key ?? null;
    this.#status = status ?? null;
  }

  /** Whether all events fit. */
  get isForAll(): boolean {
    return this.#type === null && this.#handler === null && this.#key === null;
  }

  /** Whether an event fits. */
  fitsEvent({ type, handler, key }: EventTraits): boolean {
    return this.#fitsKeyAndType(key, type) && this.#fitsHandler(handler);
  }

  /** Whether any of these fits. It is asked of every batch, so that it makes nothing for an event. */
  fitsAny(slots: readonly Pick<Slot, 'event' | 'handler'>[], nameOf: (handler: number) => string): boolean {
    for (const { event, handler } of slots) {
      if (!this.#fitsKeyAndType(event!.key, event!.type)) continue;
      if (this.#handler === null || this.#handler(nameOf(handler))) return true;
    }
    return false;
  }

  /** Whether an event of a lane may fit, as far as its handler and key say; null where the lane does not say. */
  mayFitLane({ handler, key }: { handler: string | null; key: string | null }): boolean {
    if (this.#key !== null && key !== null && this.#key !== key) return false;
    return handler === null || this.#fitsHandler(handler);
  }

  fits(outcome: Outcome): boolean {
    return (this.#status === null || this.#status === outcome.status) && this.fitsEvent(outcome);
  }

  #fitsKeyAndType(key: string | null, type: string): boolean {
    if (this.#key !== null && this.#key !== key) return false;
    return this.#type === null || this.#type(type);
  }

  #fitsHandler(handler: string): boolean {
    return this.#handler === null || this.#handler(handler);
  }
}

type Pattern = (text: string) => boolean;

/** Fits a text that is the pattern with each `*` replaced by any text, which may be empty. */
function patternOf(pattern: string): Pattern {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined) return (text) => text === pattern;
  return (text) => {
    if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
    const end = text.length - last.length;
    let at = first.length;
    // The earliest place of each piece leaves the most to those behind it.
    for (const piece of rest) {
      const found = text.indexOf(piece, at);
      if (found === -1 || found + piece.length > end) return false;
      at = found + piece.length;
    }
    return true;
  };
}

/** Whether an object says nothing, and is none that could: a regular expression, a map, a date. */
function isOpaque(given: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(given);
  return prototype !== Object.prototype && prototype !== null && Object.keys(given).length === 0;
}

function checked(given: OutcomeFilter, of: 'events' | 'outcomes'): OutcomeFilter {
  const names: readonly string[] = of === 'events' ? eventNames : [...eventNames, 'status'];
  if (typeof given !== 'object' || given === null || Array.isArray(given) || isOpaque(given)) {
    const expected = `an object with any of ${names.join(', ')} ({} for all of them)`;
    throw new KeylaneError('bad-option', `which ${of} are meant must be said by ${expected}, got ${shown(given)}`);
  }
  const unknown = Object.keys(given).find((name) => !names.includes(name));
  if (unknown !== undefined) throw unknownOption(unknown, { names });
  for (const name of eventNames) {
    const value: unknown = given[name];
    if (value !== undefined && typeof value !== 'string') throw badOption(name, 'a string', value);
  }
  if (given.type === '' || given.handler === '') throw badOption('a pattern', 'a string that is not empty', '');
  if (given.status !== undefined && !statuses.includes(given.status)) {
    throw badOption('status', `one of ${statuses.map((status) => `"${status}"`).join(', ')}`, given.status);
  }
  return given;
}
