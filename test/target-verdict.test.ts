// Verdicts of targets: what counts as met.

import { expect, test } from 'vitest';
import { verdictOf } from '../bench/targets/verdict.js';

const judged = { target: 'T5', what: 'latency' };

test('a target is met when three of four runs meet it', () => {
  expect(verdictOf(judged, { runs: [1, 2, 3, 6], atMost: 5, unit: 'ms' })).toMatchObject({
    isMet: true,
    wanted: '<= 5 ms',
  });
  expect(verdictOf(judged, { runs: [9, 8, 7, 1], atLeast: 7 }).isMet).toBe(true);
  expect(verdictOf(judged, { runs: [4], below: 5 }).isMet).toBe(true);
});

test('a median that meets its bound beside too many runs that do not is missed, and says why', () => {
  const verdict = verdictOf(judged, { runs: [4, 4, 4, 6, 7], atMost: 5 });
  expect(verdict.isMet).toBe(false);
  expect(verdict.note).toContain('the median meets it, but only 3 of 5 runs do');
});

test('a median beyond its bound is missed, with nothing said of steadiness', () => {
  const verdict = verdictOf(judged, { runs: [5, 5], below: 5 });
  expect(verdict.isMet).toBe(false);
  expect(verdict.note ?? '').not.toContain('the median meets it');
});
