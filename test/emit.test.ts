// What handlers emit exists exactly if the outcome of its try does: stored with it, once, in order, with the ids of what
// it follows from.

import { join } from 'node:path';
import { expect, test } from 'vitest';
import { encodeEvent } from '../dist/src/event.js';
import { defineHandlers, type HandlerContext, type HandlerEvent, IterableSource } from '../dist/src/index.js';
import { EventsJoiner } from '../dist/src/joined-events.js';
import { verdict } from '../dist/src/outcome.js';
import { createTestProcessor } from '../dist/src/testing/test-processor.js';
import { makeFolder, makeProcessor, readOutcomes } from './processor-fixture.js';
import { atPath, groupWith, requestFor, rowOf, withStore } from './store-fixture.js';

type Run = (event: HandlerEvent, context: HandlerContext) => unknown;

/** A handler that leads, and one that notes what follows. */
function leading(lead: Run) {
  const followed: HandlerEvent[] = [];
  const handlers = defineHandlers({ lead, followed: (event: HandlerEvent) => void followed.push(event) });
  return { handlers, followed };
}

const follow = (data: unknown, key: string | null = 'k') => ({ type: 'followed', key, data });

test('what is emitted runs after it, in order, with the ids of what it follows from', async () => {
  const { handlers, followed } = leading(({ key }, context) => {
    const mutable = { n: 1 };
    context.emit([follow(mutable, key), follow(2, key)]);
    mutable.n = 99;
    context.emit({ ...follow(3, key), id: 'own', correlationId: 'other', headers: { h: 'v' } });
  });
  await using bus = await createTestProcessor({ handlers });
  await bus.processor.publish({ type: 'lead', key: 'k', data: null, id: 'order-1', correlationId: 'all' });
  await bus.processor.publish({ type: 'lead', key: 'j', data: null });
  await bus.drain();
  const told = followed.map(({ key, data, correlationId, causationId, depth, headers, id }) => {
    return { key, data, correlationId, causationId, depth, headers: { ...headers }, id };
  });
  const first = { key: 'k', correlationId: 'all', causationId: 'order-1', depth: 1, headers: {}, id: null };
  expect(told.filter(({ key }) => key === 'k')).toEqual([
    { ...first, data: { n: 1 } },
    { ...first, data: 2 },
    { ...first, data: 3, id: 'own', correlationId: 'other', headers: { h: 'v' } },
  ]);
  // The id of its own was known by then: it is the same event, and is not stored again.
  expect(told.filter(({ key }) => key === 'j').map(({ data, causationId }) => [data, causationId])).toEqual([
    [{ n: 1 }, 'journal/2'],
    [2, 'journal/2'],
  ]);
  expect(bus.outcomes()).toHaveLength(7);
});

test('an event that is emitted with the id of the one it follows from is refused, as it would be taken for that', async () => {
  const { handlers, followed } = leading((event, context) => context.emit({ ...event, type: 'followed' }));
  await using bus = await createTestProcessor({ handlers, attemptsMax: 1 });
  await bus.processor.publish({ type: 'lead', key: 'k', data: 1, id: 'order-1' });
  await bus.processor.publish({ type: 'lead', key: 'k', data: 2 });
  const source = new IterableSource({
    partition: 'feed',
    events: [{ type: 'lead', key: 'k', data: 3, id: 'order-2' }],
  });
  await bus.processor.consume(source);
  await bus.drain();
  const [first] = bus.outcomes();
  expect(first!.error!.message).toContain(
    'event.id must be its own, got "order-1", which is that of the event it follows',
  );
  expect(followed.map(({ data, id }) => [data, id])).toEqual([
    [2, null],
    [3, 'order-2'],
  ]);
});

test('a try that fails has emitted nothing, and one that succeeds after it once', async () => {
  const { handlers, followed } = leading((_, context) => {
    context.emit(follow(context.attempt));
    if (context.attempt < 3) throw new Error('not yet');
  });
  await using bus = await createTestProcessor({ handlers });
  const before = await bus.processor.publish({ type: 'lead', key: 'k', data: null });
  await bus.drain();
  expect(bus.outcomeOf(before)).toMatchObject({ status: 'succeeded', attempts: 3 });
  expect(followed.map(({ data }) => data)).toEqual([3]);
});

test('a chain ends at emitDepthMax, with a dead letter that says so', async () => {
  const circle = defineHandlers({
    lead: (_: HandlerEvent, context: HandlerContext) => context.emit({ type: 'lead', key: 'k', data: null }),
  });
  await using bus = await createTestProcessor({ handlers: circle, emitDepthMax: 3 });
  await bus.processor.publish({ type: 'lead', key: 'k', data: null });
  await bus.drain();
  expect(bus.outcomes().map(({ status, attempts }) => `${status} ${attempts}`)).toEqual([
    ...['succeeded 1', 'succeeded 1', 'succeeded 1', 'dead-lettered 1'],
  ]);
  expect(bus.outcomes().at(-1)?.error).toMatchObject({
    name: 'PermanentError',
    message:
      'a chain of emitted events must have at most 3 (option emitDepthMax), got one more, of type "lead": ' +
      'do handlers emit in a circle?',
  });
});

test.each([
  ['no handler', { type: 'nobody', data: 1 }, 'event.type must be a type that a handler takes, got "nobody": add'],
  ['no type', { data: 1 }, 'event.type must be a string that is not empty, got undefined'],
  ['nothing', null, 'an event must be an object with a type, got null'],
  ['no JSON', { type: 'followed', data: 1n }, 'event.data must be a JSON value or a Uint8Array'],
  ['much', { type: 'followed', data: 'x'.repeat(2000) }, 'one try may emit at most 1024 characters and bytes (option'],
])('an emitted event with %s is a failed try that says why', async (_, event, says) => {
  const { handlers, followed } = leading((_event, context) => context.emit([follow('fine'), event as never]));
  await using bus = await createTestProcessor({ handlers, emitSizeMax: 1024, attemptsMax: 1 });
  const receipt = await bus.processor.publish({ type: 'lead', key: 'k', data: null });
  await bus.drain();
  expect(bus.outcomeOf(receipt)?.error).toMatchObject({ message: expect.stringContaining(says) });
  expect(followed).toEqual([]);
});

test('of several that are emitted together none is where one is refused, though the handler goes on', async () => {
  const { handlers, followed } = leading((_event, context) => {
    expect(() => context.emit([follow('a'), follow('b'), { type: '' } as never])).toThrow('event.type');
    expect(() => context.emit([follow('a'), follow('x'.repeat(2000))])).toThrow('emitSizeMax');
    context.emit(follow('c'));
  });
  await using bus = await createTestProcessor({ handlers, emitSizeMax: 1024, attemptsMax: 1 });
  await bus.processor.publish({ type: 'lead', key: 'k', data: null });
  await bus.drain();
  expect(followed.map(({ data }) => data)).toEqual(['c']);
  expect(bus.outcomes()[0]).toMatchObject({ status: 'succeeded' });
});

test('a handler may take what it calls out of its context', async () => {
  const handlers = defineHandlers([
    {
      ...{ name: 'sum', on: 'lead', state: { initial: () => 0 } },
      run: ({ data, key }, { state, setState, emit, correlate }) => {
        setState(state + data);
        emit({ type: 'followed', key, data: correlate({ type: 't', data: null }).causationId });
      },
    },
    { name: 'followed', on: 'followed', run: ({ data, causationId }) => data === causationId },
  ]);
  await using bus = await createTestProcessor({ handlers });
  for (const data of [1, 2]) await bus.processor.publish({ type: 'lead', key: 'k', data });
  await bus.drain();
  expect(
    bus
      .outcomes()
      .map(({ handler, result }) => `${handler} ${result}`)
      .toSorted(),
  ).toEqual([...['followed true', 'followed true', 'sum undefined', 'sum undefined']]);
  expect(readOutcomes(bus.path, 'SELECT value FROM states')).toEqual([{ value: '3' }]);
});

test('an event that is emitted after the try has ended is refused', async () => {
  let kept: HandlerContext | null = null;
  const { handlers } = leading((_, context) => {
    kept = context;
  });
  await using bus = await createTestProcessor({ handlers });
  await bus.processor.publish({ type: 'lead', key: 'k', data: null });
  await bus.drain();
  expect(() => kept?.emit(follow(1))).toThrow('a try of "lead" must emit before it ends, got an event after: await it');
});

test('with unmatched "record" an event that no handler takes is emitted for others to read', async () => {
  const { handlers } = leading((_, context) => context.emit({ type: 'nobody', key: 'k', data: 1 }));
  await using bus = await createTestProcessor({ handlers, unmatched: 'record' });
  await bus.processor.publish({ type: 'lead', key: 'k', data: null });
  await bus.drain();
  expect(bus.outcomes()).toHaveLength(1);
  expect(bus.processor.stats().unmatched).toBe(1);
});

const emitting = new URL('./fixtures/handlers/emitting.js', import.meta.url);

test('without a journal nothing can be emitted', async () => {
  const processor = await makeProcessor({ handlers: emitting, intake: 'memory' });
  const outcome = await processor.process({ type: 'lead', data: { emit: [1] } });
  expect(outcome).toMatchObject({
    status: 'dead-lettered',
    error: { name: 'PermanentError', message: expect.stringContaining('emit needs the option intake "journal"') },
  });
});

test.each(['exit', 'loop'])('what an event has emitted outlives the thread that a later one ends (%s)', async (how) => {
  const store = join(makeFolder(), 'emits.db');
  const processor = await makeProcessor({ handlers: emitting, store, autoStart: false });
  await processor.publishMany([
    { type: 'lead', key: 'a', data: { emit: [1, 'bytes', 'ü€'] } },
    { type: 'lead', key: 'a', data: {} },
    { type: 'lead', key: 'b', data: { emit: [2], do: how } },
    { type: 'lead', key: 'c', data: { emit: [3] } },
  ]);
  processor.start();
  await processor.drain();
  const results = readOutcomes<{ key: string; result: string }>(
    store,
    `SELECT key, result FROM outcomes WHERE type = 'followed' ORDER BY position`,
  );
  expect(results.map(({ key, result }) => `${key} ${result}`).sort()).toEqual(['a "ü€"', 'a 1', 'a [1,2]', 'c 3']);
  const emitted = readOutcomes<{ key: string; causation_id: string; depth: number }>(
    store,
    'SELECT key, causation_id, depth FROM emitted_events ORDER BY position',
  );
  expect(emitted.filter(({ key }) => key === 'a')).toEqual([
    ...Array(3).fill({ key: 'a', causation_id: 'journal/1', depth: 1 }),
  ]);
  expect(emitted).toHaveLength(4);
});

test('what a source’s events emit is journaled, with their outcomes', async () => {
  const store = join(makeFolder(), 'source.db');
  const processor = await makeProcessor({ handlers: emitting, store });
  const events = [1, 2, 3].map((n) => ({ type: 'lead', key: `k${n}`, data: { emit: [n] } }));
  await processor.consume(new IterableSource({ partition: 'list', events }));
  await processor.drain();
  const emitted = readOutcomes<{ causation_id: string }>(store, 'SELECT causation_id FROM emitted_events');
  expect(emitted.map(({ causation_id }) => causation_id).sort()).toEqual(['list/1', 'list/2', 'list/3']);
});

test('stop leaves what was emitted to the next start', async () => {
  const store = join(makeFolder(), 'stopped.db');
  const first = await makeProcessor({ handlers: emitting, store });
  first.pause({ handler: 'followed' });
  await first.process({ type: 'lead', key: 'a', data: { emit: [1, 2] } });
  expect(await first.stop()).toEqual({ left: 2 });
  const second = await makeProcessor({ handlers: emitting, store });
  expect(second.recovery.pending).toBe(2);
  await second.drain();
  expect(readOutcomes(store)).toHaveLength(3);
});

/** A group with the outcome of an event of a source, and an event that it emitted on its way to this position. */
function emittingGroup(partition: number, of: { position: number; to: number; verdict?: 0 | 2; id?: string | null }) {
  const { position, to, id = null } = of;
  const joiner = new EventsJoiner(1);
  joiner.add(encodeEvent({ type: 'h', id, data: to }, { dataSizeMax: 99, keySizeMax: 99, headersSizeMax: 99 }, 1));
  const emitters = {
    ...{ indexes: Int32Array.of(0), partitions: Int32Array.of(partition) },
    ...{ positions: Float64Array.of(position), handlers: Int32Array.of(0) },
  };
  const events = { ...joiner.finish(), positionFirst: to, handlers: Int32Array.of(0), routes: [], acceptedAtUs: 1 };
  return groupWith([rowOf(position, { partition, verdict: of.verdict ?? verdict.succeeded })], {
    events: { ...events, emitters },
  });
}

test('a group that comes again stores what was emitted once, and none of what an event emitted that was decided', () =>
  atPath((path) => {
    withStore(requestFor(path), (store) => {
      store.openJournal({ isVolatile: false });
      const { partition } = store.openPartition('file:/a');
      const first = emittingGroup(partition, { position: 1, to: 1 });
      for (const stored of [1, 0]) expect(store.append(first)).toMatchObject({ stored, duplicates: [] });
      expect(store.append(first)).not.toHaveProperty('withheld');
      // Somebody has cancelled the second in the store while it ran.
      store.append(groupWith([rowOf(2, { partition, verdict: verdict.cancelled })]));
      const second = emittingGroup(partition, { position: 2, to: 2, id: 'withheld' });
      for (const _ of [1, 2]) expect(store.append(second)).toMatchObject({ stored: 0, ignored: 1, withheld: [0] });
      expect(store.append(emittingGroup(partition, { position: 3, to: 3, id: 'withheld' }))).toMatchObject({
        ...{ stored: 1, duplicates: [] },
      });
    });
    const emitted = readOutcomes<{ position: number }>(path, 'SELECT position FROM emitted_events ORDER BY position');
    expect(emitted.map(({ position }) => position)).toEqual([1, 3]);
  }));
