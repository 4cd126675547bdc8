// Whatever is thrown becomes a record: faithful, bounded, valid JSON.

import { expect, it } from 'vitest';
import type { ErrorRecord } from '../src/errors.js';
import { describeThrown, errorRecordText } from '../src/pool/error-record.js';

const recordOf = (thrown: unknown, sizeMax = 16_384): ErrorRecord => JSON.parse(errorRecordText(thrown, sizeMax));

it('keeps name, message, code, stack, cause and own fields of an error', () => {
  const beneath = Object.assign(new TypeError('beneath'), { code: 42 });
  const error = Object.assign(new RangeError('too far', { cause: beneath }), {
    code: 'E_FAR',
    limit: { max: 5, at: new Date(0) },
    tags: ['a', null, undefined, 3n, Number.NaN],
  });
  const record = recordOf(error);
  expect(record).toMatchObject({
    name: 'RangeError',
    message: 'too far',
    code: 'E_FAR',
    cause: { name: 'TypeError', message: 'beneath', code: 42 },
    fields: { limit: { max: 5, at: '1970-01-01T00:00:00.000Z' }, tags: ['a', null, null, '3n', 'NaN'] },
  });
  expect(record.stack).toContain('error-record.test');
});

it.each([
  [null, 'null was thrown', null],
  [0, '0 was thrown', 0],
  ['boom', '"boom" was thrown', 'boom'],
  [false, 'false was thrown', false],
  [7n, '7 was thrown', '7n'],
  [Symbol('s'), 'Symbol(s) was thrown', 'Symbol(s)'],
  [function named() {}, 'a function was thrown', '[function named]'],
])('records that %s was thrown', (thrown, message, value) => {
  expect(recordOf(thrown)).toEqual({ name: 'NonError', message, fields: { thrown: value } });
});

it('records that undefined was thrown', () => {
  expect(recordOf(undefined)).toEqual({ name: 'NonError', message: 'undefined was thrown' });
});

it('takes message and code of an object that is no error, and its fields', () => {
  const thrown = { message: 'no', code: 5, name: 'Own', detail: [1] };
  expect(recordOf(thrown)).toEqual({ name: 'NonError', message: 'no', code: 5, fields: { detail: [1] } });
  expect(recordOf([1])).toEqual({ name: 'NonError', message: 'an array was thrown' });
  expect(recordOf(Object.create(null))).toEqual({ name: 'NonError', message: 'an object was thrown' });
});

it('survives circles, in fields and in causes', () => {
  const error: Error & { self?: unknown } = new Error('round');
  error.self = error;
  error.cause = error;
  expect(recordOf(error)).toMatchObject({
    message: 'round',
    cause: { name: 'NonError', message: 'an object was thrown: circular' },
    fields: { self: '[circular]' },
  });
});

it('survives frozen errors, getters that throw, a stack that throws and a toJSON that throws', () => {
  const error = Object.freeze(Object.assign(new Error('frozen'), { a: 1 }));
  expect(recordOf(error)).toMatchObject({ message: 'frozen', fields: { a: 1 } });
  const traps = Object.defineProperties(new Error('traps'), {
    stack: {
      get: () => {
        throw new Error('no stack');
      },
    },
    field: {
      enumerable: true,
      get: () => {
        throw new Error('no field');
      },
    },
    json: {
      enumerable: true,
      value: {
        toJSON: () => {
          throw new Error('no JSON');
        },
      },
    },
  });
  expect(recordOf(traps)).toMatchObject({ message: 'traps', fields: { field: '[unreadable]', json: '[unreadable]' } });
});

it('survives proxies, revoked ones too', () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  expect(recordOf(proxy)).toEqual({ name: 'NonError', message: 'an object was thrown: unreadable' });
  expect(recordOf(Object.assign(new Error('holds one'), { proxy })).fields).toEqual({ proxy: '[unreadable]' });
  const hostile = new Proxy(new Error('behind'), {
    get: () => {
      throw new Error('get');
    },
  });
  expect(recordOf(hostile)).toMatchObject({ name: '[unreadable]', message: '[unreadable]' });
  expect(recordOf(new Proxy(new Error('behind'), {})).message).toBe('behind');
});

it('records every error of an AggregateError', () => {
  const record = recordOf(new AggregateError([new TypeError('one'), 'two'], 'both'));
  expect(record).toMatchObject({ name: 'AggregateError', message: 'both' });
  expect(record.fields).toMatchObject({ errors: [{ name: 'TypeError', message: 'one' }, 'two'] });
});

it('stays within its size, stays valid JSON and says that it was cut', () => {
  const long = new Error('m'.repeat(50_000), { cause: new Error('c'.repeat(50_000)) });
  const wide = Object.assign(new Error('wide'), { list: Array.from({ length: 1e6 }, (_, index) => ({ index })) });
  const escapes = new Error('\u0000\ud800"'.repeat(20_000));
  let deep: unknown = 'deepest';
  for (let level = 0; level < 10_000; level += 1) deep = { deep };
  const all = [
    long,
    wide,
    escapes,
    Object.assign(new Error('deep'), { deep }),
    'x'.repeat(1e6),
    { text: 'x'.repeat(1e6) },
  ];
  for (const thrown of all) {
    for (const sizeMax of [512, 1000, 16_384]) {
      const text = errorRecordText(thrown, sizeMax);
      expect(text.length).toBeLessThanOrEqual(sizeMax);
      expect(JSON.parse(text)).toHaveProperty('message');
    }
  }
  expect(recordOf(long, 512).message).toMatch(/^m+ \[cut, 50000 characters in all\]$/);
  expect(JSON.stringify(recordOf(wide, 1000))).toContain('[cut, 1000000 items in all]');
});

it('spends no time on what it cannot keep', () => {
  const error = Object.assign(new Error('body'), {
    body: new Uint8Array(50_000_000),
    nested: { body: Buffer.alloc(8) },
  });
  expect(recordOf(error).fields).toEqual({ body: '[50000000 bytes]', nested: { body: '[8 bytes]' } });
});

it('keeps fields named like a prototype without touching one', () => {
  const error = Object.assign(new Error('x'), JSON.parse('{"__proto__": {"polluted": true}, "constructor": 1}'));
  Object.defineProperty(error, '__proto__', { value: { polluted: true }, enumerable: true });
  expect(errorRecordText(error, 4096)).toContain('"__proto__":{"polluted":true}');
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
});

it('keeps a lone surrogate as an escape, so that its text is plain', () => {
  const text = errorRecordText(new Error('half \ud83d'), 4096);
  expect(text).toContain('half \\ud83d');
  expect(text.isWellFormed?.() ?? true).toBe(true);
});

it('describes what was thrown on one line, with its place in a file', () => {
  expect(describeThrown(new TypeError('a\nb'))).toBe('TypeError: a\\u000ab');
  expect(describeThrown('boom')).toBe('"boom" was thrown');
  const error = new Error('x');
  error.stack = 'Error: x\n    at f (file:///a/b.js:3:7)\n    at g (file:///a/c.js:1:1)';
  expect(describeThrown(error, 'file:///a/c.js')).toBe('Error: x (at /a/c.js:1:1)');
  expect(describeThrown(error, 'file:///elsewhere.js')).toBe('Error: x');
});
