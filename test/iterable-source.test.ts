// An iterable as a source: its positions, where it goes on, and that every request settles.

import { expect, test } from 'vitest';
import type { SourceEvent } from '../src/event.js';
import { IterableSource } from '../src/sources/iterable-source.js';
import type { SourceStart } from '../src/sources/source.js';

const fresh: SourceStart = {
  watermark: 0,
  durable: new Set(),
  positionNext: 1,
  positionUnused: 1,
  fingerprint: null,
  limits: { dataSizeMax: 1000, keySizeMax: 100, headersSizeMax: 1000 },
  handlers: { names: ['seen'], policies: [], takes: 'its-own-type' },
};

function* events(count: number): Generator<SourceEvent> {
  for (let n = 1; n <= count; n += 1) yield { type: 'seen', data: n };
}

async function* eventsLater(count: number): AsyncGenerator<SourceEvent> {
  for (const event of events(count)) yield event;
}

async function positions(source: IterableSource, { demand, start = fresh }: { demand: number; start?: SourceStart }) {
  await source.open(start);
  const found: number[] = [];
  for (let some = await source.request(demand); some !== null; some = await source.request(demand)) {
    expect(some.length).toBeLessThanOrEqual(demand);
    for (const { position, event } of some) {
      expect(event.data).toBe(String(position));
      found.push(position);
    }
  }
  await source.close();
  return found;
}

test.each([
  ['a sync iterable', events],
  ['an async iterable', eventsLater],
])('%s gives its events with positions counted from 1, and goes on where outcomes end', async (_, make) => {
  const start = { ...fresh, watermark: 4, durable: new Set([5]) };
  for (const demand of [1, 3, 100]) {
    expect(await positions(new IterableSource({ partition: 'p', events: make(7) }), { demand })).toHaveLength(7);
    const resumed = new IterableSource({ partition: 'p', events: make(7) });
    expect(await positions(resumed, { demand, start })).toEqual([4, 6, 7]);
  }
});

test('what an async iterable has is given without waiting for more, and close() ends the wait for it', async () => {
  async function* two(): AsyncGenerator<SourceEvent> {
    yield* events(2);
    await new Promise(() => {});
  }
  const source = new IterableSource({ partition: 'p', events: two() });
  await source.open(fresh);
  expect(await source.request(100)).toHaveLength(2);
  const waiting = source.request(100);
  await source.close();
  expect(await waiting).toBeNull();
});

test('what came before a failure is given before it', async () => {
  function* failing(): Generator<SourceEvent> {
    yield* events(2);
    throw new Error('no more rows');
  }
  const source = new IterableSource({ partition: 'p', events: failing() });
  await source.open(fresh);
  expect(await source.request(100)).toHaveLength(2);
  await expect(source.request(100)).rejects.toThrow('no more rows');
  await source.close();
});

test('an event that cannot be accepted is named by its place', async () => {
  const wrong = [{ type: 'seen' }, { type: 7 }] as unknown as SourceEvent[];
  const source = new IterableSource({ partition: 'rows', events: wrong });
  await source.open(fresh);
  expect(await source.request(100)).toHaveLength(1);
  await expect(source.request(100)).rejects.toMatchObject({
    code: 'bad-input',
    message: 'event 2 of "rows": event.type must be a string that is not empty, got 7',
  });
  await source.close();
});
