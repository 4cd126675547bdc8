// The warning of very many parked keys.

import { expect, test } from 'vitest';
import { warnsOfParked } from '../src/parked-warning.js';

test('very many parked keys are told once, with how many they are', () => {
  const told: string[] = [];
  const look = warnsOfParked(({ code, message }) => void told.push(`${code}: ${message}`));
  for (const lanes of [1, 99_999, 100_001, 100_002, 5, 200_000]) look(lanes);
  expect(told).toEqual([expect.stringMatching(/^many-parked: 100001 keys are parked/)]);
});
