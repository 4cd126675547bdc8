// Turns whatever was thrown into an ErrorRecord: plain, bounded, as JSON text. A thrown value may be anything at all
// (null, a revoked proxy, an error whose getters throw, one that holds a response of 50 MB), so every read is fenced,
// and the copy spends a budget instead of walking to the end. It never throws.

import { fileURLToPath } from 'node:url';
import { types } from 'node:util';
import { type ErrorRecord, printable, shown } from '../errors.js';

const depthMax = 5;
const entriesMax = 50;
const nameSizeMax = 100;
/** What an entry costs besides its text: quotes, commas, brackets. */
const entrySize = 4;

/** JSON text of an ErrorRecord of `thrown`, at most `sizeMax` (512 or more) characters long; says where it was cut. */
export function errorRecordText(thrown: unknown, sizeMax: number): string {
  // Escapes can make JSON six times as long as its text, so a record that came out too long is made again, smaller.
  for (let budget = sizeMax; budget >= 64; budget = Math.floor(budget / 2)) {
    const text = JSON.stringify(new Copy(budget).record(thrown));
    if (text.length <= sizeMax) return text;
  }
  return JSON.stringify({ name: 'Error', message: `[cut: the error does not fit into ${sizeMax} characters]` });
}

/** What was thrown, on one line: its name, its message and, where the stack tells, the place in the file of `url`. */
export function describeThrown(thrown: unknown, url?: string): string {
  const { name, message, stack } = new Copy(describedSizeMax).record(thrown);
  const said = printable(name === 'NonError' ? message : `${name}: ${message}`);
  const place = url === undefined ? null : placeIn(url, stack ?? '');
  return place === null ? said : `${said} (at ${place})`;
}

const describedSizeMax = 4000;

/** The first `file:line:column` of a stack that is in the file; CommonJS stacks name it by its path. */
function placeIn(url: string, stack: string): string | null {
  const path = fileURLToPath(url);
  for (const name of [url, path]) {
    const from = stack.indexOf(`${name}:`);
    const [place] = from === -1 ? [] : (/^:\d+(?::\d+)?/.exec(stack.slice(from + name.length)) ?? []);
    if (place !== undefined) return printable(`${path}${place}`);
  }
  return null;
}

/** One copy of one thrown value. */
class Copy {
  #budget: number;
  /** The objects above the one being copied: meeting one of them again is a circle. */
  readonly #above: object[] = [];

  constructor(budget: number) {
    this.#budget = budget;
  }

  record(thrown: unknown): ErrorRecord {
    if (typeof thrown === 'object' && thrown !== null) {
      const make = (): ErrorRecord => (isError(thrown) ? this.#errorRecord(thrown) : this.#objectRecord(thrown));
      return this.#within(thrown, make, (problem) => ({
        name: 'NonError',
        message: `an object was thrown: ${problem}`,
      }));
    }
    const fields = thrown === undefined ? {} : { fields: { thrown: this.#value(thrown) } };
    return { name: 'NonError', message: `${shown(thrown)} was thrown`, ...fields };
  }

  #errorRecord(error: object): ErrorRecord {
    const name = read(error, 'name');
    return {
      name: this.#text(typeof name === 'string' && name !== '' ? name : 'Error', nameSizeMax),
      ...this.#common(error, ''),
    };
  }

  /** An object that is no error: its message is kept where it has one, as programs that throw such objects mean it. */
  #objectRecord(thrown: object): ErrorRecord {
    return { name: 'NonError', ...this.#common(thrown, `${shown(thrown)} was thrown`) };
  }

  #common(thrown: object, messageOtherwise: string): Omit<ErrorRecord, 'name'> {
    const [message, code, stack, cause] = ['message', 'code', 'stack', 'cause'].map((name) => read(thrown, name));
    const half = (): number => this.#budget / 2;
    const isCode = typeof code === 'string' || typeof code === 'number';
    const record = {
      message: typeof message === 'string' ? this.#text(message, half()) : messageOtherwise,
      ...(isCode && { code: typeof code === 'string' ? this.#text(code, nameSizeMax) : code }),
      ...(typeof stack === 'string' && { stack: this.#text(stack, half()) }),
      ...(cause !== undefined && this.#above.length < depthMax && { cause: this.record(cause) }),
    };
    const kept = new Set(['name', ...Object.keys(record)]);
    const own = (isArray(thrown) ? [] : Object.keys(thrown)).filter((name) => !kept.has(name));
    // The errors of an AggregateError are its own field, though not an enumerable one.
    if (Object.hasOwn(thrown, 'errors') && !own.includes('errors')) own.push('errors');
    return own.length === 0 ? record : { ...record, fields: this.#entries(thrown, own) };
  }

  #value(value: unknown): unknown {
    this.#budget -= entrySize;
    switch (typeof value) {
      case 'object':
        if (value === null) return null;
        return this.#within<unknown>(
          value,
          () => this.#object(value),
          (problem) => `[${problem}]`,
        );
      case 'string':
        return this.#text(value, this.#budget);
      case 'number':
        return Number.isFinite(value) ? value : String(value);
      case 'function': {
        // Its name can be anything, even what makes no text.
        const name = read(value, 'name');
        return `[function ${this.#text(typeof name === 'string' ? name : shown(name), nameSizeMax)}]`;
      }
      case 'bigint':
        return `${value}n`;
      case 'symbol':
        return this.#text(String(value), nameSizeMax);
      default:
        return value;
    }
  }

  #object(value: object): unknown {
    if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)) return `[${value.byteLength} bytes]`;
    if (this.#above.length > depthMax) return isArray(value) ? '[array]' : '[object]';
    if (isError(value)) return this.#errorRecord(value);
    if (isArray(value)) return this.#items(value);
    const toJson = read(value, 'toJSON');
    // Dates, URLs, decimals: what they want to be in JSON says more than their fields.
    if (typeof toJson === 'function') return this.#value(toJson.call(value));
    return this.#entries(value, Object.keys(value));
  }

  #items(array: readonly unknown[]): unknown[] {
    const items: unknown[] = [];
    const count = array.length;
    for (let index = 0; index < count; index += 1) {
      if (index === entriesMax || this.#budget <= 0) return [...items, `[cut, ${count} items in all]`];
      items.push(this.#value(array[index]) ?? null);
    }
    return items;
  }

  #entries(object: object, names: readonly string[]): Record<string, unknown> {
    const entries: Record<string, unknown> = Object.create(null);
    for (const [index, name] of names.entries()) {
      if (index === entriesMax || this.#budget <= 0) {
        entries['[cut]'] = `${names.length} fields in all`;
        return entries;
      }
      entries[this.#text(name, nameSizeMax)] = this.#value(read(object, name));
    }
    return entries;
  }

  /** Text within `sizeMax` and the budget. */
  #text(text: string, sizeMax: number): string {
    const size = Math.max(0, Math.floor(Math.min(sizeMax, this.#budget)));
    if (text.length <= size) {
      this.#budget -= text.length;
      return text;
    }
    this.#budget -= size;
    return `${text.slice(0, size)} [cut, ${text.length} characters in all]`;
  }

  #within<Made>(object: object, make: () => Made, otherwise: (problem: string) => Made): Made {
    if (this.#above.includes(object)) return otherwise('circular');
    this.#above.push(object);
    try {
      return make();
    } catch {
      // A proxy's trap, or a toJSON() of the user's.
      return otherwise('unreadable');
    } finally {
      this.#above.pop();
    }
  }
}

/** A field, or a note in its place when reading it throws. */
function read(object: object, name: string): unknown {
  try {
    return (object as Record<string, unknown>)[name];
  } catch {
    return '[unreadable]';
  }
}

function isError(value: unknown): value is object {
  try {
    return types.isNativeError(value) || value instanceof Error;
  } catch {
    return false;
  }
}

function isArray(value: object): value is readonly unknown[] {
  return Array.isArray(value);
}
