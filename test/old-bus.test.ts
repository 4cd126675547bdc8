// The Python event bus that keylane succeeds: what the README says of its features is backed by tests, and the defects of
// its code are absent here, one test for each.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createProcessor, openStore, type Processor, type ProcessorOptions } from '../dist/src/index.js';
import { makeFolder, makeProcessor, readOutcomes } from './processor-fixture.js';

const section = /## From the Python event bus\n(.*?)\n## /s.exec(readFileSync('README.md', 'utf8'))?.[1] ?? '';
const rows = [...section.matchAll(/^\| (.+?) \| (.+?) \| (.+?) \|$/gm)]
  .map(([, ...cells]) => cells as string[])
  .slice(2);

test('each row of the parity table names a test that is there', () => {
  expect(rows.length).toBeGreaterThan(30);
  for (const [feature, , proof] of rows as [string, string, string][]) {
    const files = [...proof.matchAll(/`([\w/-]+)`/g)].map(([, name]) => `test/${name}.test.ts`);
    expect(files, feature).not.toEqual([]);
    for (const file of files) expect(existsSync(file), `${feature}: ${file}`).toBe(true);
  }
});

const handlers = `
import { threadId } from 'node:worker_threads';
const failing = (event, { attempt }) => {
  if (attempt <= (event.data.fails ?? 0)) throw new TypeError('as asked');
  return [event.data.n, attempt, threadId];
};
export default [
  { name: 'work', on: ['once', 'both'], run: failing, attemptsMax: 3, backoffMsMin: 1, backoffMsMax: 1 },
  { name: 'late', on: 'late', run: failing, attemptsMax: 2, backoffMsMin: 3600000, backoffMsMax: 3600000 },
  { name: 'audit', on: 'both', run: (event) => 'audited' },
];`;

/** A processor over these handlers, with a store of its own unless one is given. */
async function made(options: Partial<ProcessorOptions> = {}): Promise<Processor & { path: string }> {
  const folder = makeFolder();
  const module = join(folder, 'handlers.mjs');
  writeFileSync(module, handlers);
  const store = options.store ?? join(folder, 'bus.db');
  const processor = await makeProcessor({ handlers: module, ...options, store });
  return Object.assign(processor, { path: store });
}

describe('absent here:', () => {
  test('a retry breaks order; a successful retry leaves the event marked failed; the handler is stored as unknown', async () => {
    const processor = await made();
    for (const [n, fails] of [2, 0, 1, 0].entries()) {
      await processor.publish({ type: 'once', key: 'k', data: { n, fails } });
    }
    await processor.drain();
    const found = readOutcomes<Record<string, unknown>>(processor.path, 'SELECT * FROM outcomes ORDER BY started_at');
    expect(found.map(({ result }) => JSON.parse(result as string).slice(0, 2))).toEqual([
      [0, 3],
      [1, 1],
      [2, 2],
      [3, 1],
    ]);
    expect(found.map(({ handler, status, error }) => [handler, status, error])).toEqual(
      Array(4).fill(['work', 'succeeded', null]),
    );
  });

  test('one sleeping retry holds up all retries and its queue is unbounded', async () => {
    const processor = await made({ ringSize: 16 });
    for (let n = 0; n < 40; n += 1) await processor.publish({ type: 'late', key: `late ${n}`, data: { n, fails: 1 } });
    const receipt = await processor.publish({ type: 'once', key: 'k', data: { n: 1, fails: 2 } });
    expect((await receipt.outcome()).attempts).toBe(3);
    const { slotsHeld, slots, retried, delayed, backlog } = processor.stats();
    expect([retried, slots]).toEqual([42, 16]);
    // Those that sleep have given up memory; they wait in the store.
    expect(slotsHeld).toBeLessThanOrEqual(16);
    expect(delayed + backlog).toBe(40);
    expect(await processor.stop()).toEqual({ left: 40 });
  });

  test('with several subscribers the last result overwrites the others', async () => {
    const processor = await made();
    const receipt = await processor.publish({ type: 'both', key: 'k', data: { n: 7 } });
    const outcomes = await receipt.outcomes();
    expect(
      outcomes.map(({ handler, result }) => [handler, handler === 'work' ? (result as number[])[0] : result]),
    ).toEqual([
      ['work', 7],
      ['audit', 'audited'],
    ]);
  });

  test('nothing reloads unprocessed events, they cannot be loaded, their ids are lost; stop loses work', async () => {
    const first = await made({ autoStart: false });
    const event = {
      ...{ type: 'once', key: 'k', id: 'e-1', data: { n: 1 }, correlationId: 'c', causationId: 'b', version: 2 },
      ...{ headers: { source: 'web' }, time: '2026-11-26T10:00:00Z' },
    };
    const { identity } = await first.publish(event);
    expect(await first.stop()).toEqual({ left: 1 });
    const reader = openStore(first.path);
    expect(reader.event(identity)).toMatchObject(event);
    expect([...reader.pending()]).toMatchObject([{ ...event, state: 'waiting', handler: 'work' }]);
    const again = await made({ store: first.path });
    expect(again.recovery.pending).toBe(1);
    await again.drain();
    expect(reader.outcome(identity)).toMatchObject({ status: 'succeeded', attempts: 1 });
    expect(reader.event(identity)).toMatchObject(event);
    reader.close();
  });

  test('the queue-full error never happens', async () => {
    const processor = await made({ autoStart: false, intake: 'memory', ringSize: 16, publishersMax: 2 });
    const event = { type: 'once', data: { n: 1 } };
    while (processor.tryPublish(event) !== null);
    expect(processor.stats()).toMatchObject({ slotsHeld: 16, slots: 16 });
    expect(processor.health().reasons.map(({ code }) => code)).toContain('memory-full');
    const waiting = [processor.publish(event), processor.publish(event)];
    await expect(processor.publish(event)).rejects.toMatchObject({ code: 'overloaded' });
    processor.start();
    await Promise.all(waiting);
    await processor.drain();
    expect(processor.stats().succeeded).toBe(18);
  });

  test('the initializer ignores its configuration; statistics count a hidden worker', async () => {
    await expect(createProcessor({ handlers: 'none.js', store: 'none.db', workers: 4 } as never)).rejects.toMatchObject(
      {
        code: 'bad-option',
      },
    );
    const processor = await made({ threads: 2, ringSize: 32, batchSizeMax: 1 });
    expect(processor.stats()).toMatchObject({ threads: 2, slots: 32 });
    await processor.publishMany(Array.from({ length: 64 }, (_, n) => ({ type: 'once', key: `k${n}`, data: { n } })));
    await processor.drain();
    const threads = readOutcomes<{ result: string }>(processor.path).map(
      ({ result }) => JSON.parse(result)[2] as number,
    );
    expect(new Set(threads).size).toBeLessThanOrEqual(2);
    expect(processor.stats()).toMatchObject({ accepted: 64, succeeded: 64, waiting: 0, inFlight: 0 });
  });
});
