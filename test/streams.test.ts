// Streams that publish what is written to them, on real threads and a real store: `pipeline` and `pipeTo`, room, bad
// events, and every end.

import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ReadableStream } from 'node:stream/web';
import { describe, expect, test } from 'vitest';
import type { KeylaneError, Processor, SourceEvent } from '../dist/src/index.js';
import type { Intake } from '../src/intake.js';
import { Gate, gatedHandlers, makeFolder, makeProcessor, readOutcomes, SharedProcessor } from './processor-fixture.js';

const events = (count: number): SourceEvent[] =>
  Array.from({ length: count }, (_, n) => ({ type: 'echo', key: `k${n % 7}`, data: n }));
const codeOf = (error: KeylaneError): string => error.code;

/** Writes events to the stream of either kind, and its end. */
const kinds = {
  node: (processor: Processor, from: Iterable<SourceEvent> | AsyncIterable<SourceEvent>, until?: 'durable') =>
    pipeline(Readable.from(from), processor.writable(until === undefined ? {} : { until })),
  web: (processor: Processor, from: Iterable<SourceEvent> | AsyncIterable<SourceEvent>, until?: 'durable') =>
    ReadableStream.from(from).pipeTo(processor.writableStream(until === undefined ? {} : { until })),
} as const;

/** Writes an event, and then the source goes on without giving anything. */
const pipeOpen = {
  node: (processor: Processor, event: SourceEvent) => {
    const source = new PassThrough({ objectMode: true });
    source.write(event);
    return pipeline(source, processor.writable());
  },
  web: (processor: Processor, event: SourceEvent) =>
    new ReadableStream<SourceEvent>({ start: (controller) => controller.enqueue(event) }).pipeTo(
      processor.writableStream(),
    ),
};

describe.each(Object.keys(kinds) as (keyof typeof kinds)[])('a stream of the kind %s', (kind) => {
  const pipe = kinds[kind];

  test('publishes all that is written, in its order, and has it stored when it ends', async () => {
    const store = join(makeFolder(), 'test.db');
    const processor = await makeProcessor({ store, autoStart: false });
    await pipe(processor, events(2000));
    expect(readOutcomes(store, 'SELECT * FROM pending_events')).toHaveLength(2000);
    processor.start();
    await processor.drain();
    const rows = readOutcomes<{ position: number; result: string }>(store);
    expect(rows.map(({ position, result }) => [position, Number(result)])).toEqual(
      events(2000).map(({ data }, n) => [n + 1, data]),
    );
  });

  test('waits for room, and until durable where it was asked to', async () => {
    const processor = await makeProcessor({ intake: 'memory', ringSize: 16, threads: 2 });
    await pipe(processor, events(500), 'durable');
    expect(processor.stats()).toMatchObject({ accepted: 500, succeeded: 500, waiting: 0, unacknowledged: 0 });
  });

  test('until durable does not wait for what is published after its end', async () => {
    const processor = await makeProcessor({ threads: 2 });
    const [first, later] = [new Gate(), new Gate()];
    const piped = pipe(processor, [...events(5), first.event], 'durable');
    await first.reached;
    // By then the end of the stream has come to the processor, and waits before this does.
    await processor.whenIdle({ key: 'nobody' });
    await processor.publish(later.event);
    first.open();
    await piped;
    expect(processor.stats()).toMatchObject({ accepted: 7, succeeded: 6 });
    await processor.abort();
  });

  test('until durable waits for its own events wherever they wait, and not for those of others', async () => {
    const handlers = join(makeFolder(), 'handlers.mjs');
    writeFileSync(
      handlers,
      `import { RetryLater } from ${JSON.stringify(new URL('../dist/src/index.js', import.meta.url).href)};
       import gated from ${JSON.stringify(gatedHandlers.href)};
       const late = () => { throw new RetryLater(3_600_000); };
       const run = (name, run, of) => ({ name, on: name, run, ...of });
       export default [run('late', late), run('free', late, { order: 'none' }), run('whole', late, { order: 'handler' }),
         run('echo', gated.echo), run('gated', gated.gated)];`,
    );
    const processor = await makeProcessor({ handlers, ringSize: 16, threads: 2 });
    const away = async (backlog: number) => {
      while (processor.stats().backlog < backlog) await processor.process({ type: 'echo', key: 'other' });
    };
    const others = (key: string) =>
      ['late', 'free', 'whole'].flatMap((type) => Array.from({ length: 16 }, () => ({ type, key })));
    await processor.publishMany(others('k'));
    await away(40);
    // Another handler's events of the key of those that wait, another key, and none.
    await pipe(
      processor,
      ['k', 'mine', null].map((key) => ({ type: 'echo', key })),
      'durable',
    );
    // What comes after its end holds it no more than what came before.
    const gate = new Gate();
    const piped = pipe(processor, [{ ...gate.event, key: 'mine' }], 'durable');
    await gate.reached;
    // By then the end of the stream has come to the processor.
    await processor.whenIdle({ handler: 'echo' });
    await processor.publishMany(others('later'));
    await away(80);
    gate.open();
    await piped;
    // Each of its own that waits does.
    const told: string[] = [];
    const own = ['late', 'free', 'whole'].map((type) =>
      pipe(processor, [{ type, key: 'own' }], 'durable').then(() => told.push(type), codeOf),
    );
    await pipe(processor, events(20), 'durable');
    expect(told).toEqual([]);
    await processor.abort();
    expect(await Promise.all(own)).toEqual(['aborted', 'aborted', 'aborted']);
  });

  test('until durable waits for what had to wait for room', async () => {
    const processor = await makeProcessor({ intake: 'memory', ringSize: 16, autoStart: false, threads: 2 });
    await processor.publishMany(events(16));
    const gate = new Gate();
    let isDone = false;
    const piped = pipe(processor, [{ ...gate.event, key: 'own' }], 'durable').then(() => {
      isDone = true;
    });
    while (processor.stats().publishersWaiting === 0) await new Promise((resolve) => setImmediate(resolve));
    processor.start();
    await gate.reached;
    for (const key of ['nobody', 'nobody']) await processor.whenIdle({ key });
    expect(isDone).toBe(false);
    gate.open();
    await piped;
  });

  test('rejects with bad-event; what was written before stays accepted', async () => {
    const processor = await makeProcessor();
    await expect(pipe(processor, [...events(3), { type: 'nobody' }, ...events(3)])).rejects.toMatchObject({
      code: 'bad-event',
    });
    await processor.drain();
    expect(processor.stats().succeeded).toBe(3);
  });

  test.each(['drain', 'stop', 'abort'] as const)(
    'that waits for its source rejects when %s ends the processor',
    async (end) => {
      const processor = await makeProcessor();
      const piped = pipeOpen[kind](processor, { type: 'echo', data: 1 }).catch(codeOf);
      while (processor.stats().accepted < 1) await processor.publish({ type: 'echo' });
      await processor[end]();
      expect(await piped).toBe(end === 'abort' ? 'aborted' : 'not-running');
    },
  );

  test.each(['drain', 'stop', 'abort', 'trouble'] as const)('that waits until durable ends with %s', async (end) => {
    const store = join(makeFolder(), 'test.db');
    const processor = await makeProcessor({ store });
    processor.on('fatal', () => {});
    const gate = new Gate();
    const piped = pipe(processor, [gate.event, ...events(3)], 'durable').then(() => 'durable', codeOf);
    await gate.reached;
    await processor.whenIdle({ key: 'nobody' });
    if (end === 'trouble') {
      rmSync(store);
      expect(await piped).toBe('store-replaced');
      return;
    }
    const ended = processor[end]();
    gate.open();
    await ended;
    expect(await piped).toBe({ drain: 'durable', stop: 'not-running', abort: 'aborted' }[end]);
  });

  test('cannot be made to write once the processor has ended', async () => {
    const processor = await makeProcessor();
    await processor.drain();
    expect(await pipe(processor, events(1)).catch(codeOf)).toBe('not-running');
  });
});

test('a stream of the web that is aborted while it waits for room takes its publisher with it', async () => {
  const processor = await makeProcessor({ intake: 'memory', ringSize: 16, autoStart: false });
  await processor.publishMany(events(16));
  const writer = processor.writableStream().getWriter();
  const refused = [writer.closed, writer.write(events(1)[0]!)].map((one) => one.catch((error: Error) => error.message));
  const waiting = () => processor.stats().publishersWaiting;
  while (waiting() === 0) await new Promise((resolve) => setImmediate(resolve));
  await writer.abort(new Error('enough'));
  await Promise.all(refused);
  expect(waiting()).toBe(0);
  expect(processor.stats()).toMatchObject({ accepted: 16 });
});

/** What listens for the end of a processor. */
function listenersOf(processor: Processor): ReadonlySet<unknown> {
  const intake = (processor as unknown as { engine: { intake: Intake } }).engine.intake;
  const listening = new Set<unknown>();
  const onClosed = intake.onClosed.bind(intake);
  intake.onClosed = (callback) => {
    listening.add(callback);
    const stop = onClosed(callback);
    return () => {
      listening.delete(callback);
      stop();
    };
  };
  return listening;
}

test('a stream that has ended, however it did, is held by nothing of the processor', async () => {
  const processor = await makeProcessor();
  const listening = listenersOf(processor);
  const ends: ((processor: Processor) => Promise<unknown>)[] = [
    (of) => kinds.web(of, events(3)),
    (of) => kinds.web(of, events(3), 'durable'),
    (of) => kinds.web(of, [{ type: '' }]).catch(codeOf),
    (of) => of.writableStream().abort(new Error('enough')),
    (of) => kinds.node(of, events(3)),
    (of) => kinds.node(of, [{ type: '' }]).catch(codeOf),
  ];
  for (const end of ends) {
    await end(processor);
    expect(listening.size).toBe(0);
  }
});

describe.each(Object.keys(kinds) as (keyof typeof kinds)[])(
  'a stream of the kind %s that the processor ends',
  (kind) => {
    test('while it is open, is held by nothing of it', async () => {
      const processor = await makeProcessor();
      const listening = listenersOf(processor);
      // By its outcome no write is under way, which would be refused.
      const written = new Promise((resolve) => processor.on('outcome', resolve));
      const piped = pipeOpen[kind](processor, { type: 'echo' }).catch(codeOf);
      await written;
      await processor.drain();
      expect([await piped, listening.size]).toEqual(['not-running', 0]);
    });

    test('while it waits for its own end, is held by nothing of it', async () => {
      const processor = await makeProcessor();
      const listening = listenersOf(processor);
      const gate = new Gate();
      const piped = kinds[kind](processor, [gate.event, ...events(3)], 'durable').catch(codeOf);
      await gate.reached;
      await processor.whenIdle({ key: 'nobody' });
      const stopped = processor.stop();
      gate.open();
      await stopped;
      expect([await piped, listening.size]).toEqual(['not-running', 0]);
    });
  },
);

test('a stream that is destroyed while it waits for room takes its publisher with it', async () => {
  const processor = await makeProcessor({ intake: 'memory', ringSize: 16, autoStart: false });
  await processor.publishMany(events(16));
  const stream = processor.writable({ highWaterMark: 2 });
  expect([stream.writableHighWaterMark, stream.writableObjectMode]).toEqual([2, true]);
  stream.write(events(1)[0]);
  expect(processor.stats().publishersWaiting).toBe(1);
  stream.destroy();
  await once(stream, 'close');
  expect(processor.stats().publishersWaiting).toBe(0);
});

const shared = new SharedProcessor();

test.each([
  [{ until: 'soon' }, 'until must be one of "accepted", "durable", got "soon"'],
  [{ highWaterMark: 0 }, 'highWaterMark must be a whole number from 1 to 16384 (events), got 0'],
  [{ hwm: 1 }, 'there is no option "hwm"'],
])('options %j are refused', async (options, message) => {
  const processor = await shared.get();
  expect(() => processor.writable(options as never)).toThrow(message);
  expect(() => processor.writableStream(options as never)).toThrow(message);
});
