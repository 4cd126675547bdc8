// What is published is held against the schema of its type: wrong data is refused, what a schema makes of it is stored,
// and one that takes its time does not let later events overtake.

import { pipeline } from 'node:stream/promises';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { createProcessor } from '../dist/src/index.js';
import { EventEncoder, schemasFrom } from '../src/event-encoder.js';
import type { SchemaResult, Schemas, StandardSchema } from '../src/standard-schema.js';
import { gatedHandlers, makeFolder, readOutcomes } from './processor-fixture.js';

const limits = { dataSizeMax: 1000, keySizeMax: 100, headersSizeMax: 100, publishersMax: 2 };

function encoderOf(schemas: Schemas): EventEncoder {
  return new EventEncoder({ tracing: null, limits, schemas: schemasFrom(schemas) });
}

/** A schema that asks `validate`. */
function schemaOf(
  validate: (value: unknown) => SchemaResult<unknown> | Promise<SchemaResult<unknown>>,
): StandardSchema {
  return { '~standard': { version: 1, vendor: 'test', validate } };
}

const order = v.object({ amount: v.pipe(v.string(), v.transform(Number), v.number()), items: v.array(v.string()) });

describe('an event with a schema', () => {
  test('has what the schema makes of its data; others are left alone', () => {
    const encoder = encoderOf({ order });
    expect(encoder.encode({ type: 'order', key: 'a', data: { amount: '7', items: [], more: 1 } })).toMatchObject({
      ...{ type: 'order', key: 'a', data: '{"amount":7,"items":[]}' },
    });
    expect(encoder.encode({ type: 'other', data: { amount: 'x' } })).toMatchObject({ data: '{"amount":"x"}' });
  });

  test('is refused with what is wrong, and where', () => {
    const encoder = encoderOf({ order });
    const bad = { type: 'order', data: { amount: 7, items: [1, 2, 3, 4, 5] } };
    expect(() => encoder.encode(bad)).toThrow(
      expect.objectContaining({
        code: 'bad-event',
        message: expect.stringMatching(
          /^event\.data must fit the schema of "order": amount: .*; items\.0: .*; and 1 more$/,
        ),
        cause: expect.arrayContaining([expect.objectContaining({ message: expect.any(String) })]),
      }),
    );
    const throws = schemaOf(() => {
      throw new TypeError('as asked');
    });
    expect(() => encoderOf({ throws }).encode({ type: 'throws' })).toThrow(
      'the schema of "throws" must tell what is wrong, it threw: as asked',
    );
  });

  test('is refused where its schema gives no result', async () => {
    const message = 'the schema of "odd" must tell what is wrong, it threw: it gave null';
    expect(() => encoderOf({ odd: schemaOf(() => null as never) }).encode({ type: 'odd' })).toThrow(message);
    const later = encoderOf({ odd: schemaOf(async () => null as never) }).encode({ type: 'odd' });
    await expect(later).rejects.toThrow(message);
  });

  test('waits for a schema that takes its time, and later ones wait for it, up to a limit', async () => {
    const release: ((result: SchemaResult<unknown>) => void)[] = [];
    const slow = schemaOf(() => new Promise((resolve) => release.push(resolve)));
    const encoder = encoderOf({ slow, order });
    const order_ = { type: 'order', data: { amount: '1', items: [] } };
    const done: string[] = [];
    const note = async (name: string, encoding: unknown): Promise<void> => {
      await Promise.resolve(encoding).then(
        () => done.push(name),
        (error: Error) => done.push(`${name}: ${error.message}`),
      );
    };
    const first = note('slow', encoder.encode({ type: 'slow' }));
    const second = note('order', encoder.encode(order_));
    await note('third', encoder.encode(order_));
    expect(done).toEqual([expect.stringContaining('third: 2 events wait to be checked')]);
    expect(() => encoder.encodeNow(order_)).toThrow(expect.objectContaining({ code: 'bad-event' }));
    release[0]!({ issues: [{ message: 'no', path: [{ key: 'a' }, 0] }] });
    await Promise.all([first, second]);
    expect(done.slice(1)).toEqual(['slow: event.data must fit the schema of "slow": a.0: no', 'order']);
    // Nothing is waited for any more.
    expect(encoder.encode(order_)).not.toBeInstanceOf(Promise);
  });

  test.each([
    [7, 'schemas must be schemas by event type, got 7'],
    [{ a: {} }, 'schemas["a"] must be a Standard Schema of version 1, as of zod, valibot or arktype'],
  ])('schemas must be schemas: %j', (given, message) => {
    expect(() => schemasFrom(given as never)).toThrow(message);
  });
});

test('every way to publish checks, and keeps the order of the calls', async () => {
  const store = `${makeFolder()}/test.db`;
  const slow = v.pipeAsync(
    v.string(),
    v.checkAsync(async (text) => (await null) === null && text !== 'bad', 'must not be bad'),
  );
  await using processor = await createProcessor({
    handlers: gatedHandlers,
    threads: 1,
    store,
    schemas: { echo: slow },
  });
  const badEvent = expect.objectContaining({ code: 'bad-event' });
  await expect(processor.publish({ type: 'echo', data: 'bad' })).rejects.toEqual(badEvent);
  await expect(processor.process({ type: 'echo', data: 'bad' })).rejects.toEqual(badEvent);
  await expect(
    processor.publishMany([
      { type: 'echo', data: '1' },
      { type: 'echo', data: 'bad' },
    ]),
  ).rejects.toEqual(badEvent);
  expect(() => processor.tryPublish({ type: 'echo', data: '2' })).toThrow(badEvent);
  await expect(pipeline([{ type: 'echo', data: 'bad' }], processor.writable())).rejects.toEqual(badEvent);
  await pipeline([{ type: 'echo', key: 'k', data: '2' }], processor.writable());
  await Promise.all(['3', '4', '5'].map((data) => processor.publish({ type: 'echo', key: 'k', data })));
  await processor.drain();
  expect(readOutcomes(store).map(({ result }) => result)).toEqual(['"1"', '"2"', '"3"', '"4"', '"5"']);
});
