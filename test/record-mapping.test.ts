// How a record becomes an event, and what is said when it cannot.

import { describe, expect, test } from 'vitest';
import type { HandlerTable } from '../src/handler.js';
import { type Mapped, type MappingOptions, mappingFields, RecordMapping } from '../src/sources/record-mapping.js';

const limits = { dataSizeMax: 200, keySizeMax: 20, headersSizeMax: 100 };
const two: HandlerTable = { names: ['flight.departed', 'flight.landed'], policies: [], takes: 'its-own-type' };
const one: HandlerTable = { names: ['flight.departed'], policies: [], takes: 'its-own-type' };
const any: HandlerTable = { names: ['default'], policies: [], takes: 'every-type' };

function map(record: unknown, options: MappingOptions = {}, handlers = two): Mapped {
  const text = typeof record === 'string' ? record : JSON.stringify(record);
  return new RecordMapping(mappingFields(options), { handlers, limits }).map(text);
}

function event(mapped: Mapped) {
  expect(mapped).toHaveProperty('event');
  return 'event' in mapped ? mapped.event : null;
}

function reason(mapped: Mapped): string {
  expect(mapped).toHaveProperty('reason');
  return 'reason' in mapped ? mapped.reason : '';
}

describe('a record that is an event', () => {
  const full = {
    type: 'flight.departed',
    key: 'JFK',
    id: 'f1',
    time: '2001-01-01T10:00:00Z',
    headers: { trace: 'abc' },
    data: { delay: 3 },
  };

  test('keeps its type, key, id, time, headers and data', () => {
    expect(event(map(full))).toEqual({
      type: 'flight.departed',
      key: 'JFK',
      id: 'f1',
      extras: '{"time":"2001-01-01T10:00:00Z","headers":{"trace":"abc"}}',
      data: '{"delay":3}',
    });
  });

  test('may do with a type and data', () => {
    const expected = { type: 'flight.landed', key: null, id: null, extras: null, data: 'null' };
    expect(event(map({ type: 'flight.landed', data: null }))).toEqual(expected);
  });

  const bare = { type: 'flight.departed', key: null, id: null, extras: null };

  test('may do without data where nothing else says that it is data', () => {
    const record = { type: 'flight.landed', key: 'JFK', id: 'f2', correlationId: 'c' };
    const expected = { type: 'flight.landed', key: 'JFK', id: 'f2', extras: '{"correlationId":"c"}', data: null };
    for (const handlers of [one, two, any]) {
      const taken = handlers === one ? { ...record, type: 'flight.departed' } : record;
      expect(event(map(taken, {}, handlers))).toEqual({ ...expected, type: taken.type });
    }
    for (const other of [{ gate: 7 }, { id: 7 }, { time: 7 }, { headers: 'h' }, { version: '2' }]) {
      const whole = { ...record, ...other };
      expect(reason(map(whole))).toContain('is no event, as it has no "data", and more or other members than');
      const data = JSON.stringify({ ...whole, type: 'flight.departed' });
      expect(event(map(data, {}, one))).toEqual({ ...bare, data });
    }
    expect(event(map({ ...record, key: null }))).toMatchObject({ key: null, data: null });
  });

  test('has data where it is said which fields are key and id', () => {
    const text = '{"type":"flight.departed","key":"k","id":"i"}';
    expect(event(map(text, { keyField: 'key' }, one))).toEqual({ ...bare, key: 'k', data: text });
    expect(event(map(text, { idField: 'id' }, one))).toEqual({ ...bare, id: 'i', data: text });
    expect(reason(map(text, { keyField: 'key' }))).toContain('is no event, as it has no "data"');
  });

  test('takes key and id from the fields that are named, wherever they are', () => {
    const mapped = map({ ...full, data: { gate: { no: 7 } } }, { keyField: 'data.gate.no', idField: 'headers.trace' });
    expect(event(mapped)).toMatchObject({ type: 'flight.departed', key: '7', id: 'abc' });
  });

  test.each([
    [
      'a type no handler takes',
      { type: 'flight.lost' },
      'no handler takes: "flight.lost"; the handlers take "flight.d',
    ],
    ['an id that is empty', { id: '' }, 'event.id must be a string that is not empty, got ""'],
    ['a key that is no text', { key: 5 }, 'event.key must be a string, got 5'],
    ['a key that is too long', { key: 'x'.repeat(21) }, 'event.key must be at most 20 characters'],
    ['a time that is none', { time: 'noon' }, 'event.time must be'],
    ['headers that are not text', { headers: { a: 1 } }, 'event.headers["a"] must be a string'],
    ['data that is too large', { data: 'x'.repeat(300) }, 'event.data must be at most 200'],
  ])('is refused for %s', (_, change, says) => {
    expect(reason(map({ ...full, ...change }))).toContain(says);
  });
});

describe('a record that is data', () => {
  const text = '{ "origin": "JFK", "no": 12, "on": true, "at": {"gate": "B2", "none": null}, "kind": "flight.landed" }';

  test('is passed on as it came, not encoded again', () => {
    expect(event(map(text, { type: 'flight.departed' }))).toEqual({
      type: 'flight.departed',
      key: null,
      id: null,
      extras: null,
      data: text,
    });
  });

  test.each([
    ['a text', 'origin', 'JFK'],
    ['a number', 'no', '12'],
    ['true', 'on', 'true'],
    ['a field inside', 'at.gate', 'B2'],
    ['null', 'at.none', null],
    ['a field that is missing', 'gate', null],
    ['a field inside one that is missing', 'gate.no', null],
    ['a field inside a text', 'origin.length', null],
  ])('%s gives the key', (_, keyField, key) => {
    expect(event(map(text, { type: 'flight.departed', keyField }))).toMatchObject({ key });
  });

  test('an empty text is a key, too', () => {
    expect(event(map({ a: '' }, { type: 'flight.departed', keyField: 'a' }))).toMatchObject({ key: '' });
  });

  test('a field whose own name has dots goes before a path', () => {
    const record = { 'http.method': 'GET', http: { method: 'POST' } };
    expect(event(map(record, { type: 'flight.departed', keyField: 'http.method' }))).toMatchObject({ key: 'GET' });
  });

  test.each(['__proto__', 'constructor', 'constructor.name', 'toString', 'at.hasOwnProperty'])(
    '%s leads to nothing that the record does not have itself',
    (keyField) => {
      expect(event(map(text, { type: 'flight.departed', keyField }))).toMatchObject({ key: null });
    },
  );

  test('a field named __proto__ is a field like any other', () => {
    const record = '{"__proto__": "evil", "__proto__x": 1}';
    expect(event(map(record, { type: 'flight.departed', keyField: '__proto__' }))).toMatchObject({ key: 'evil' });
    expect(({} as Record<string, unknown>)['__proto__x']).toBeUndefined();
  });

  test('a field may give the type', () => {
    expect(event(map(text, { typeField: 'kind' }))).toMatchObject({ type: 'flight.landed', data: text });
  });

  test('an event whose type is looked for in a field is data as a whole', () => {
    const record = { type: 'flight.landed', data: 1 };
    const whole = JSON.stringify(record);
    expect(event(map(record, { typeField: 'type' }))).toMatchObject({ type: 'flight.landed', data: whole });
  });

  test.each([
    ['a type that is missing', { typeField: 'gone' }, 'has no type: its field "gone" is missing or null'],
    [
      'a type no handler takes',
      { typeField: 'origin' },
      'no handler takes: "JFK"; the handlers take "flight.departed"',
    ],
    ['a key that is an object', { type: 'flight.departed', keyField: 'at' }, 'the key (field "at") must be text'],
    ['no type at all', {}, 'has no type: it must be an event with "type" and "data"'],
  ])('is refused for %s', (_, options, says) => {
    expect(reason(map(text, options))).toContain(says);
  });

  test('is refused when it is too large', () => {
    expect(reason(map({ a: 'x'.repeat(300) }, { type: 'flight.departed' }))).toContain(
      'event.data must be at most 200',
    );
  });

  test.each(['9007199254740993', '-9007199254740993', '12345678901234567890123'])(
    'is refused when its key or id is %s, which cannot be told from its neighbours',
    (number) => {
      for (const field of [{ keyField: 'a' }, { idField: 'a' }]) {
        const mapped = map(`{"a":${number}}`, { type: 'flight.departed', ...field });
        expect(reason(mapped)).toContain('write larger ones as text');
      }
    },
  );

  test('may have the largest exact number, or a fraction, as its key', () => {
    for (const number of ['9007199254740991', '0.5']) {
      const mapped = map(`{"a":${number}}`, { type: 'flight.departed', keyField: 'a' });
      expect(event(mapped)?.key).toBe(number);
    }
  });

  test('is refused when its key is not finite', () => {
    const mapped = map('{"a":1e999}', { type: 'flight.departed', keyField: 'a' });
    expect(reason(mapped)).toContain('must be text, a finite number');
  });
});

describe('with a single handler', () => {
  test('the type may be left out: it is the handler, by its name', () => {
    expect(event(map({ a: 1 }, {}, one))).toMatchObject({ type: 'flight.departed', data: '{"a":1}' });
    expect(event(map({ a: 1 }, {}, any))).toMatchObject({ type: 'default', data: '{"a":1}' });
  });

  test('a record of another type is not run as one of this', () => {
    const says =
      'no handler takes: "flight.landed"; the handlers take "flight.departed"; if it is data, say so with type';
    for (const rest of [{}, { key: 'k', id: 'i' }, { gate: 7 }]) {
      expect(reason(map({ type: 'flight.landed', ...rest }, {}, one))).toContain(says);
    }
    const text = '{"type":"flight.landed","gate":7}';
    expect(event(map(text, { type: 'flight.departed' }, one))).toMatchObject({ type: 'flight.departed', data: text });
    expect(event(map({ type: 'flight.departed', gate: 7 }, {}, one))).toMatchObject({
      type: 'flight.departed',
      key: null,
    });
  });

  test('one that takes every type takes every type', () => {
    expect(event(map({ type: 'whatever', data: 1 }, {}, any))).toMatchObject({ type: 'whatever', data: '1' });
    expect(event(map({ a: 1 }, { type: 'whatever' }, any))).toMatchObject({ type: 'whatever' });
  });
});

test.each([
  ['null', 'must be a JSON object, got null'],
  ['[1]', 'must be a JSON object, got an array'],
  ['7', 'must be a JSON object, got 7'],
  ['"a"', 'must be a JSON object, got "a"'],
  ['{"a":', 'is not valid JSON: '],
  ['{"a":1} {"b":2}', 'is not valid JSON: '],
  ['', 'is not valid JSON: '],
])('the record %s is refused', (record, says) => {
  expect(reason(map(record, { type: 'flight.departed' }))).toContain(says);
});

test('control characters of a record do not reach a terminal', () => {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  expect(reason(map('{"a": \u001b[31m\u0007 }', { type: 'flight.departed' }))).not.toMatch(/[\u0000-\u001f]/);
});

test.each([
  [{ type: 'a', typeField: 'b' }, 'type and typeField must not both be given'],
  [{ type: '' }, 'type must be a string that is not empty'],
  [{ keyField: '' }, 'keyField must be the name of a field'],
  [{ keyField: 'a..b' }, 'keyField must be the name of a field'],
  [{ idField: '.a' }, 'idField must be the name of a field'],
])('the options %j are refused', (options, says) => {
  expect(() => mappingFields(options)).toThrow(says);
});

test('a type for all records that no handler takes is refused at once', () => {
  expect(() => map({}, { type: 'flight.lost' })).toThrow('got "flight.lost"; the handlers take "flight.departed", "fl');
});
