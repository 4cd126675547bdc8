// Spans and metrics by way of @opentelemetry/api: from the publisher over the batch into the thread, and on to what a
// handler emits.

import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { context, trace } from '@opentelemetry/api';
import { expect, onTestFinished, test } from 'vitest';
import { createTestProcessor } from '../dist/src/testing/test-processor.js';
import type { KeyBatchHandler } from '../src/handler.js';
import { registerMeters, registerTelemetry, type Told } from './fixtures/telemetry.js';
import { Gate, makeFolder, makeProcessor } from './processor-fixture.js';

test('a trace leads from the publisher to the handler in its thread, and to what it emits', async () => {
  const path = join(makeFolder(), 'spans.ndjson');
  writeFileSync(path, '');
  const main: Told[] = [];
  registerTelemetry((span) => main.push(span));
  onTestFinished(() => trace.disable());
  const meters = registerMeters();
  onTestFinished(() => meters.close());
  const handlers = new URL(`./fixtures/handlers/traced.js?spans=${encodeURIComponent(path)}`, import.meta.url);
  const processor = await makeProcessor({ handlers, openTelemetry: true });

  const request = trace.getTracer('test').startSpan('request');
  const published = await context.with(trace.setSpan(context.active(), request), () =>
    processor.publish({ type: 'lead', key: 'k', data: 1, headers: { own: 'header' } }),
  );
  request.end();
  const failed = await processor.publish({ type: 'lead', key: 'j', data: 'fail' });
  const [outcome] = await Promise.all([published.outcome(), failed.outcome()]);
  await processor.whenIdle();
  const measured = await meters.collect();
  await processor.drain();

  const threads = readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Told);
  const { traceId } = request.spanContext();
  const ofTrace = main.find((span) => span.name === 'publish lead' && span.traceId === traceId)!;
  expect(ofTrace.parentId).toBe(request.spanContext().spanId);
  const handled = threads.find((span) => span.name === 'handle lead' && span.traceId === traceId)!;
  expect(handled).toMatchObject({ parentId: ofTrace.spanId, status: 0 });
  expect(handled.attributes).toMatchObject({
    'keylane.key': 'k',
    'keylane.partition': 'journal',
    'keylane.attempt': 1,
  });
  // Its batch has a trace of its own; the two are linked both ways.
  const batches = main.filter(({ name }) => name === 'run batch');
  expect(batches.map(({ spanId }) => spanId)).toEqual(expect.arrayContaining([...handled.links]));
  expect(batches.flatMap(({ links }) => links)).toContain(ofTrace.spanId);
  expect(outcome.result).toBe(handled.spanId);
  const followed = threads.find(({ name }) => name === 'handle followed')!;
  expect(followed).toMatchObject({ traceId, parentId: handled.spanId });
  const broken = threads.find((span) => span.name === 'handle lead' && span.traceId !== traceId)!;
  expect(broken.status).toBe(2);
  expect(measured).toEqual(
    expect.arrayContaining([
      'keylane.outcomes succeeded 2',
      'keylane.outcomes dead-lettered 1',
      'keylane.events waiting 0',
      expect.stringMatching(/^keylane\.handler_thread\.busy \d+ [\d.]+$/),
    ]),
  );
});

test('events that are tried together have a span each, in their own traces, and emit in that of the last', async () => {
  const spans: Told[] = [];
  registerTelemetry((span) => spans.push(span));
  onTestFinished(() => trace.disable());
  const calls: number[] = [];
  const runKeyBatch: KeyBatchHandler = async (events, { emit }) => {
    calls.push(events.length);
    if (events[0]!.data === 'fail' && events.length > 1) throw new Error('no');
    await null;
    emit({ type: 'followed' });
    return events.map(() => trace.getActiveSpan()?.spanContext().spanId);
  };
  const handlers = [
    { name: 'all', on: 'lead', runKeyBatch },
    { name: 'followed', on: 'followed', run: () => 1 },
  ] as const;
  const results: unknown[] = [];
  for (const data of ['well', 'fail']) {
    await using bus = await createTestProcessor({ handlers, openTelemetry: true, autoStart: false });
    // Four, as half of them are left to a second batch.
    for (const key of ['k', 'k', 'k', 'k']) await bus.processor.publish({ type: 'lead', key, data });
    bus.processor.start();
    await bus.drain();
    results.push(...bus.outcomes().flatMap(({ type, result }) => (type === 'lead' ? [result] : [])));
  }
  expect(calls).toEqual([2, 2, 2, 1, 1, 2, 1, 1]);
  const published = spans.filter(({ name }) => name === 'publish lead');
  const tried = spans.filter(({ name }) => name === 'handle all');
  expect([published.length, tried.length]).toEqual([8, 12]);
  const of = published.map(({ traceId }) => tried.filter((span) => span.traceId === traceId));
  const links = [expect.any(String)];
  for (const at of [0, 1])
    expect(of[at]).toMatchObject([{ parentId: published[at]!.spanId, links, attributes: { 'keylane.together': 2 } }]);
  for (const at of [4, 5])
    expect(of[at]).toMatchObject([
      // None has failed yet: each is tried by itself then.
      { status: 0, links, attributes: { 'keylane.together': 2 } },
      { status: 0, links },
    ]);
  // What is active while they run is the last one's.
  const last = of[1]![0]!.spanId;
  expect(results.slice(0, 2)).toEqual([last, last]);
  expect(results.slice(4, 6)).toEqual([of[4]![1]!.spanId, of[5]![1]!.spanId]);
  const [followed] = spans.filter(({ name }) => name === 'handle followed');
  expect(followed).toMatchObject({ traceId: published[1]!.traceId, parentId: last });
});

test('spans of events that are tried together last until all of their promises have settled', async () => {
  const spans: Told[] = [];
  registerTelemetry((span) => spans.push(span));
  onTestFinished(() => trace.disable());
  let open = (): void => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const calls: number[] = [];
  const runKeyBatch: KeyBatchHandler = (events) => {
    calls.push(events.length);
    return events.map(() => gate);
  };
  const handlers = [{ name: 'all', on: 'lead', runKeyBatch }] as const;
  await using bus = await createTestProcessor({ handlers, openTelemetry: true, autoStart: false });
  for (let n = 0; n < 4; n += 1) await bus.processor.publish({ type: 'lead', key: 'k' });
  bus.processor.start();
  await bus.advance(1);
  const ended = () => spans.filter(({ name }) => name === 'handle all').length;
  expect([calls, ended()]).toEqual([[2], 0]);
  open();
  await bus.drain();
  expect(ended()).toBe(4);
});

test.each([
  ['a list as headers', { type: 'lead', data: 1, headers: ['a'] }, 'event.headers must be an object of strings'],
  ['a text as headers', { type: 'lead', data: 1, headers: 'a' }, 'event.headers must be an object of strings'],
  ['an object without a prototype as type', { type: Object.create(null), data: 1 }, 'event.type must be a string'],
  ['a symbol as type', { type: Symbol('t'), data: 1 }, 'event.type must be a string'],
  ['nothing at all', null, 'an event must be an object with a type'],
])('what is no event is refused as ever: %s', async (_, event, says) => {
  const processor = await makeProcessor({ openTelemetry: true });
  await expect(processor.publish(event as never)).rejects.toMatchObject({
    code: 'bad-event',
    message: expect.stringContaining(says),
  });
});

/** Telemetry that throws at whatever it is asked for, as far as it knows of it. */
function registerBroken(of: { startsSpans: boolean }): void {
  const broken = (): never => {
    throw new Error('telemetry is broken');
  };
  const span = { spanContext: broken, setAttributes: broken, recordException: broken, setStatus: broken, end: broken };
  const startSpan = of.startsSpans ? () => span : broken;
  trace.disable();
  trace.setGlobalTracerProvider({ getTracer: () => ({ startSpan, startActiveSpan: broken }) } as never);
}

test.each([{ startsSpans: false }, { startsSpans: true }])(
  'telemetry that throws costs no event anything (%o)',
  async (of) => {
    registerBroken(of);
    onTestFinished(() => trace.disable());
    const handlers = new URL('./fixtures/handlers/broken-telemetry.js', import.meta.url);
    const warnings: string[] = [];
    const processor = await makeProcessor({ handlers, openTelemetry: true, attemptsMax: 1 });
    processor.on('warning', ({ code, message }) => warnings.push(`${code} ${message}`));
    expect(await processor.process({ type: 'lead', key: 'k', data: 1 })).toMatchObject({
      status: 'succeeded',
      result: 2,
    });
    expect(await processor.process({ type: 'fail', data: 1 })).toMatchObject({ error: { message: 'as asked' } });
    expect(await processor.process({ type: 'thenable', data: 3 })).toMatchObject({ result: 3 });
    await processor.whenIdle();
    await processor.drain();
    expect(warnings).toEqual([expect.stringMatching(/^telemetry-failed telemetry threw: telemetry is broken/)]);
  },
);

test('the span of a batch that abort() leaves is ended', async () => {
  const main: Told[] = [];
  registerTelemetry((span) => main.push(span));
  onTestFinished(() => trace.disable());
  const processor = await makeProcessor({ openTelemetry: true });
  const gate = new Gate();
  await processor.publish(gate.event);
  await gate.reached;
  await processor.abort();
  expect(main.map(({ name }) => name)).toContain('run batch');
});

test('without the package the error says what to install', async () => {
  const folder = makeFolder();
  for (const part of ['src', 'workers']) cpSync(`dist/${part}`, join(folder, 'dist', part), { recursive: true });
  mkdirSync(join(folder, 'node_modules'));
  const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as { dependencies: Record<string, string> };
  for (const name of Object.keys(dependencies)) {
    mkdirSync(dirname(join(folder, 'node_modules', name)), { recursive: true });
    symlinkSync(resolve('node_modules', name), join(folder, 'node_modules', name), 'junction');
  }
  cpSync('package.json', join(folder, 'package.json'));
  writeFileSync(join(folder, 'handlers.mjs'), 'export default () => 1;\n');
  const script = `
    import { createProcessor } from './dist/src/index.js';
    const make = (options) => createProcessor({ handlers: './handlers.mjs', store: 'x.db', threads: 1, ...options });
    await (await make({})).drain();
    await make({ openTelemetry: true }).then(() => console.log('made'), ({ code, message }) => console.log(code, message));
  `;
  writeFileSync(join(folder, 'main.mjs'), script);
  const { stdout } = await promisify(execFile)(process.execPath, ['main.mjs'], { cwd: folder });
  expect(stdout).toMatch(
    /^bad-option openTelemetry needs the package @opentelemetry\/api: .*install it beside keylane/,
  );
});
