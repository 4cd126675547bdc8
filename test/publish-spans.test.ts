// Spans of events on their way in: which trace they belong to, what they cost the event's headers, and how they end.

import { join } from 'node:path';
import { context, propagation, trace } from '@opentelemetry/api';
import { expect, onTestFinished, test } from 'vitest';
import { defineHandlers, openStore, type SourceEvent } from '../dist/src/index.js';
import { createTestProcessor } from '../dist/src/testing/test-processor.js';
import { registerTelemetry, type Told } from './fixtures/telemetry.js';
import { makeFolder, makeProcessor } from './processor-fixture.js';

/** What spans tell as they end, from here on. */
function listen(): Told[] {
  const told: Told[] = [];
  registerTelemetry((span) => told.push(span));
  onTestFinished(() => trace.disable());
  return told;
}

const upstream = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };
const event = { type: 'echo' };
const carried = { traceparent: `00-${upstream.traceId}-${upstream.spanId}-01` };

test('an event that comes with a context goes on in its trace, and is linked to it where a span is active', async () => {
  const told = listen();
  const store = join(makeFolder(), 'test.db');
  const processor = await makeProcessor({ store, openTelemetry: true });
  const alone = await processor.publish({ type: 'echo', headers: carried });
  const request = trace.getTracer('test').startSpan('request');
  const active = trace.setSpan(context.active(), request);
  const within = await context.with(active, () => processor.publish({ type: 'echo', headers: carried }));
  // A context that the publisher has put there itself is its parent already.
  const own: Record<string, string> = {};
  propagation.inject(active, own);
  await context.with(active, () => processor.publish({ type: 'echo', headers: own }));
  await processor.whenIdle();
  const [first, second, third] = told.filter(({ name }) => name === 'publish echo');
  expect(first).toMatchObject({ traceId: upstream.traceId, parentId: upstream.spanId, links: [] });
  const { traceId, spanId } = request.spanContext();
  expect(second).toMatchObject({ traceId, parentId: spanId, links: [upstream.spanId] });
  expect(third).toMatchObject({ traceId, parentId: spanId, links: [] });
  // The handler's trace goes on from the publisher's span.
  const reader = openStore(store);
  const stored = [alone, within].map(({ identity }) => reader.event(identity)!.headers['traceparent']!.split('-')[2]);
  reader.close();
  expect(stored).toEqual([first!.spanId, second!.spanId]);
});

const handlers = defineHandlers({
  echo: () => 1,
  lead: (_: unknown, { emit }) => {
    emit({ type: 'echo', headers: { near: 'x'.repeat(380) } });
    emit({ type: 'echo', headers: { own: 'x' } });
  },
});

test('headers that have no room for a context go without, and the event is accepted as ever', async () => {
  listen();
  await using kit = await createTestProcessor({ handlers, openTelemetry: true, headersSizeMax: 512 });
  await kit.processor.publish({ type: 'lead', headers: { near: 'x'.repeat(480) } });
  await kit.processor.publish({ type: 'echo', headers: { own: 'x' } });
  await expect(kit.processor.publish({ type: 'echo', headers: { over: 'x'.repeat(500) } })).rejects.toThrow(
    'must be at most 512 characters (option headersSizeMax), got 523',
  );
  await kit.settle();
  const names = kit.published().map((event) => Object.keys(event.headers));
  expect(names).toEqual([['near'], ['own', 'traceparent'], ['near'], ['own', 'traceparent']]);
});

test('the span of an event that is refused tells the error, whichever call published it', async () => {
  const told = listen();
  const processor = await makeProcessor({ openTelemetry: true });
  const calls: ((event: SourceEvent) => unknown)[] = [
    (event) => processor.publish(event),
    (event) => processor.process(event),
    (event) => processor.publishMany([event]),
    async (event) => processor.tryPublish(event),
  ];
  for (const call of calls) {
    await call({ type: 'echo', data: 1 });
    await expect(call({ type: 'nobody takes it' })).rejects.toMatchObject({ code: 'bad-event' });
    await expect(call({ type: 'echo', time: 'late' })).rejects.toMatchObject({ code: 'bad-event' });
    const ended = told.splice(0).filter(({ name }) => name.startsWith('publish'));
    expect(ended.map(({ name, status }) => [name, status])).toEqual([
      ['publish echo', 0],
      ['publish nobody takes it', 2],
      ['publish echo', 2],
    ]);
  }
});

test.each(['memory', 'journal'] as const)(
  'tryPublish that finds no room leaves no span (intake %s)',
  async (intake) => {
    const told = listen();
    const processor = await makeProcessor({
      openTelemetry: true,
      intake,
      autoStart: false,
      ringSize: 16,
      groupSizeMax: 8,
    });
    const taken: Promise<unknown>[] = [];
    for (let receipt = processor.tryPublish(event); receipt !== null; receipt = processor.tryPublish(event)) {
      taken.push(receipt);
    }
    expect(taken).toHaveLength(16);
    await Promise.all(taken);
    expect(told.map(({ name, status }) => [name, status])).toEqual(taken.map(() => ['publish echo', 0]));
  },
);

test('the span of a publish that waits for room ends when it is accepted, or given up', async () => {
  const told = listen();
  const processor = await makeProcessor({ openTelemetry: true, intake: 'memory', autoStart: false, ringSize: 16 });
  await processor.publishMany(Array.from({ length: 16 }, () => event));
  expect(told.splice(0)).toHaveLength(16);
  const controller = new AbortController();
  const givenUp = processor.publish(event, { signal: controller.signal });
  const waiting = processor.process(event);
  controller.abort(new Error('changed my mind'));
  await expect(givenUp).rejects.toThrow('changed my mind');
  expect(told.splice(0)).toMatchObject([{ name: 'publish echo', status: 2 }]);
  processor.start();
  await waiting;
  await processor.drain();
  expect(told.filter(({ name }) => name === 'publish echo')).toMatchObject([{ status: 0 }]);
});
