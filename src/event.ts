// The unit of input: its public shape, and the encoded form in which it waits, crosses threads and is stored.
// An event is checked and encoded once, here; what a handler sees is decoded from that, in its own thread.

import { types } from 'node:util';
import { badEvent, KeylaneError, messageOf } from './errors.js';
import { encodeExtras, hasExtras } from './extras.js';

/** One unit of input. Names follow CloudEvents where they exist there. */
export interface SourceEvent<Type extends string = string, Data = unknown> {
  readonly type: Type;
  /** The partition key: events with one key and one handler run one at a time, in order. Without one it is free. */
  readonly key?: string | null;
  /** A JSON value or a `Uint8Array`. */
  readonly data?: Data;
  readonly id?: string | null;
  /** RFC 3339, or a Date. */
  readonly time?: string | Date | null;
  /** Of the type's data: a whole number from 1, which it is where it is left out. */
  readonly version?: number | null;
  /** What belongs together has one: an order and all that follows from it. */
  readonly correlationId?: string | null;
  /** The id of the event that this one follows from. */
  readonly causationId?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The partition of published events. */
export const journalPartition = 'journal';

/** (partition, position): where an event came from, and its identity in the store. */
export interface Identity {
  readonly partition: string;
  readonly position: number;
}

/** Whether a value is an identity, as far as its shape goes. */
export function isIdentity(value: unknown): value is Identity {
  if (typeof value !== 'object' || value === null) return false;
  const { partition, position } = value as Partial<Identity>;
  return typeof partition === 'string' && Number.isSafeInteger(position);
}

/** An event that has been checked, with its data as JSON text or as bytes. */
export interface EncodedEvent {
  readonly type: string;
  readonly key: string | null;
  readonly id: string | null;
  /** JSON text of Extras, or null when the event has none of them. */
  readonly extras: string | null;
  /** JSON text, or bytes where bytes were given; null when the event has no data. */
  readonly data: string | Uint8Array | null;
}

/** Limits on one event; UTF-16 units for text, bytes for bytes. */
export interface EventLimits {
  readonly dataSizeMax: number;
  readonly keySizeMax: number;
  readonly headersSizeMax: number;
}

/** The size by which an event counts against limits on bytes: its text units and bytes, and a flat share. */
export function sizeOf(event: EncodedEvent): number {
  const text = event.type.length + (event.key?.length ?? 0) + (event.id?.length ?? 0) + (event.extras?.length ?? 0);
  return text + (event.data?.length ?? 0) + 64;
}

/**
 * Checks an event and encodes it; `depth` is above 0 of one that is emitted. Throws a KeylaneError `bad-event` that
 * names the field, and what fits.
 */
export function encodeEvent(event: SourceEvent, limits: EventLimits, depth = 0): EncodedEvent {
  if (typeof event !== 'object' || event === null) throw badEvent('an event', 'an object with a type', event);
  const { type } = event;
  if (typeof type !== 'string' || type === '') throw badEvent('event.type', 'a string that is not empty', type);
  checkName('event.type', type, limits);
  const key = event.key ?? null;
  if (key !== null) checkName('event.key', key, limits);
  const id = event.id ?? null;
  if (id === '') throw badEvent('event.id', 'a string that is not empty', id);
  if (id !== null) checkName('event.id', id, limits);
  const extras = depth > 0 || hasExtras(event) ? encodeExtras(event, limits, depth) : null;
  return { type, key, id, extras, data: encodeData(event.data, limits) };
}

function checkName(field: string, value: unknown, limits: EventLimits): void {
  if (typeof value !== 'string') throw badEvent(field, 'a string', value);
  if (value.length > limits.keySizeMax) {
    throw new KeylaneError(
      'bad-event',
      `${field} must be at most ${limits.keySizeMax} characters (option keySizeMax), got ${value.length}`,
    );
  }
}

function encodeData(data: unknown, limits: EventLimits): string | Uint8Array | null {
  if (data === undefined) return null;
  if (data instanceof Uint8Array) {
    checkDataSize(data.byteLength, limits);
    // A copy: the publisher may write into its own bytes after publish.
    return Uint8Array.prototype.slice.call(data);
  }
  let text: string | undefined;
  const kind = lossyKindOf(data);
  if (kind !== null)
    throw new KeylaneError('bad-event', `event.data must be a JSON value or a Uint8Array, got ${kind}`);
  try {
    text = JSON.stringify(data);
  } catch (error) {
    throw new KeylaneError('bad-event', `event.data must be a JSON value or a Uint8Array: ${messageOf(error)}`, {
      cause: error,
    });
  }
  if (text === undefined) throw badEvent('event.data', 'a JSON value or a Uint8Array', data);
  checkDataSize(text.length, limits);
  return text;
}

/** What JSON would turn into something else without a word; null for what it keeps, as far as the top shows. */
function lossyKindOf(data: unknown): string | null {
  if (typeof data === 'number') return Number.isFinite(data) ? null : String(data);
  if (typeof data !== 'object' || data === null || isPlain(data)) return null;
  const isLossy = types.isAnyArrayBuffer(data) || ArrayBuffer.isView(data) || types.isMap(data) || types.isSet(data);
  if (!isLossy && !types.isPromise(data) && !types.isNativeError(data)) return null;
  return `a value of class ${Object.prototype.toString.call(data).slice('[object '.length, -1)}`;
}

/** A plain object or array, as nearly all data is: one look costs less than asking for each class that is neither. */
function isPlain(data: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(data);
  return prototype === Object.prototype || prototype === Array.prototype;
}

/** Throws when data of this size may not enter. */
export function checkDataSize(size: number, limits: EventLimits): void {
  if (size <= limits.dataSizeMax) return;
  throw new KeylaneError(
    'bad-event',
    `event.data must be at most ${limits.dataSizeMax} characters or bytes encoded (option dataSizeMax), got ${size}`,
  );
}

/** Whether a value has the shape of an encoded event: what a source gives is not taken on trust. */
export function isEncodedEvent(value: unknown): value is EncodedEvent {
  if (typeof value !== 'object' || value === null) return false;
  const { type, key, id, extras, data } = value as Partial<EncodedEvent>;
  const isText = (text: unknown): boolean => text === null || typeof text === 'string';
  return (
    typeof type === 'string' &&
    isText(key) &&
    isText(id) &&
    id !== '' &&
    isText(extras) &&
    (isText(data) || types.isUint8Array(data))
  );
}
