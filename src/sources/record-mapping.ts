// Turns a record's text into an event: it is one already, or its fields say what type, key and id it has and it is the
// data itself. It reads own properties only. A record that is the data is passed on as it came; of one that is an event
// the data is encoded anew.

import { fromCloudEvent } from '../cloud-events.js';
import { KeylaneError, messageOf, printable, shown } from '../errors.js';
import { checkDataSize, type EncodedEvent, type EventLimits, encodeEvent, type SourceEvent } from '../event.js';
import type { HandlerTable } from '../handler.js';
import { isPattern, Routes } from '../routes.js';

/** How records become events. Fields are names, or paths such as `flight.origin`; all are looked for in the record. */
export interface MappingOptions {
  /** The type of every event. Not together with `typeField`. */
  readonly type?: string | undefined;
  /** The field that holds the type. */
  readonly typeField?: string | undefined;
  /** The field that holds the key; without it, or where it is missing or null, an event has no key. */
  readonly keyField?: string | undefined;
  /** The field that holds the id. */
  readonly idField?: string | undefined;
  /** Records are CloudEvents 1.0 in their JSON format. Together with none of the fields. */
  readonly format?: 'cloudevents' | undefined;
}

/** What a record gave: its event, or the reason why it has none, as the end of a sentence about the record. */
export type Mapped = { readonly event: EncodedEvent } | { readonly reason: string };

type JsonObject = Readonly<Record<string, unknown>>;
type EventRecord = JsonObject & { readonly type: string };

/** A field's whole name, for a field whose own name has dots in it, and its path. */
interface FieldPath {
  readonly whole: string;
  readonly names: readonly string[];
}

/** Mapping options that have been checked. */
export interface MappingFields {
  readonly type: string | null;
  readonly typeField: FieldPath | null;
  readonly keyField: FieldPath | null;
  readonly idField: FieldPath | null;
  readonly isCloudEvents: boolean;
}

/** Checks mapping options. Throws `bad-option` when one does not fit, alone or beside another. */
export function mappingFields(options: MappingOptions): MappingFields {
  const { type = null } = options;
  const typeField = fieldPath('typeField', options.typeField);
  if (type !== null && typeField !== null) {
    throw new KeylaneError('bad-option', 'type and typeField must not both be given: leave one of them out');
  }
  const { format } = options;
  const other = (['type', 'typeField', 'keyField', 'idField'] as const).find((name) => options[name] !== undefined);
  if (format !== undefined && format !== 'cloudevents') {
    throw new KeylaneError('bad-option', `format must be "cloudevents" or left out, got ${shown(format)}`);
  }
  if (format !== undefined && other !== undefined) {
    throw new KeylaneError('bad-option', `${other} must be left out where format is "cloudevents": they say it all`);
  }
  if (type === '') throw new KeylaneError('bad-option', 'type must be a string that is not empty, got ""');
  return {
    type,
    typeField,
    keyField: fieldPath('keyField', options.keyField),
    idField: fieldPath('idField', options.idField),
    isCloudEvents: format === 'cloudevents',
  };
}

export class RecordMapping {
  readonly #fields: MappingFields;
  readonly #limits: EventLimits;
  readonly #routes: Routes;
  /** The type of a record that does not say: the one for all, or the only one that handlers name. */
  readonly #typeOtherwise: string | null;

  /** Throws `bad-option` when the type for all records is one that no handler takes. */
  constructor(fields: MappingFields, { handlers, limits }: { handlers: HandlerTable; limits: EventLimits }) {
    this.#fields = fields;
    this.#limits = limits;
    this.#routes = new Routes(handlers);
    const named = this.#routes.types.filter((type) => handlers.takes === 'every-type' || !isPattern(type));
    this.#typeOtherwise = fields.type ?? (named.length === 1 ? named[0]! : null);
    if (fields.type === null || this.#isTaken(fields.type)) return;
    throw new KeylaneError('bad-option', `type must be one that a handler takes, got ${this.#untaken(fields.type)}`);
  }

  /** The event of a record. */
  map(text: string): Mapped {
    let record: unknown;
    try {
      record = JSON.parse(text);
    } catch (error) {
      return { reason: `is not valid JSON: ${printable(messageOf(error))}` };
    }
    if (!isObject(record) || Array.isArray(record)) return { reason: `must be a JSON object, got ${shown(record)}` };
    try {
      return this.#eventOf(record, text);
    } catch (error) {
      if (error instanceof KeylaneError) return { reason: `cannot be an event: ${error.message}` };
      throw error;
    }
  }

  #eventOf(record: JsonObject, text: string): Mapped {
    const { type: typeForAll, typeField, isCloudEvents } = this.#fields;
    if (isCloudEvents) return this.#fromCloudEvent(record);
    if (typeForAll === null && typeField === null && saysType(record)) {
      if (!this.#isTaken(record.type)) return { reason: this.#untakenOf(record) };
      if (Object.hasOwn(record, 'data') || (this.#saysNoNames && isBareEvent(record))) return this.#fromEvent(record);
    }
    const type = this.#typeOf(record);
    if (type === null) return { reason: saysType(record) ? isNoEvent : this.#noType() };
    if (!this.#isTaken(type)) return { reason: `has a type that no handler takes: ${this.#untaken(type)}` };
    const { key, id } = this.#names(record);
    checkDataSize(text.length, this.#limits);
    // Without data there is nothing to encode: only the names are checked against the limits.
    const event = encodeEvent({ type, key, id }, this.#limits);
    return { event: { type: event.type, key: event.key, id: event.id, extras: null, data: text } };
  }

  /** A record that is an event; fields of it that events do not have are left out. */
  #fromEvent(record: EventRecord): Mapped {
    const { type, data } = record;
    const own = (name: string): unknown => (Object.hasOwn(record, name) ? record[name] : undefined);
    const { key, id } = this.#names(record);
    // What these hold is checked by encodeEvent, whose messages name them.
    const unchecked = {
      type,
      data,
      key: this.#fields.keyField === null ? own('key') : key,
      id: this.#fields.idField === null ? own('id') : id,
      time: own('time'),
      version: own('version'),
      correlationId: own('correlationId'),
      causationId: own('causationId'),
      headers: own('headers'),
    } as SourceEvent;
    return { event: encodeEvent(unchecked, this.#limits) };
  }

  #fromCloudEvent(record: JsonObject): Mapped {
    const event = fromCloudEvent(record);
    if (!this.#isTaken(event.type)) return { reason: `has a type that no handler takes: ${this.#untaken(event.type)}` };
    return { event: encodeEvent(event, this.#limits) };
  }

  #typeOf(record: JsonObject): string | null {
    const { typeField } = this.#fields;
    return typeField === null ? this.#typeOtherwise : nameFrom(record, typeField, 'the type');
  }

  /** Whether nothing says which fields are key and id: who does has records that are data, or have it. */
  get #saysNoNames(): boolean {
    return this.#fields.keyField === null && this.#fields.idField === null;
  }

  #names(record: JsonObject): { key: string | null; id: string | null } {
    const { keyField, idField } = this.#fields;
    return {
      key: keyField === null ? null : nameFrom(record, keyField, 'the key'),
      id: idField === null ? null : nameFrom(record, idField, 'the id'),
    };
  }

  #isTaken(type: string): boolean {
    return this.#routes.of(type) !== null;
  }

  #untaken(type: string): string {
    const names = this.#routes.types;
    const some = names.slice(0, 10).map(shown).join(', ');
    const more = names.length > 10 ? ` and ${names.length - 10} more` : '';
    return `${shown(type)}; the handlers take ${some}${more}`;
  }

  /** Of a record that may be an event, or data with a field of that name. */
  #untakenOf(record: EventRecord): string {
    const why = `has a type that no handler takes: ${this.#untaken(record.type)}`;
    return Object.hasOwn(record, 'data')
      ? why
      : `${why}; if it is data, say so with type (--type) or typeField (--type-field)`;
  }

  #noType(): string {
    const { typeField } = this.#fields;
    if (typeField !== null) return `has no type: its field ${shown(typeField.whole)} is missing or null`;
    return (
      'has no type: it must be an event with "type" and "data", or say where its type is with typeField ' +
      '(--type-field), or give one type for all records with type (--type)'
    );
  }
}

const isNoEvent =
  'is no event, as it has no "data", and more or other members than an event has: give its data as "data", or, if it ' +
  'is data itself, its type with type (--type) or typeField (--type-field)';

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null;
}

/** What members of an event are, in JSON. */
const eventMembers: Readonly<Record<string, (value: unknown) => boolean>> = {
  ...{ type: isText, key: isText, id: isText, time: isText, correlationId: isText, causationId: isText },
  ...{ version: (value) => typeof value === 'number', headers: isObject },
};

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

/** Whether all that a record without data has is what events have. */
function isBareEvent(record: JsonObject): boolean {
  return Object.entries(record).every(([name, value]) => {
    const fits = Object.hasOwn(eventMembers, name) ? eventMembers[name]! : null;
    return fits !== null && (value === null || fits(value));
  });
}

function saysType(record: JsonObject): record is EventRecord {
  return Object.hasOwn(record, 'type') && typeof record.type === 'string';
}

function fieldPath(option: string, field: string | undefined): FieldPath | null {
  if (field === undefined) return null;
  const names = field.split('.');
  if (!names.includes('')) return { whole: field, names };
  const fits = 'the name of a field, or names joined by dots such as "flight.origin"';
  throw new KeylaneError('bad-option', `${option} must be ${fits}, got ${shown(field)}`);
}

/** The value of a field as a name: text as it is, numbers and booleans as text; null when it is missing or null. */
function nameFrom(record: JsonObject, field: FieldPath, what: string): string | null {
  const value = valueAt(record, field);
  switch (typeof value) {
    case 'string':
      return value;
    case 'undefined':
      return null;
    case 'boolean':
      return String(value);
    case 'number':
      // JSON.parse has rounded a larger whole number already: two ids would become one without a word.
      if (Number.isFinite(value) && (Number.isSafeInteger(value) || !Number.isInteger(value))) return String(value);
      break;
    default:
      if (value === null) return null;
  }
  const fits =
    'text, a finite number that is exact (a whole one up to 2^53 - 1; write larger ones as text), true or false';
  throw new KeylaneError('bad-event', `${what} (field ${shown(field.whole)}) must be ${fits}, got ${shown(value)}`);
}

function valueAt(record: JsonObject, field: FieldPath): unknown {
  if (Object.hasOwn(record, field.whole)) return record[field.whole];
  if (field.names.length === 1) return undefined;
  let value: unknown = record;
  for (const name of field.names) {
    if (!isObject(value) || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return value;
}
