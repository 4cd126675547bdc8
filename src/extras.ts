// What few events have: time, version, the ids of what they belong to and follow from, headers, how long the chain is
// that they were emitted in. It is checked on publish and rests as one JSON text beside the data, so that an event
// without any of it costs nothing.

import { badEvent, KeylaneError, shown } from './errors.js';
import type { EventLimits, SourceEvent } from './event.js';

/** As JSON text; what an event does not have is left out. */
interface Extras {
  time?: string;
  version?: number;
  correlationId?: string;
  causationId?: string;
  headers?: Record<string, string>;
  depth?: number;
}

/** The same as handlers and readers of a store see it. */
export interface ReadExtras {
  /** The time the publisher gave (RFC 3339), or null. */
  readonly time: string | null;
  /** The version of the type's data that the publisher gave; 1 where it gave none. */
  readonly version: number;
  /** What belongs together has one; null where the publisher gave none. */
  readonly correlationId: string | null;
  /** The id of the event that this one follows from, or null. */
  readonly causationId: string | null;
  /** The headers the publisher gave; an object without a prototype. */
  readonly headers: Readonly<Record<string, string>>;
  /** How many events stand before it in the chain in which it was emitted; 0 of one that was published. */
  readonly depth: number;
}

export function hasExtras({ time, version, correlationId, causationId, headers }: SourceEvent): boolean {
  return time != null || headers != null || version != null || correlationId != null || causationId != null;
}

/** Checks them; `depth` is no publisher's to say. Throws a KeylaneError `bad-event` that names what does not fit. */
export function encodeExtras(event: SourceEvent, { headersSizeMax }: EventLimits, depth = 0): string {
  const extras: Extras = {};
  if (event.time != null) extras.time = encodeTime(event.time);
  if (event.version != null) extras.version = checkedVersion(event.version);
  if (event.correlationId != null) extras.correlationId = checkedId('event.correlationId', event.correlationId);
  if (event.causationId != null) extras.causationId = checkedId('event.causationId', event.causationId);
  if (event.headers != null) extras.headers = checkedHeaders(event.headers);
  if (depth > 0) extras.depth = depth;
  const text = JSON.stringify(extras);
  if (text.length <= headersSizeMax) return text;
  throw new KeylaneError(
    'bad-event',
    `event.headers, with time, version and ids, must be at most ${headersSizeMax} characters ` +
      `(option headersSizeMax), got ${text.length}`,
  );
}

/** Encoded extras with headers added, in place of ones of the same names; as they were where more does not fit. */
export function withHeaders(
  text: string | null,
  added: Readonly<Record<string, string>>,
  { headersSizeMax }: EventLimits,
): string | null {
  const extras = text === null ? {} : (JSON.parse(text) as Extras);
  const whole = JSON.stringify({ ...extras, headers: { ...extras.headers, ...added } });
  return whole.length <= headersSizeMax ? whole : text;
}

const noHeaders: Readonly<Record<string, string>> = Object.freeze(Object.create(null));

const noExtras: ReadExtras = Object.freeze({
  ...{ time: null, version: 1, correlationId: null, causationId: null, headers: noHeaders, depth: 0 },
});

/** Reads what `encodeExtras` has written; null is what an event has that has none of them. */
export function readExtras(text: string | null): ReadExtras {
  if (text === null) return noExtras;
  const extras = JSON.parse(text) as Extras;
  const { time = null, version = 1, correlationId = null, causationId = null, headers, depth = 0 } = extras;
  const own = headers === undefined ? noHeaders : Object.assign(Object.create(null), headers);
  return { time, version, correlationId, causationId, headers: own, depth };
}

/** RFC 3339, section 5.6: date-time. */
const rfc3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)$/;

function encodeTime(time: unknown): string {
  if (time instanceof Date && !Number.isNaN(time.getTime())) return time.toISOString();
  if (typeof time === 'string' && isOfCalendar(rfc3339.exec(time)) && !Number.isNaN(Date.parse(time))) return time;
  throw badEvent('event.time', 'a valid Date or an RFC 3339 string', time);
}

/** The 31st of a month that has 30 days would be read as the 1st of the next, and so would 24 o'clock of the 30th. */
function isOfCalendar(parts: RegExpExecArray | null): boolean {
  if (parts === null) return false;
  const [year, month, day, hour] = parts.slice(1).map(Number) as [number, number, number, number];
  // Years below 100 are others to Date.UTC, and every 400 years are alike.
  return hour < 24 && new Date(Date.UTC(year + 400, month, 0)).getUTCDate() >= day;
}

function checkedVersion(version: unknown): number {
  if (Number.isSafeInteger(version) && (version as number) >= 1) return version as number;
  throw badEvent('event.version', 'a whole number from 1', version);
}

function checkedId(field: string, id: unknown): string {
  if (typeof id === 'string' && id !== '') return id;
  throw badEvent(field, 'a string that is not empty', id);
}

const namesRefused = new Set(['__proto__', 'constructor', 'prototype']);

function checkedHeaders(given: unknown): Record<string, string> {
  // Maps and the like have no members of their own: what they hold would be lost without a word.
  const isObject = typeof given === 'object' && given !== null && !Array.isArray(given);
  if (!isObject || Symbol.iterator in given) throw badEvent('event.headers', 'an object of strings', given);
  const headers: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(given)) {
    if (namesRefused.has(name)) throw badEvent('a name in event.headers', 'any name but that of a prototype', name);
    if (typeof value !== 'string') throw badEvent(`event.headers[${shown(name)}]`, 'a string', value);
    headers[name] = value;
  }
  return headers;
}
