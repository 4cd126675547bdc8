// Two reports of the bench against each other: which cells are the same, and what is a change and what is noise.

import { expect, test } from 'vitest';
import { type Comparison, changeOf, compare, failureOf } from '../bench/compare.js';
import { terminalComparison } from '../bench/render/terminal.js';
import type { BenchReport } from '../bench/report.js';
import { cell, emptyReport, fullReport, sample } from './bench-report-fixture.js';

test.each([
  ['as large as the noise', { before: sample(100, 0.1), after: sample(90, 0.02) }, 'within noise'],
  ['a little larger than the noise', { before: sample(100, 0.1), after: sample(89.99, 0.02) }, 'slower'],
  ['within the noise of the newer runs', { before: sample(100, 0.01), after: sample(91, 0.1) }, 'within noise'],
  ['larger, to the good', { before: sample(100, 0.01), after: sample(112, 0.1) }, 'faster'],
  ['none', { before: sample(100, 0), after: sample(100, 0) }, 'within noise'],
  ['the least, without any noise', { before: sample(100, 0), after: sample(99.9, 0) }, 'slower'],
  ['of one run', { before: { ...sample(100), runs: [100] }, after: sample(10) }, 'not judged'],
  ['from nothing', { before: sample(0, 0), after: sample(10, 0) }, 'faster'],
] as const)('a change %s has its verdict', (_, { before, after }, verdict) => {
  expect(changeOf(before, after).verdict).toBe(verdict);
});

test('cells are matched by all that they run, and those without a match are listed', () => {
  const before = emptyReport({ cells: [cell({ threads: 1 }), cell({ batchSizeMax: 64 })] });
  const after = emptyReport({ cells: [cell({ batchSizeMax: 64, rate: sample(206_000) }), cell({ threads: 4 })] });
  const { cells, onlyBefore, onlyAfter } = compare(before, after);
  expect(cells.map(({ change, verdict }) => [change, verdict])).toEqual([[-0.5, 'slower']]);
  expect(onlyBefore.map(({ threads }) => threads)).toEqual([1]);
  expect(onlyAfter.map(({ threads }) => threads)).toEqual([4]);
  const text = terminalComparison(compare(before, after));
  expect(text).toMatch(/Only before: no-op, 1 thread,/);
  expect(text).toMatch(/Only after: no-op, 4 threads,/);
  expect(text).toContain('-50.0 %');
});

test('every field of the specification tells cells apart', () => {
  const others = [
    { workload: 'x' },
    { threads: 3 },
    { events: 1 },
    { keys: 'zipf' },
    { keyCount: 2 },
    { payload: '1 MB' },
    { intake: 'journal' },
    { durability: 'power' },
    { batchSizeMax: 1 },
  ] as const;
  for (const other of others) {
    const comparison = compare(emptyReport({ cells: [cell()] }), emptyReport({ cells: [cell(other)] }));
    expect(comparison.cells, JSON.stringify(other)).toEqual([]);
  }
});

test('a cell that is there twice is compared twice, each with its own', () => {
  const twice = (first: number, second: number) => {
    return emptyReport({ cells: [cell({ rate: sample(first) }), cell({ rate: sample(second) })] });
  };
  const { cells, onlyBefore } = compare(twice(100, 200), twice(100, 100));
  expect(cells.map(({ change }) => change)).toEqual([0, -0.5]);
  expect(onlyBefore).toEqual([]);
});

test('a comparison says what else differs', () => {
  const before = fullReport();
  const machine = { ...before.machine, node: 'v24.1.0' };
  const limits = before.limits.map((limit) => ({ ...limit, value: sample(limit.value.median * 0.5) }));
  const { otherwise } = compare(before, { ...before, machine, limits });
  expect(otherwise).toContain('Node: v20.20.2 -> v24.1.0');
  expect(otherwise).toContain('limit insert, memory / process: -50.0 %, which is not noise');
  expect(compare(before, before).otherwise).toEqual([]);
});

test('a comparison fails on a slower cell only when asked, on wrong results always', () => {
  const slower = compare(emptyReport({ cells: [cell()] }), emptyReport({ cells: [cell({ rate: sample(1) })] }));
  const same = compare(emptyReport({ cells: [cell()] }), emptyReport({ cells: [cell()] }));
  const nothing = compare(emptyReport({ cells: [cell()] }), emptyReport());
  const fewer = compare(emptyReport({ cells: [cell(), cell({ threads: 9 })] }), emptyReport({ cells: [cell()] }));
  const once = { ...sample(1), runs: [1] };
  const single = compare(emptyReport({ cells: [cell()] }), emptyReport({ cells: [cell({ rate: once })] }));
  const wrong: Comparison = { ...same, wrong: ['order'] };
  expect(failureOf(slower, { onRegression: true })).toBe('1 of 1 cells is slower than before');
  expect(failureOf(slower, { onRegression: false })).toBeNull();
  expect(failureOf(same, { onRegression: true })).toBeNull();
  expect(failureOf(nothing, { onRegression: true })).toContain('no cell in common');
  expect(failureOf(fewer, { onRegression: true })).toContain('1 cells of the older report were not measured again');
  expect(failureOf(single, { onRegression: true })).toContain('1 of 1 cells cannot be judged from one run');
  expect(failureOf(single, { onRegression: false })).toBeNull();
  expect(failureOf(wrong, { onRegression: false })).toContain('order');
});

test('cells of own handlers are the same whatever number of events took the time of a measurement', () => {
  const own = {} as BenchReport['own'];
  const [before, after] = [cell({ events: 5012 }), cell({ events: 4988 })].map((one) =>
    emptyReport({ cells: [one], own }),
  );
  expect(compare(before!, after!).cells).toHaveLength(1);
  expect(compare({ ...before!, own: null }, after!).cells).toEqual([]);
});
