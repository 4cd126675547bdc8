// What a handler gives is stored as it is, or refused with a sentence that says why.

import { expect, it } from 'vitest';
import { encodeResult, encodeState } from '../src/pool/result-codec.js';

const sizeMax = 1000;
const circle: { circle?: unknown } = {};
circle.circle = circle;

it.each([
  [undefined, null],
  [null, 'null'],
  [0, '0'],
  [-0, '0'],
  [-1.5e300, '-1.5e+300'],
  [4_294_967_295, '4294967295'],
  [Number.NaN, 'null'],
  [Number.NEGATIVE_INFINITY, 'null'],
  [true, 'true'],
  [false, 'false'],
  ['a "b"', '"a \\"b\\""'],
  ['\ud800', '"\\ud800"'],
  [{ a: [1, { b: null }] }, '{"a":[1,{"b":null}]}'],
  [new Date(0), '"1970-01-01T00:00:00.000Z"'],
  [Object.create(null), '{}'],
])('encodes %j', (result, encoded) => {
  expect(encodeResult(result, sizeMax)).toBe(encoded);
});

it('copies bytes, exactly those of the view', () => {
  const bytes = Buffer.from('abcdef').subarray(1, 4);
  const encoded = encodeResult(bytes, sizeMax);
  bytes.fill(0);
  expect(encoded).toEqual(new Uint8Array([98, 99, 100]));
  expect(encodeResult(new Uint8Array(0), sizeMax)).toEqual(new Uint8Array(0));
});

it.each([
  ['a function', () => {}, /got a function/],
  ['a symbol', Symbol('s'), /got the symbol Symbol\(s\)/],
  ['a bigint', 10n, /got the bigint 10: convert it/],
  ['a Proxy', new Proxy([], {}), /got a Proxy/],
  ['a Map', new Map(), /got a Map: make an array or an object of it/],
  ['a Set', new Set(), /got a Set/],
  ['a WeakMap', new WeakMap(), /got a WeakMap/],
  ['a promise in disguise', Promise.resolve(1), /got a Promise/],
  ['an ArrayBuffer', new ArrayBuffer(1), /got an ArrayBuffer: wrap it in a Uint8Array/],
  ['a SharedArrayBuffer', new SharedArrayBuffer(1), /wrap it in a Uint8Array/],
  ['a Float64Array', new Float64Array(1), /got a Float64Array: wrap/],
  ['a DataView', new DataView(new ArrayBuffer(1)), /got a DataView: wrap/],
  ['an Error', new Error('returned'), /got an Error: throw it/],
  ['a circle', circle, /circular/],
  ['a bigint inside', { n: 1n }, /BigInt/],
  ['an object that becomes nothing', { toJSON: () => undefined }, /toJSON\(\) gives nothing/],
  [
    'too long a text',
    'x'.repeat(sizeMax),
    /at most 1000 characters or bytes encoded \(option resultSizeMax\), got 1002/,
  ],
  ['too many bytes', new Uint8Array(sizeMax + 1), /at most 1000 .* got 1001/],
  ['too large an object', { text: 'x'.repeat(sizeMax) }, /at most 1000/],
  ['an array of a billion holes', new Array(1e9), /at most 1000/],
])('refuses %s', (_, result, message) => {
  expect(() => encodeResult(result, sizeMax)).toThrow(TypeError);
  expect(() => encodeResult(result, sizeMax)).toThrow(message);
});

it('refuses bytes whose buffer was transferred away', () => {
  const bytes = new Uint8Array(8);
  structuredClone(bytes, { transfer: [bytes.buffer] });
  expect(() => encodeResult(bytes, sizeMax)).toThrow(/transferred away/);
});

it('keeps what a getter or toJSON of the result throws as the cause', () => {
  const result = {
    toJSON() {
      throw new RangeError('not today');
    },
  };
  expect(() => encodeResult(result, sizeMax)).toThrow(/a handler's result must be .*: not today/);
  expect(() =>
    encodeResult(
      {
        toJSON: () => {
          throw null;
        },
      },
      sizeMax,
    ),
  ).toThrow(/: null/);
});

it('of a state it is said that it is one, and what limits it', () => {
  expect(() => encodeState(() => 1, 100)).toThrow(
    'a state must be a JSON value, a Uint8Array or undefined, got a function: set what it stands for',
  );
  expect(() => encodeState('x'.repeat(100), 100)).toThrow('(option stateSizeMax), got 102');
  expect(() => encodeState(new Map(), 100)).toThrow('a state must be');
});
