// How `keylane bench` and `keylane tune` judge a run of somebody's handlers: by its store, and against plain loops.

import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { checkOutcomes } from '../bench/own/outcome-check.js';
import { eventsFor, eventsPerThread } from '../bench/own/own-sizes.js';
import { PlainContext } from '../bench/own/plain-context.js';
import { hasFailed, joinedHash, noOutcome, resultHash } from '../bench/own/result-hash.js';
import { ResultsCheck } from '../bench/own/results-check.js';
import type { HandlerEvent } from '../src/index.js';
import type { LaneOrder } from '../src/policy.js';
import { scratchFolder } from './fixtures/scratch-folder.js';

const scratch = scratchFolder();
let made = 0;

interface Made {
  readonly position: number;
  readonly key?: string | null;
  readonly at?: number;
  readonly status?: string;
  readonly handler?: string;
}

/** Judges a store with these outcomes of events that take 10 us each, one after another. */
function judged(
  outcomes: readonly Made[],
  { count = outcomes.length, order = 'key' as LaneOrder, waiting = 0, handlers = ['h'] } = {},
) {
  made += 1;
  const path = `${scratch.path}/${made}.db`;
  const db = new Database(path);
  const columns = 'partition, position, status, key, handler, result, error, started_at, duration_us';
  db.exec(`CREATE TABLE outcomes (${columns}); CREATE TABLE pending_events (partition)`);
  const insert = db.prepare(`INSERT INTO outcomes (${columns}) VALUES ('measured', ?, ?, ?, ?, '1', ?, ?, 10)`);
  for (const { position, key = 'k', at = position * 10, status = 'succeeded', handler = 'h' } of outcomes) {
    const error = status === 'succeeded' ? null : '{"name":"E","message":"no"}';
    insert.run(position, status, key, handler, error, at);
  }
  for (let n = 0; n < waiting; n += 1) db.exec("INSERT INTO pending_events VALUES ('measured')");
  db.close();
  return checkOutcomes(path, {
    ...{ partition: 'measured', count, handlers },
    orders: handlers.map(() => order),
    routeAt: () => [...handlers.keys()],
  });
}

const three: readonly Made[] = [{ position: 1 }, { position: 2 }, { position: 3 }];

test('every event once and in order is right, failures are counted', () => {
  expect(judged(three)).toMatchObject({ wrong: [], failed: 0, firstError: null });
  const found = judged([{ position: 1 }, { position: 2, status: 'dead-lettered' }]);
  expect(found).toMatchObject({ wrong: [], failed: 1, firstError: 'E: no' });
  expect([...found.hashes]).toEqual([resultHash('1'), hasFailed]);
});

test.each([
  ['one is missing', judged(three.slice(0, 2), { count: 3 }), /3 outcomes are owed, 2 are there and 0 wait/],
  ['one comes twice', judged([...three, { position: 3, at: 40 }], { count: 3 }), /1 outcomes are there twice/],
  ['one is nobody’s', judged(three, { count: 2 }), /1 outcomes belong to no event/],
  ['one began too early', judged([{ position: 1 }, { position: 2, at: 15 }]), /1 events began before/],
])('wrong when %s', (_, { wrong }, says) => {
  expect(wrong.join()).toMatch(says);
});

test('of an event that several handlers take, every outcome is looked for, and each has its place in the hash', () => {
  const handlers = ['g', 'h'];
  const both: Made[] = handlers.map((handler) => ({ position: 1, handler }));
  const whole = judged(both, { count: 1, handlers });
  expect(whole).toMatchObject({ wrong: [], failed: 0 });
  expect([...whole.hashes]).toEqual([joinedHash([resultHash('1'), resultHash('1')])]);
  expect(joinedHash([resultHash('1'), resultHash('2')])).not.toBe(joinedHash([resultHash('2'), resultHash('1')]));
  const half = judged(both.slice(0, 1), { count: 1, handlers });
  expect(half.wrong.join()).toMatch(/2 outcomes are owed, 1 are there/);
  expect([...half.hashes]).toEqual([noOutcome]);
  const failed = judged([both[0]!, { ...both[1]!, status: 'dead-lettered' }], { count: 1, handlers });
  expect(failed).toMatchObject({ wrong: [], failed: 1 });
  const doubled = judged([...both, { position: 1, handler: 'g', at: 40 }], { count: 1, handlers });
  expect(doubled.wrong.join()).toMatch(/1 outcomes are there twice/);
});

test('events that wait, and overlaps of other keys or without order, are not wrong', () => {
  expect(judged(three.slice(0, 2), { count: 3, waiting: 1 })).toMatchObject({ wrong: [], parked: 1 });
  expect(judged([{ position: 1 }, { position: 2, at: 15, key: 'other' }]).wrong).toEqual([]);
  expect(
    judged([
      { position: 1, key: null },
      { position: 2, at: 15, key: null },
    ]).wrong,
  ).toEqual([]);
  expect(judged([{ position: 1 }, { position: 2, at: 15 }], { order: 'none' }).wrong).toEqual([]);
});

test('results are held against plain loops, unless these differ', () => {
  const check = new ResultsCheck();
  check.addPlain(Uint32Array.of(10, 11));
  check.addPlain(Uint32Array.of(10, 11, 12, hasFailed));
  check.addCell('a', Uint32Array.of(10, 11, 12, 13));
  check.addCell('b', Uint32Array.of(noOutcome, hasFailed, 12));
  expect(check).toMatchObject({ verdict: 'same', wrong: [] });
  check.addCell('c', Uint32Array.of(10, 99, 98));
  expect(check.verdict).toBe('different');
  expect(check.wrong).toEqual([expect.stringMatching(/^c: 2 results are not .* that of event 2\./)]);
  check.addPlain(Uint32Array.of(10, 77));
  expect(check).toMatchObject({ verdict: 'not-deterministic', unsteady: 1, wrong: [] });
});

test('results are said to be unchecked where none could be', () => {
  const failed = new ResultsCheck();
  failed.addPlain(Uint32Array.of(hasFailed, hasFailed), 'TypeError: no');
  failed.addCell('a', Uint32Array.of(10, hasFailed));
  const plainFailures = { events: 2, failed: 2, firstError: 'TypeError: no' };
  expect(failed).toMatchObject({ verdict: 'not-compared', wrong: [], plainFailures, isIdealKnown: false });
  const some = new ResultsCheck();
  some.addPlain(Uint32Array.of(10, hasFailed));
  some.addCell('a', Uint32Array.of(10, 11));
  expect(some).toMatchObject({ verdict: 'same', isIdealKnown: true });
  const stateful = new ResultsCheck({ keepsState: true });
  for (const first of [10, 20]) stateful.addPlain(Uint32Array.of(first));
  stateful.addCell('a', Uint32Array.of(30));
  expect(stateful).toMatchObject({ verdict: 'of-state', wrong: [], plainFailures: null });
});

describe('the context of a plain loop', () => {
  const event = { type: 't', key: 'k', id: null, data: 1, partition: 'p', position: 1 } as unknown as HandlerEvent;
  const contextOf = (): PlainContext => {
    const context = new PlainContext('h', {
      timeoutMs: null,
      keeps: { states: new Map(), initial: () => ({ n: 0 }) },
    });
    context.begin(event);
    return context;
  };

  test('a try has one state, so that what it changes in place and then sets is kept', () => {
    const context = contextOf();
    (context.state as { n: number }).n += 1;
    context.setState(context.state);
    context.keep();
    context.begin(event);
    expect(context.state).toEqual({ n: 1 });
  });

  test('a state that is given up begins anew, one of a try that failed is not kept', () => {
    const context = contextOf();
    context.setState({ n: 5 });
    context.keep();
    context.begin(event);
    context.setState(undefined);
    context.begin(event);
    expect(context.state).toEqual({ n: 5 });
    context.setState(undefined);
    context.keep();
    context.begin(event);
    expect(context.state).toEqual({ n: 0 });
  });

  test('what a try emits counts once it has succeeded', () => {
    const context = contextOf();
    context.emit({ type: 'a', data: 1 });
    context.begin(event);
    expect(context.emitted).toBe(0);
    context.emit([
      { type: 'a', data: 1 },
      { type: 'b', data: 2 },
    ]);
    expect(context.emitted).toBe(2);
  });
});

test('a hash tells kinds and values apart, and is never a mark', () => {
  const hashes = [null, '', '1', '2', '12', new Uint8Array(), Uint8Array.of(49)].map(resultHash);
  expect(new Set(hashes).size).toBe(hashes.length);
  expect(Math.min(...hashes)).toBeGreaterThan(hasFailed);
});

test('sizes are round, bounded, and shared out evenly', () => {
  expect(eventsPerThread({ rate: 777, seconds: 1 })).toBe(500);
  expect(eventsPerThread({ rate: 0.1, seconds: 1 })).toBe(10);
  expect(eventsPerThread({ rate: 1e9, seconds: 1 })).toBe(200_000);
  expect(eventsFor({ perThread: 200_000, atOnce: 7 }) % 7).toBe(0);
  expect(eventsFor({ perThread: 200_000, atOnce: 7 })).toBeLessThanOrEqual(1_000_000);
});
