// Events that several handlers take: each owes its own outcome, whatever becomes of the others, through restarts and with
// a backlog. What an event owes is fixed when it is accepted.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { IterableSource, type Outcome, openStore, type Processor, type SourceEvent } from '../dist/src/index.js';
import { makeFolder, makeProcessor, readOutcomes } from './processor-fixture.js';

/** A module that lists these handlers, given as the text of each. */
function listed(...handlers: readonly string[]): URL {
  const path = join(makeFolder(), 'list.mjs');
  writeFileSync(path, `export default [${handlers.join(',\n')}];`);
  return pathToFileURL(path);
}

const echo = (name: string, on = "'*'"): string => `{ name: '${name}', on: ${on}, run: ({ data }) => data }`;
const failing = (name: string, policy: string): string => `{
  name: '${name}', on: 'order.*', ${policy}, backoffMsMin: 0, backoffMsMax: 0,
  run: ({ data }) => { if (data === 'bad') throw new TypeError('bad'); return data; },
}`;

/** A handler that fails from some data on, and is tried again after a long time. */
const failingFrom = (data: number): string => `{
  name: 'slow', on: '*', attemptsMax: 100,${data < 9 ? ' backoffMsMin: 60_000, backoffMsMax: 60_000,' : ''}
  run: (event) => { if (event.data >= ${data}) throw new Error('later'); return event.data; },
}`;

/** Outcomes as texts, by position and handler. */
function outcomesOf(store: string): string[] {
  const rows = readOutcomes<{ position: number; handler: string; status: string; attempts: number }>(store);
  return rows.map(({ position, handler, status, attempts }) => `${position} ${handler} ${status} ${attempts}`).sort();
}

const newStore = (): string => join(makeFolder(), 'test.db');

/** Resolves once so many outcomes are durable. */
function told(processor: Processor, count: number): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  return new Promise((resolve) => {
    processor.on('outcome', (outcome) => {
      outcomes.push(outcome);
      if (outcomes.length === count) resolve(outcomes);
    });
  });
}

test('each handler that takes a type, by name or by pattern, owes an outcome of its own', async () => {
  const store = newStore();
  const handlers = listed(echo('bill', "'order.*'"), echo('ship', "['order.placed', 'order.paid']"), echo('audit'));
  const processor = await makeProcessor({ store, handlers });
  for (const type of ['order.placed', 'order.line.added', 'order', 'ordered', 'other', 'order.']) {
    await processor.publish({ type, key: 'k', data: 1 });
  }
  await processor.drain();
  expect(outcomesOf(store).map((text) => text.replace(' succeeded 1', ''))).toEqual([
    ...['1 audit', '1 bill', '1 ship', '2 audit', '2 bill', '3 audit', '4 audit', '5 audit', '6 audit'],
  ]);
  expect(processor.stats()).toMatchObject({ accepted: 9, succeeded: 9 });
});

test('a type that no handler takes is refused', async () => {
  const processor = await makeProcessor({ handlers: listed(echo('bill', "'order.*'")) });
  await expect(processor.publish({ type: 'order', data: 1 })).rejects.toMatchObject({
    code: 'bad-event',
    message: expect.stringContaining('event.type must be a type that a handler takes, got "order"'),
  });
});

test('each handler has its own tries and dead letters, and one is redriven without the others', async () => {
  const store = newStore();
  const handlers = listed(failing('twice', 'attemptsMax: 2'), failing('once', 'attemptsMax: 1'), echo('audit'));
  const processor = await makeProcessor({ store, handlers });
  const { identity } = await processor.publish({ type: 'order.placed', key: 'k', data: 'bad' });
  await processor.drain();
  expect(outcomesOf(store)).toEqual([...['1 audit succeeded 1', '1 once dead-lettered 1', '1 twice dead-lettered 2']]);
  const again = await makeProcessor({ store, handlers });
  expect(await again.redrive({ identity, handler: 'twice' })).toEqual({ redriven: 1, withoutEvent: 0 });
  await again.drain();
  const reader = openStore(store);
  expect(reader.outcomes(identity).map(({ handler, status }) => `${handler} ${status}`)).toEqual([
    ...['twice dead-lettered', 'once dead-lettered', 'audit succeeded'],
  ]);
  expect(
    reader
      .history(identity)
      .map(({ handler, attempt }) => `${handler} ${attempt}`)
      .sort(),
  ).toEqual([...['once 1', 'twice 1', 'twice 1', 'twice 2', 'twice 2']]);
  expect(reader.event(identity)?.handlers).toEqual(['twice', 'once', 'audit']);
  expect([...reader.deadLetters({ handler: 'once' })]).toHaveLength(1);
  reader.close();
});

test('a handler that parks a key leaves the others their way, and goes on when its dead letter is given up', async () => {
  const store = newStore();
  const handlers = listed(failing('careful', "attemptsMax: 1, onDeadLetter: 'park'"), echo('audit'));
  const processor = await makeProcessor({ store, handlers });
  const firstFour = told(processor, 4);
  for (const data of ['bad', 'good', 'better']) await processor.publish({ type: 'order.placed', key: 'k', data });
  await firstFour;
  expect(outcomesOf(store)).toEqual([
    ...['1 audit succeeded 1', '1 careful dead-lettered 1', '2 audit succeeded 1', '3 audit succeeded 1'],
  ]);
  expect(processor.explain({ handler: 'careful', key: 'k' })).toMatchObject({ situation: 'parked', waitingInStore: 2 });
  expect(processor.explain({ handler: 'audit', key: 'k' })).toMatchObject({ situation: 'empty' });
  await processor.discard({ handler: 'careful' }, 'a test');
  await processor.drain();
  expect(outcomesOf(store).filter((text) => text.includes('careful'))).toEqual([
    ...['1 careful discarded 1', '2 careful succeeded 1', '3 careful succeeded 1'],
  ]);
});

test('after a crash in the middle exactly the missing outcomes are made up for', async () => {
  const store = newStore();
  const first = await makeProcessor({ store, handlers: listed(failingFrom(0), echo('quick')) });
  const outcomes = told(first, 3);
  for (const key of ['a', 'b', 'c']) await first.publish({ type: 't', key, data: 1 });
  expect((await outcomes).map(({ handler }) => handler)).toEqual(['quick', 'quick', 'quick']);
  await first.abort();
  const soon = { backoffMsMax: 1, backoffMsMin: 1 };
  const second = await makeProcessor({ store, handlers: listed(failingFrom(9), echo('quick')), ...soon });
  expect(second.recovery.pending).toBe(3);
  const left = told(second, 3);
  await second.drain();
  expect((await left).map(({ handler, key }) => `${handler} ${key}`).sort()).toEqual(['slow a', 'slow b', 'slow c']);
  expect(second.stats()).toMatchObject({ succeeded: 3, duplicatesIgnored: 0 });
  expect(outcomesOf(store)).toHaveLength(6);
});

test('what an event owes stays as it was accepted: a handler that is gone parks, a new one does not get it', async () => {
  const store = newStore();
  const idle = await makeProcessor({ store, handlers: listed(echo('a'), echo('b')), autoStart: false });
  await idle.publish({ type: 't', data: 1 });
  await idle.stop();
  const changed = await makeProcessor({ store, handlers: listed(echo('c'), echo('a')) });
  const warnings: string[] = [];
  changed.on('warning', ({ message }) => warnings.push(message));
  await changed.publish({ type: 't', data: 2 });
  await changed.drain();
  expect(outcomesOf(store)).toEqual(['1 a succeeded 1', '2 a succeeded 1', '2 c succeeded 1']);
  expect(warnings).toEqual([expect.stringContaining('1 stored events are owed to handler "b"')]);
  expect(changed.stats().parked).toBe(1);
  expect(readOutcomes(store, 'SELECT position, handler, state FROM pending_events')).toEqual([
    { position: 1, handler: 'b', state: 'parked' },
  ]);
  const whole = await makeProcessor({ store, handlers: listed(echo('b')) });
  await whole.drain();
  expect(outcomesOf(store)).toContain('1 b succeeded 1');
  expect(readOutcomes(store, 'SELECT * FROM pending_events')).toEqual([]);
});

test('an id is accepted once for all handlers', async () => {
  const store = newStore();
  const processor = await makeProcessor({ store, handlers: listed(echo('a'), echo('b')) });
  const event = { type: 't', id: 'once', data: 1 };
  const [first, second] = await Promise.all([processor.publish(event), processor.publish(event)]);
  expect([first.duplicate, second.duplicate, second.identity]).toEqual([false, true, first.identity]);
  await processor.drain();
  expect(outcomesOf(store)).toEqual(['1 a succeeded 1', '1 b succeeded 1']);
  const reader = openStore(store);
  expect(reader.outcomesById('once').map(({ handler }) => handler)).toEqual(['a', 'b']);
  reader.close();
});

test('a backlog larger than the ring runs whole, in order per handler and key', async () => {
  const store = newStore();
  const handlers = listed(echo('a'), echo('b', "'t'"), echo('c', "['t', 'u']"));
  const idle = await makeProcessor({ store, handlers, autoStart: false, ringSize: 16 });
  const events: SourceEvent[] = Array.from({ length: 200 }, (_, index) => ({
    ...{ type: index % 3 === 0 ? 'u' : 't', key: `k${index % 4}`, data: index },
  }));
  await idle.publishMany(events);
  const owed = events.reduce((sum, { type }) => sum + (type === 't' ? 3 : 2), 0);
  expect(idle.stats()).toMatchObject({ accepted: owed });
  await idle.stop();
  const processor = await makeProcessor({ store, handlers, ringSize: 16, batchSizeMax: 3, threads: 2 });
  expect(processor.recovery.pending).toBe(owed);
  const last = new Map<string, number>();
  const disordered: string[] = [];
  processor.on('outcome', ({ handler, key, identity: { position } }) => {
    if ((last.get(`${handler} ${key}`) ?? 0) >= position) disordered.push(`${handler} ${key} ${position}`);
    last.set(`${handler} ${key}`, position);
  });
  await processor.drain();
  expect(outcomesOf(store)).toHaveLength(owed);
  expect([disordered, last.size]).toEqual([[], 12]);
});

test('a ring that has no room for an event with all of its handlers is refused', async () => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'];
  await expect(makeProcessor({ handlers: listed(...names.map((name) => echo(name))), ringSize: 16 })).rejects.toThrow(
    'ringSize must be at least 18, as an event may be owed to 9 handlers, got 16',
  );
});

test('a source goes on where the outcomes of each handler end', async () => {
  const store = newStore();
  const events = Array.from({ length: 6 }, (_, data) => ({ type: 't', key: `k${data}`, data }));
  const source = (): IterableSource => new IterableSource({ partition: 's', events });
  const first = await makeProcessor({ store, handlers: listed(failingFrom(2), echo('quick')) });
  const outcomes = told(first, 8);
  const consumed = first.consume(source()).catch(() => {});
  await outcomes;
  await first.abort();
  await consumed;
  expect(outcomesOf(store)).toHaveLength(8);
  const whole = { handlers: listed(failingFrom(9), echo('quick')), backoffMsMax: 1, backoffMsMin: 1 };
  const second = await makeProcessor({ store, ...whole });
  await second.consume(source());
  await second.drain();
  expect(outcomesOf(store)).toHaveLength(12);
  expect(second.stats()).toMatchObject({ succeeded: 4, duplicatesIgnored: 0 });
});

test('an event is cancelled for one handler, or for all that have not decided it', async () => {
  const store = newStore();
  const handlers = listed(echo('a'), echo('b'), echo('c'));
  const idle = await makeProcessor({ store, handlers, autoStart: false, ringSize: 16 });
  const { identity } = await idle.publish({ type: 't', key: 'k', id: 'x', data: 1 });
  expect(await idle.cancel(identity, { handler: 'b' })).toBe('cancelled');
  expect(await idle.cancel(identity, { handler: 'b' })).toBe('decided');
  expect(await idle.cancel(identity, { handler: 'nobody' })).toBe('unknown');
  expect(outcomesOf(store)).toEqual(['1 b cancelled 0']);
  expect(await idle.cancel('x')).toBe('cancelled');
  expect(outcomesOf(store)).toEqual(['1 a cancelled 0', '1 b cancelled 0', '1 c cancelled 0']);
  // And where it is in the store only.
  await idle.publishMany(Array.from({ length: 20 }, (_, data) => ({ type: 't', data })));
  const last = { partition: 'journal', position: 21 };
  expect(idle.stats().backlog).toBeGreaterThan(0);
  expect(await idle.cancel(last, { handler: 'c' })).toBe('cancelled');
  expect(await idle.cancel(last)).toBe('cancelled');
  await idle.drain();
  const cancelled = outcomesOf(store).filter((text) => text.includes('cancelled'));
  expect(cancelled.filter((text) => text.startsWith('21'))).toHaveLength(3);
  expect(cancelled).toHaveLength(6);
  expect(idle.stats()).toMatchObject({ accepted: 63, succeeded: 57, cancelled: 6, backlog: 0, parked: 0, waiting: 0 });
});

test('with unmatched "record" an event that no handler takes is stored, owes nothing, and keeps its id', async () => {
  const store = newStore();
  const options = { store, handlers: listed(echo('a', "'t'")), unmatched: 'record' as const };
  const processor = await makeProcessor(options);
  const { identity } = await processor.publish({ type: 'u', id: 'x', key: 'k', data: 7 });
  await processor.publish({ type: 't', data: 1 });
  await processor.publish({ type: 'u', data: 8 });
  await processor.drain();
  expect(processor.stats()).toMatchObject({ accepted: 1, unmatched: 2, succeeded: 1, backlog: 0 });
  expect(outcomesOf(store)).toEqual(['2 a succeeded 1']);
  const reader = openStore(store);
  expect(reader.event(identity)).toMatchObject({ type: 'u', data: 7, handlers: [] });
  expect([...reader.pending()]).toEqual([]);
  expect(reader.counts().pending).toBe(0);
  reader.close();
  expect(readOutcomes(store, 'SELECT position, type, id FROM unmatched_events')).toEqual([
    { position: 1, type: 'u', id: 'x' },
    { position: 3, type: 'u', id: null },
  ]);
  // What it owes is fixed, and its id is known.
  const later = await makeProcessor({ ...options, handlers: listed(echo('a')) });
  expect(later.recovery.pending).toBe(0);
  expect(await later.publish({ type: 'u', id: 'x' })).toMatchObject({ duplicate: true, identity });
  await later.publish({ type: 'u', data: 9 });
  await later.drain();
  expect(outcomesOf(store)).toEqual(['2 a succeeded 1', '5 a succeeded 1']);
  expect(later.stats()).toMatchObject({ accepted: 1, backlog: 0 });
});

test('unmatched "record" is refused where nothing is journaled', async () => {
  const options = { handlers: listed(echo('a')), unmatched: 'record', intake: 'memory' } as const;
  await expect(makeProcessor(options)).rejects.toThrow('unmatched must be "refuse", got "record"');
});

test('of a handler with a concurrency of one no two events run at the same time, whatever threads there are', async () => {
  const busy = `run: () => { const end = performance.now() + 4; while (performance.now() < end); }`;
  const handlers = listed(`{ name: 'one', on: '*', concurrency: 1, ${busy} }`, `{ name: 'many', on: '*', ${busy} }`);
  const processor = await makeProcessor({ handlers, threads: 3, batchSizeMax: 2 });
  const outcomes: Outcome[] = [];
  processor.on('outcome', (outcome) => outcomes.push(outcome));
  await processor.publishMany(Array.from({ length: 24 }, (_, index) => ({ type: 't', key: `k${index}` })));
  await processor.drain();
  const own = outcomes.filter(({ handler }) => handler === 'one').sort((a, b) => a.startedAtUs - b.startedAtUs);
  expect(own).toHaveLength(24);
  for (const [index, { startedAtUs }] of own.entries()) {
    const before = own[index - 1];
    if (before !== undefined) expect(startedAtUs).toBeGreaterThanOrEqual(before.startedAtUs + before.durationUs);
  }
  expect(new Set(outcomes.map(({ handler }) => handler)).size).toBe(2);
});

test('what is ready of a higher priority runs first', async () => {
  const handlers = listed(
    `{ name: 'low', on: 'low', priority: -1, run: () => {} }`,
    `{ name: 'high', on: 'high', priority: 1, run: () => {} }`,
  );
  const processor = await makeProcessor({ handlers, autoStart: false, batchSizeMax: 1 });
  const outcomes: Outcome[] = [];
  processor.on('outcome', (outcome) => outcomes.push(outcome));
  const types = ['low', 'low', 'high', 'low', 'high'];
  for (const [index, type] of types.entries()) await processor.publish({ type, key: `k${index}` });
  await processor.drain();
  expect(outcomes.map(({ handler }) => handler)).toEqual(['high', 'high', 'low', 'low', 'low']);
});

test('handlers of one event may have orders of their own, which is refused under order "global"', async () => {
  const store = newStore();
  const list = [
    `{ name: 'ledger', on: '*', order: 'handler', run: ({ data }) => data }`,
    `{ name: 'mail', on: '*', order: 'none', run: ({ data }) => data }`,
    echo('keyed'),
  ];
  const handlers = listed(...list);
  const processor = await makeProcessor({ store, handlers, threads: 3, batchSizeMax: 2, ringSize: 16 });
  const seen = new Map<string, number[]>();
  processor.on('outcome', ({ handler, identity: { position } }) => {
    seen.set(handler, [...(seen.get(handler) ?? []), position]);
  });
  const events = Array.from({ length: 60 }, (_, data) => ({ type: 't', key: `k${data % 7}`, data }));
  await processor.publishMany(events);
  expect(() => processor.explain({ handler: 'mail', key: 'k1' })).toThrow('under order "none" events have no lanes');
  expect(processor.explain({ handler: 'ledger', key: 'k1' }).text).toContain('ledger');
  await processor.drain();
  expect(seen.get('ledger')).toEqual(events.map((_, index) => index + 1));
  expect(outcomesOf(store)).toHaveLength(180);
  await expect(makeProcessor({ handlers, order: 'global' })).rejects.toMatchObject({
    code: 'bad-handlers',
    message: expect.stringContaining('handler "ledger" must have no order of its own under the option order "global"'),
  });
});
