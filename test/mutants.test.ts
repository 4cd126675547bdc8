// The faults of `npm run mutants` can be planted: a source that changes takes its faults with it.

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { faults, misfits } from '../scripts/mutants/fault.js';

test('every fault changes a text that its file holds once', () => {
  expect(misfits((file) => readFileSync(file, 'utf8'))).toEqual([]);
});

test('every fault has a name of its own and tests that are there', () => {
  expect(new Set(faults.map(({ name }) => name)).size).toBe(faults.length);
  for (const { tests = [], built = [] } of faults) for (const file of [...tests, ...built]) readFileSync(file);
});
