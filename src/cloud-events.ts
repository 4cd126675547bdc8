// CloudEvents 1.0 in their JSON format (github.com/cloudevents/spec, cloudevents/formats/json-format.md), taken in as
// events and given out again. What keylane has no field for, or a field that cannot tell what was said, rests in the
// event's headers, so that it comes back as it was.

import { badEvent, shown } from './errors.js';
import type { Identity, SourceEvent } from './event.js';
import type { ReadExtras } from './extras.js';

/** A CloudEvent as JSON. Extension attributes have names of lower-case letters and digits. */
export interface CloudEvent {
  readonly specversion: '1.0';
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject?: string;
  readonly time?: string;
  readonly datacontenttype?: string;
  readonly dataschema?: string;
  readonly data?: unknown;
  /** Bytes in base 64, in place of `data`. */
  readonly data_base64?: string;
  readonly [extension: string]: unknown;
}

/** What a CloudEvent is made of: an event of a store. */
export interface StoredContent extends ReadExtras {
  readonly identity: Identity;
  readonly id: string | null;
  readonly type: string;
  readonly key: string | null;
  readonly data: unknown;
}

/** Attributes that keylane has no field for, and the headers that they rest in. */
const restsIn = {
  ...{ source: 'ce-source', subject: 'ce-subject', dataschema: 'ce-dataschema', datacontenttype: 'content-type' },
} as const;

/**
 * Extension attributes that are fields of an event. A partition key that is the subject, and a version that is 1 or no
 * version to us, rest in headers of their names as well: their fields do not tell them from none.
 */
const ownExtensions = { key: 'partitionkey', correlationId: 'correlationid', causationId: 'causationid' } as const;
const versionExtension = 'eventversion';

const fields = new Set(['specversion', 'id', 'type', 'time', 'data', 'data_base64', ...Object.keys(restsIn)]);
const extensionName = /^[a-z0-9]+$/;
const whiteSpace = /\s/;

/**
 * The event of a CloudEvent: its key is `partitionkey`, or else `subject`; its id source and id together, as only both
 * are unique; `correlationid` and `causationid` are what their names say, and so is `eventversion` where it is a whole
 * number from 1. Other attributes become headers, true, false and numbers as text. Throws a KeylaneError `bad-event`.
 */
export function fromCloudEvent(given: unknown): SourceEvent {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw badEvent('a CloudEvent', 'a JSON object', given);
  }
  const attributes = new Map(Object.entries(given));
  const text = (name: string): string | null => textOf(name, attributes.get(name));
  if (attributes.get('specversion') !== '1.0') throw bad('specversion', '"1.0"', attributes.get('specversion'));
  const [id, source, type] = ['id', 'source', 'type'].map((name) => required(name, text(name)));
  // A space parts the two in the event's id: with one in the source, ids of two sources could be the same.
  if (whiteSpace.test(source!)) throw bad('source', 'a URI-reference, without white space', source);
  const headers: Record<string, string> = {};
  for (const [name, header] of Object.entries(restsIn)) {
    const value = text(name);
    if (value !== null) headers[header] = value;
  }
  const own: readonly string[] = [...Object.values(ownExtensions), versionExtension];
  for (const [name, value] of attributes) {
    if (fields.has(name) || own.includes(name) || value === null) continue;
    headers[extensionOf(name)] = scalarText(name, value);
  }
  const key = text(ownExtensions.key);
  if (key !== null && key === text('subject')) headers[ownExtensions.key] = key;
  const saidVersion = attributes.get(versionExtension) ?? null;
  const version = versionOf(saidVersion);
  if (saidVersion !== null && (version ?? 1) === 1)
    headers[versionExtension] = scalarText(versionExtension, saidVersion);
  return {
    ...{ type: type!, id: `${source} ${id}`, headers },
    key: key ?? text('subject'),
    correlationId: text(ownExtensions.correlationId),
    causationId: text(ownExtensions.causationId),
    version,
    time: text('time'),
    data: dataFrom(attributes),
  };
}

/**
 * A stored event as a CloudEvent. One that came as a CloudEvent is what it was, but that true, false and numbers of its
 * extensions stay text, and a whole `eventversion` is a number. Otherwise `source` says where it is from, its id is the
 * event's or its identity, and headers are extension attributes where their names can be. What may not be empty is left
 * out where it is: a key, or a header that is no extension. Throws a KeylaneError `bad-event` for a source that no
 * CloudEvent can have.
 */
export function toCloudEvent(event: StoredContent, { source }: { readonly source: string }): CloudEvent {
  if (typeof source !== 'string' || source === '' || whiteSpace.test(source)) {
    throw badEvent('source', 'a URI-reference that is not empty, without white space', source);
  }
  const { headers, identity, key, data } = event;
  const filled = (name: string): string | undefined => headers[name] || undefined;
  const said = filled(restsIn.source);
  // It may be a publisher's own header, and what no source can be.
  const cameFrom = said !== undefined && !whiteSpace.test(said) ? said : undefined;
  const id = event.id || `${identity.partition}/${identity.position}`;
  const begins = `${cameFrom} `;
  const isOfSource = cameFrom !== undefined && id.startsWith(begins) && id.length > begins.length;
  // Without a partition key it would be read as the key.
  const subject = key ? filled(restsIn.subject) : undefined;
  const saysKey = key !== '' && (key !== subject || headers[ownExtensions.key] === key);
  const isPlainJson = cameFrom === undefined && data !== undefined && !(data instanceof Uint8Array);
  const type = filled(restsIn.datacontenttype) ?? (isPlainJson ? 'application/json' : undefined);
  const saidVersion = headers[versionExtension];
  const version = event.version === 1 ? (versionOf(saidVersion) ?? saidVersion) : event.version;
  return {
    ...{ specversion: '1.0', id: isOfSource ? id.slice(begins.length) : id, source: cameFrom ?? source },
    type: event.type,
    ...given({ subject, time: event.time, datacontenttype: type, dataschema: filled(restsIn.dataschema) }),
    ...given({ [ownExtensions.key]: saysKey ? key : null, [versionExtension]: version }),
    ...given({ [ownExtensions.correlationId]: event.correlationId, [ownExtensions.causationId]: event.causationId }),
    ...extensionsOf(headers),
    ...(data instanceof Uint8Array ? { data_base64: Buffer.from(data).toString('base64') } : given({ data })),
  };
}

/** Headers that can be extension attributes, and are no other attribute. */
function extensionsOf(headers: Readonly<Record<string, string>>): Record<string, string> {
  const own: readonly string[] = [...Object.values(ownExtensions), versionExtension];
  const names = Object.keys(headers).filter((name) => extensionName.test(name) && !fields.has(name));
  return Object.fromEntries(names.flatMap((name) => (own.includes(name) ? [] : [[name, headers[name]!]])));
}

/** What is neither null nor undefined; data may be null. */
function given(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const isGiven = ([name, value]: [string, unknown]): boolean =>
    value !== undefined && (value !== null || name === 'data');
  return Object.fromEntries(Object.entries(values).filter(isGiven));
}

function dataFrom(attributes: ReadonlyMap<string, unknown>): unknown {
  const base64 = attributes.get('data_base64') ?? null;
  if (base64 === null) return attributes.get('data');
  if (attributes.has('data')) throw bad('data', 'left out beside data_base64', attributes.get('data'));
  // No bytes are an empty text.
  const bytes = typeof base64 === 'string' ? Buffer.from(base64, 'base64') : null;
  if (bytes?.toString('base64') !== base64) throw bad('data_base64', 'bytes in base 64', base64);
  return new Uint8Array(bytes!);
}

/** A version as keylane has them; null for what is none, as `eventversion` is anybody's name. */
function versionOf(value: unknown): number | null {
  const version = typeof value === 'string' && /^[1-9]\d*$/.test(value) ? Number(value) : value;
  return Number.isSafeInteger(version) && (version as number) >= 1 ? (version as number) : null;
}

function textOf(name: string, value: unknown): string | null {
  if (value === undefined || value === null) return null;
  if (typeof value === 'string' && value !== '') return value;
  throw bad(name, 'a string that is not empty', value);
}

function required(name: string, text: string | null): string {
  if (text === null) throw bad(name, 'a string that is not empty', undefined);
  return text;
}

function extensionOf(name: string): string {
  if (extensionName.test(name)) return name;
  throw badEvent('an attribute of a CloudEvent', 'named by lower-case letters and digits', name);
}

function scalarText(name: string, value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean' || Number.isSafeInteger(value)) return String(value);
  throw bad(name, 'text, true, false or a whole number', value);
}

function bad(attribute: string, expected: string, found: unknown): Error {
  return badEvent(`${shown(attribute)} of a CloudEvent`, expected, found);
}
