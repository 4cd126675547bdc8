// Which events may be among those that were written, by handler and key.

import { expect, test } from 'vitest';
import { WrittenEvents } from '../src/written-events.js';

test('knows handlers and keys, and rules nothing out that it is not told', () => {
  const written = new WrittenEvents({ keysMax: 2 });
  expect(written.mayHave({ handler: null, key: 'a' })).toBe(false);
  expect(written.mayHave({ handler: 0, key: null })).toBe(false);
  written.note('a', [0, 2]);
  written.note(null, [3]);
  expect([0, 1, 2, 3].map((handler) => written.mayHave({ handler, key: 'a' }))).toEqual([true, false, true, true]);
  expect(written.mayHave({ handler: 0, key: 'b' })).toBe(false);
  expect(written.mayHave({ handler: 0, key: null })).toBe(true);
  expect(written.mayHave({ handler: null, key: 'a' })).toBe(true);
});

test('of more keys than it keeps it knows the handlers', () => {
  const written = new WrittenEvents({ keysMax: 2 });
  for (const key of ['a', 'b', 'a']) written.note(key, [0]);
  expect(written.mayHave({ handler: 0, key: 'c' })).toBe(false);
  for (const key of ['c', 'd']) written.note(key, [0]);
  expect(['a', 'z'].map((key) => written.mayHave({ handler: 0, key }))).toEqual([true, true]);
  expect(written.mayHave({ handler: 1, key: 'a' })).toBe(false);
});
