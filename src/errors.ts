// The world's failures, as people who use keylane meet them: one class, a closed set of codes, messages that say what
// was expected, what was found and what to do. A handler's failure is not here: it is data (see ErrorRecord).

import { markClass } from './marks.js';

/** What kind of trouble it is; stable, for programs to branch on. */
export type KeylaneErrorCode =
  /** An option has the wrong type or is out of its bounds. */
  | 'bad-option'
  /** An event cannot be accepted: wrong shape, too large, or no handler takes its type. */
  | 'bad-event'
  /** The handlers module is missing, does not load, or exports the wrong thing. */
  | 'bad-handlers'
  /** A record of an input is malformed. */
  | 'bad-input'
  /** The call needs a processor that takes events, and this one no longer does. */
  | 'not-running'
  /** More publishers are waiting for room than `publishersMax` allows. */
  | 'overloaded'
  /** The store's path leads to no store of ours: foreign, damaged, empty, of a newer schema; it was left alone. */
  | 'store-refused'
  /** Another process holds the store. */
  | 'store-locked'
  /** SQLite reported an error while the store was in use. */
  | 'store-failed'
  /** The store's disk is full, or a limit of its size is reached: what is held goes on when there is room. */
  | 'store-full'
  /** The store's file or its log was removed or replaced while it was in use. */
  | 'store-replaced'
  /** The log of the store stays large, as a reader holds on to what is in it. */
  | 'wal-large'
  /** So many keys are stopped behind dead letters that they take much memory. */
  | 'many-parked'
  /** The reader of a store was used after its `close()`. */
  | 'store-closed'
  /** The writer thread ended while it was needed. */
  | 'writer-died'
  /** The handler threads cannot be kept running. */
  | 'pool-failed'
  /** Telemetry threw; what it was to be told of went on all the same. */
  | 'telemetry-failed'
  /** A replay would give other states than its events made, as some are missing or failed; nothing was changed. */
  | 'replay-refused'
  /** A listener threw; the others were told all the same. */
  | 'listener-failed'
  /** A listener leaves its queue full, and no batch starts until it goes on. */
  | 'listener-slow'
  /** The outcome that is asked for was deleted by `retention`. */
  | 'outcome-deleted'
  /** One outcome was asked for, of an event that has several. */
  | 'several-outcomes'
  /** One outcome was asked for, of an event that no handler takes: see the option `unmatched`. */
  | 'unmatched'
  /** `abort()` ended the processor before this was done. */
  | 'aborted'
  /** A bug in keylane itself. */
  | 'internal';

/** Any trouble that is not a handler's own. `code` says which; `cause` holds what lies beneath, if anything. */
export class KeylaneError extends Error {
  override readonly name = 'KeylaneError';
  readonly code: KeylaneErrorCode;

  constructor(code: KeylaneErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

markClass(KeylaneError, Symbol.for('keylane.KeylaneError'));

/** An error as it crosses threads and rests in the store: plain, bounded, never a thrown value. */
export interface ErrorRecord {
  /** The error's name, such as `TypeError`; `NonError` when something else was thrown. */
  readonly name: string;
  readonly message: string;
  readonly code?: string | number;
  readonly stack?: string;
  readonly cause?: ErrorRecord;
  /** The error's own enumerable fields besides the ones above. */
  readonly fields?: Readonly<Record<string, unknown>>;
}

/** Of an event that cannot be accepted: which of its fields must be what, and what it is. */
export function badEvent(field: string, expected: string, found: unknown): KeylaneError {
  return new KeylaneError('bad-event', `${field} must be ${expected}, got ${shown(found)}`);
}

/** The error of an event that was cancelled, wherever it was. */
export const cancelledError = { name: 'Cancelled', message: 'the event was cancelled', code: 'cancelled' } as const;

/** That of an event in whose place a newer one of its key runs. */
export const supersededError = {
  name: 'Superseded',
  message: 'a newer event of its key came before it had started',
  code: 'superseded',
} as const;

/** A value as an error message shows it: short, on one line, control characters escaped. */
export function shown(value: unknown): string {
  const text =
    typeof value === 'string'
      ? JSON.stringify(value)
      : typeof value === 'function'
        ? 'a function'
        : Array.isArray(value)
          ? 'an array'
          : value instanceof Uint8Array
            ? 'a Uint8Array'
            : typeof value === 'object' && value !== null
              ? 'an object'
              : String(value);
  return printable(text.length > 60 ? `${text.slice(0, 57)}...` : text);
}

const fewMax = 3;

/** The first few of some names, and how many more there are. */
export function fewOf(names: readonly string[]): string {
  const more = names.length > fewMax ? ` and ${names.length - fewMax} more` : '';
  return `${names.slice(0, fewMax).join(', ')}${more}`;
}

/** What a thrown value says; never throws itself, whatever was thrown. */
export function messageOf(thrown: unknown): string {
  try {
    return thrown instanceof Error ? String(thrown.message) : shown(thrown);
  } catch {
    return 'something that cannot be shown';
  }
}

/** Text that is safe to print: control characters, and what could reorder a line, are escaped. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
