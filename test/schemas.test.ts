// What is published is held against the schema of its type: wrong data is refused, what a schema makes of it is stored,
// and one that takes its time does not let later events overtake.

import { pipeline } from 'node:stream/promises';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { createProcessor, type EventMap, type KeylaneError } from '../dist/src/index.js';
import { EventEncoder, schemasFrom } from '../src/event-encoder.js';
import type { SchemaResult, Schemas, StandardSchema } from '../src/standard-schema.js';
import { gatedHandlers, makeFolder, readOutcomes } from './processor-fixture.js';

const limits = { dataSizeMax: 1000, keySizeMax: 100, headersSizeMax: 100, publishersMax: 2 };

function encoderOf(schemas: Schemas): EventEncoder {
  return new EventEncoder({ limits, schemas: schemasFrom(schemas), intake: { onClosed: () => () => {} } });
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

  test('an event is what it was when it was published, whatever object it is', async () => {
    const slow = v.pipeAsync(
      v.string(),
      v.checkAsync(async () => (await null) === null),
    );
    const encoder = encoderOf({ slow, quick: v.string() });
    class Published {
      get type(): string {
        return 'quick';
      }
      get key(): string {
        return 'k';
      }
      get data(): string {
        return 'd';
      }
    }
    expect(encoder.encode(new Published())).toMatchObject({ type: 'quick', key: 'k', data: '"d"' });
    const reused = { type: 'slow', key: 'before', data: 'd', headers: { h: '1' } };
    const encoding = encoder.encode(reused);
    const headers = { h: '1' };
    const unchecked = { type: 'any', key: 'before', data: { n: 1 }, headers };
    const behind = encoder.encode(unchecked);
    unchecked.data.n = 2;
    headers.h = '2';
    reused.headers.h = '2';
    Object.assign(reused, { type: 'other', key: 'after', data: 7 });
    const extras = '{"headers":{"h":"1"}}';
    expect(await encoding).toMatchObject({ type: 'slow', key: 'before', data: '"d"', extras });
    expect(await behind).toMatchObject({ type: 'any', key: 'before', data: '{"n":1}', extras });
  });

  test('where it does not fit says where, whatever kind of list its schema says that with', () => {
    class Path extends Array<string> {
      override map<To>(to: (part: string, index: number, all: string[]) => To): To[] {
        return ['0' as string, ...this].map(to);
      }
    }
    const validate = () => ({ issues: [{ message: 'must be an object', path: new Path() }] });
    const schema = { '~standard': { version: 1, vendor: 'own', validate } } as const;
    const encoder = encoderOf({ a: schema });
    expect(() => encoder.encode({ type: 'a' })).toThrow(/must fit the schema of "a": must be an object$/);
  });

  test.each([
    [7, 'schemas must be an object of schemas by event type, got 7'],
    [new Map([['a', v.string()]]), 'schemas must be an object of schemas by event type, got'],
    [[v.string()], 'schemas must be an object of schemas by event type, got an array'],
    [{ 'a.*': v.string() }, 'schemas must be by event type, got the pattern "a.*": a schema is of one type'],
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

test('an event that is given up lets nothing overtake those before it', async () => {
  let answer = (_: SchemaResult<unknown>): void => {};
  const encoder = encoderOf({ slow: schemaOf(() => new Promise((resolve) => (answer = resolve))) });
  const done: string[] = [];
  const first = Promise.resolve(encoder.encode({ type: 'slow' })).then(() => done.push('first'));
  const controller = new AbortController();
  const second = encoder.encode({ type: 'other' }, controller.signal);
  const third = expect(encoder.encode({ type: 'other' })).rejects.toThrow('2 events wait');
  await third;
  controller.abort(new Error('second'));
  await expect(second).rejects.toThrow('second');
  const fourth = () => Promise.resolve(encoder.encode({ type: 'other' })).then(() => done.push('fourth'));
  await expect(fourth()).rejects.toThrow('2 events wait');
  answer({ value: null });
  await first;
  for (let hop = 0; hop < 8; hop += 1) await null;
  await fourth();
  expect(done).toEqual(['first', 'fourth']);
});

describe('a schema that never answers', () => {
  const never = schemaOf(() => new Promise(() => {}));
  const start = () =>
    createProcessor<EventMap>({
      ...{ handlers: gatedHandlers, threads: 1, store: `${makeFolder()}/test.db` },
      schemas: { echo: never },
    });

  test('is given up with its signal, which lets those behind it go on', async () => {
    await using processor = await start();
    const [one, other] = [new AbortController(), new AbortController()];
    const stuck = processor.publish({ type: 'echo', data: 1 }, { signal: one.signal });
    const second = processor.process({ type: 'echo', data: 1 }, { signal: other.signal });
    const behind = processor.publish({ type: 'fail', data: 1 });
    other.abort(new Error('second'));
    await expect(second).rejects.toThrow('second');
    one.abort(new Error('first'));
    await expect(stuck).rejects.toThrow('first');
    expect((await (await behind).outcome()).handler).toBe('fail');
    // A stream that is destroyed waits for none either.
    const stream = processor.writable();
    stream.on('error', () => {});
    stream.write({ type: 'echo', data: 1 });
    stream.destroy();
    await processor.publish({ type: 'fail', data: 2 });
    await processor.whenIdle();
    expect(processor.stats()).toMatchObject({ accepted: 2 });
  });

  test.each(['drain', 'stop', 'abort'] as const)('keeps no call waiting after %s', async (how) => {
    const processor = await start();
    const calls = [
      processor.publish({ type: 'echo', data: 1 }),
      processor.process({ type: 'fail', data: 1 }),
      processor.publishMany([{ type: 'fail', data: 1 }]),
      pipeline([{ type: 'fail', data: 1 }], processor.writable()),
    ].map((call) => call.catch((error: KeylaneError) => error.code));
    await processor[how]();
    const code = how === 'abort' ? 'aborted' : 'not-running';
    expect(await Promise.all(calls)).toEqual([code, code, code, code]);
  });
});
