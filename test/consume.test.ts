// What a source or an iterable may do wrong, and that it costs its own call: nothing hangs, nobody else is harmed.

import { join } from 'node:path';
import { expect, test } from 'vitest';
import { encodeEvent, type KeylaneError, type Processor, type Source, type SourceEvent } from '../dist/src/index.js';
import { makeFolder, makeProcessor, SharedProcessor } from './processor-fixture.js';

const shared = new SharedProcessor();
const limits = { dataSizeMax: 1000, keySizeMax: 100, headersSizeMax: 100 };
const encoded = encodeEvent({ type: 'echo', key: 'k', data: 1 }, limits);
const never = new Promise<never>(() => {});

/** A source of two events, with something else in place of some of its methods. */
function sourceWith(methods: Partial<Source>): Source {
  let position = 0;
  return {
    partition: 'odd',
    open: async () => null,
    request: async () => {
      position += 1;
      return position > 2 ? null : [{ position, event: encoded }];
    },
    close: async () => {},
    ...methods,
  };
}

function throwing(): never {
  throw new RangeError('mine');
}

/** Answers the first request with this, and the ones after it with the end. */
function answering(...answers: unknown[]): Partial<Source> {
  return { request: async () => (answers.length > 0 ? answers.shift() : null) as never };
}

const at = (position: unknown, event: unknown = encoded): unknown => ({ position, event });

test.each([
  ['gives undefined', answering(undefined), 'must give 1 to 1024 records or null, got undefined'],
  ['gives no records', answering([]), 'must give 1 to 1024 records or null, got 0 records'],
  ['gives more than was asked for', answering(Array(1025).fill(at(1))), 'or null, got 1025 records'],
  ['gives a position that falls', answering([at(2), at(1)]), 'whole numbers that rise, got 1 after 2'],
  ['gives a broken position', answering([at(1.5)]), 'whole numbers that rise, got 1.5 after -1'],
  ['gives no event', answering([at(1, null)]), 'the event at position 1 must be an encoded one, got null'],
  ['gives data unencoded', answering([at(1, { ...encoded, data: {} })]), 'must be an encoded one, got an object'],
  [
    'gives a type that no handler takes',
    answering([at(7, { ...encoded, type: 'nobody' })]),
    'position 7 of "gives a type that no handler takes": event.type must be a type that a handler takes, got "nobody"',
  ],
  ['throws where it should reject', { request: throwing }, 'mine'],
  ['throws in commit', { commit: throwing }, 'mine'],
  ['throws in open', { open: throwing }, 'mine'],
  ['has no close', { close: undefined as never }, 'source must have open, request and close'],
])('a source that %s fails its own consume, and the processor goes on', async (what, methods, message) => {
  const processor = await shared.get();
  await expect(processor.consume({ ...sourceWith(methods), partition: what })).rejects.toThrow(message);
  const good = { ...sourceWith({}), partition: `good after ${what}` };
  expect(await processor.consume(good)).toEqual({ accepted: 2, ended: true });
  await processor.whenIdle();
});

test('a close that rejects is a warning; what was consumed stays consumed', async () => {
  const processor = await makeProcessor();
  const warnings: string[] = [];
  processor.on('warning', (warning) => warnings.push(warning.message));
  expect(await processor.consume(sourceWith({ close: throwing }))).toEqual({ accepted: 2, ended: true });
  expect(warnings).toEqual(['source "odd" did not close: mine']);
});

test.each([
  ['opens', { open: () => never }],
  ['answers', { request: () => never }],
] as const)('a source that never %s holds nobody up', async (_, methods) => {
  const ended = await makeProcessor();
  const consumed = ended.consume(sourceWith(methods));
  await ended.drain();
  expect(await consumed).toEqual({ accepted: 0, ended: false });

  const running = await makeProcessor();
  const controller = new AbortController();
  const cut = running.consume(sourceWith(methods), { signal: controller.signal });
  controller.abort();
  expect(await cut).toEqual({ accepted: 0, ended: false });

  const aborted = running.consume(sourceWith(methods));
  const rejected = expect(aborted).rejects.toMatchObject({ code: 'aborted' });
  await running.abort();
  await rejected;
});

test('an async iterable that never gives anything is left by a signal, by drain and by abort', async () => {
  const silent = { [Symbol.asyncIterator]: () => ({ next: () => never }) } as AsyncIterable<SourceEvent>;
  const codes: unknown[] = [];
  const note = (publishing: Promise<unknown>): Promise<unknown> =>
    publishing.catch((error: KeylaneError) => codes.push(error.code ?? error.message));
  const processor = await makeProcessor();
  const controller = new AbortController();
  const signalled = note(processor.publishMany(silent, { signal: controller.signal }));
  const drained = note(processor.publishMany(silent));
  controller.abort(new Error('enough'));
  await signalled;
  await processor.drain();
  await drained;
  const other = await makeProcessor();
  const aborted = note(other.publishMany(silent));
  await other.abort();
  await aborted;
  expect(codes).toEqual(['enough', 'not-running', 'aborted']);
});

test('many publishers do not shut a source out', async () => {
  const processor = await makeProcessor({ ringSize: 16 });
  const stop = new AbortController();
  const publish = async (): Promise<void> => {
    while (!stop.signal.aborted) await processor.publish({ type: 'echo', data: 1 });
  };
  const publishers = Array.from({ length: 200 }, publish);
  expect(await processor.consume(sourceWith({}))).toEqual({ accepted: 2, ended: true });
  stop.abort();
  await Promise.all(publishers);
  await processor.drain();
});

test('a position is never given out twice, even after an end that was not orderly', async () => {
  const store = join(makeFolder(), 'test.db');
  const first = await makeProcessor({ store });
  const before = await first.publish({ type: 'echo' });
  await first.abort();
  const again = await makeProcessor({ store });
  const after = await again.publish({ type: 'echo' });
  expect(after.identity.position).toBeGreaterThan(before.identity.position);
  await again.drain();
});

test.each([
  ['consume', (processor: Processor) => processor.consume(undefined as never), 'source must have open, request'],
  ['publishMany', (processor: Processor) => processor.publishMany(5 as never), 'events must be an iterable'],
  ['publish', (processor: Processor) => processor.publish(undefined as never), 'an event must be an object'],
])('%s says what it expected', async (_, call, message) => {
  await expect(call(await shared.get())).rejects.toThrow(message);
});

test('on says what there is to listen to, and that a listener is a function', async () => {
  const processor = await makeProcessor();
  expect(() => processor.on('outcom' as never, () => {})).toThrow(
    'must be one of outcome, deadLetter, retry, breaker, warning, fatal',
  );
  expect(() => processor.on('outcome', undefined as never)).toThrow('a listener of "outcome" must be a function');
});
