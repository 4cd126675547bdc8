// Copies of states in place of their text: what a copy shows is what the text would have shown, or there is none.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PlainCopy, plainSizeMax, textPerUnit } from '../src/pool/plain-copy.js';

const anything = fc.anything({
  ...{ withBigInt: true, withDate: true, withMap: true, withSet: true, withSparseArray: true, withTypedArray: true },
  ...{ withNullPrototype: true, withObjectString: true, withUnicodeString: true },
});
const values = fc.oneof(anything, fc.jsonValue({ maxDepth: 4 }), fc.record({ n: fc.double(), text: fc.string() }));

test('is what the text of a value says, in the order of its members, or is not made', () => {
  let made = 0;
  fc.assert(
    fc.property(values, (value) => {
      const copy = PlainCopy.of(value, plainSizeMax);
      if (copy === null) return;
      made += 1;
      const text = JSON.stringify(value);
      expect(copy.value).toStrictEqual(JSON.parse(text));
      expect(JSON.stringify(copy.value)).toBe(text);
      expect(text.length).toBeLessThanOrEqual(plainSizeMax * textPerUnit);
      expect(copy.again()).toStrictEqual(copy.value);
    }),
    { numRuns: 2000, seed: 20_261_127 },
  );
  expect(made).toBeGreaterThan(500);
});

test('shares nothing with the value, nor with a copy that is made of it', () => {
  const value = { list: [1, { deep: 1 }], map: { of: { a: 1 } } };
  const copy = PlainCopy.of(value, plainSizeMax)!;
  const [one, other] = [copy.again() as typeof value, copy.again() as typeof value];
  for (const given of [value, one]) {
    given.list.push(2);
    given.map.of.a = 2;
    (given.list[1] as { deep: number }).deep = 2;
  }
  const expected = { list: [1, { deep: 1 }], map: { of: { a: 1 } } };
  expect([copy.value, other]).toEqual([expected, expected]);
  const flat = PlainCopy.of([1, 2], plainSizeMax)!;
  (flat.again() as number[]).push(3);
  expect(flat.again()).toEqual([1, 2]);
});

const circle: { self?: unknown } = {};
circle.self = circle;

test.each<[what: string, value: unknown]>([
  ['-0', -0],
  ['a number that JSON has not', Number.NaN],
  ['undefined', undefined],
  ['undefined in a list', [undefined]],
  ['a list with holes', new Array(2)],
  ['a date', { at: new Date(0) }],
  ['an object that says what it is', { toJSON: () => 1 }],
  ['a class', new (class A {})()],
  ['bytes', new Uint8Array(2)],
  ['a map', new Map()],
  ['a member by the name of the prototype', JSON.parse('{"__proto__":1}')],
  ['a member by a name that every object has', { constructor: 1 }],
  ['a circle', circle],
  ['a function', { run() {} }],
  ['what is large', 'x'.repeat(plainSizeMax)],
  ['what is large in all', Array.from({ length: 1000 }, () => 'abc')],
])('is not made of %s', (_, value) => {
  expect(PlainCopy.of(value, plainSizeMax)).toBeNull();
});

test('is made of nothing that counts for more than it may', () => {
  const text = 'x'.repeat(100);
  expect(PlainCopy.of({ text }, 114)).not.toBeNull();
  expect(PlainCopy.of({ text }, 113)).toBeNull();
});
