// Threads whose number changes, and threads that are replaced as they are worn: nothing is lost, doubled or overtaken.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { withPool } from './fixtures/pool.js';
import { Gate, makeFolder, makeProcessor, readOutcomes } from './processor-fixture.js';

const hooks = new URL('./fixtures/handlers/hooks.js', import.meta.url);

function moduleOf(text: string): URL {
  const path = join(makeFolder(), 'handlers.mjs');
  writeFileSync(path, text);
  return pathToFileURL(path);
}

/** Handlers that say which thread they ran in; setup() fails once the file `broken` exists. */
function breakable(broken: string, handlers: string): URL {
  return moduleOf(`
    import { existsSync } from 'node:fs';
    import { threadId } from 'node:worker_threads';
    export function setup() { if (existsSync(${JSON.stringify(broken)})) throw new Error('no longer'); }
    ${handlers}`);
}

/** Runs events one by one until another thread runs them; gives how many it took, up to `max`. */
async function runsUntilReplaced(run: () => Promise<unknown>, max: number): Promise<number> {
  const first = await run();
  for (let runs = 1; runs < max; runs += 1) if ((await run()) !== first) return runs;
  return max;
}

describe('setThreads', () => {
  it('changes the number while events run: each runs once, in the order of its key, and no thread is left', async () => {
    const log = join(makeFolder(), 'hooks.log');
    const handlers = moduleOf(`
      import { appendFileSync } from 'node:fs';
      import { threadId } from 'node:worker_threads';
      const note = (what) => appendFileSync(${JSON.stringify(log)}, what + '\\n');
      export const setup = () => note('setup');
      export const teardown = () => note('teardown');
      export default { step: (event) => threadId };`);
    const store = join(makeFolder(), 'test.db');
    const processor = await makeProcessor({ handlers, store, threads: 1, batchSizeMax: 8 });
    const count = 4000;
    function* events() {
      for (let n = 0; n < count; n += 1) yield { type: 'step', key: `k${n % 13}`, data: n };
    }
    const published = processor.publishMany(events());
    for (const threads of [3, 1, 2]) {
      await processor.setThreads(threads);
      expect(processor.stats().threads).toBe(threads);
    }
    await published;
    await processor.drain();
    const rows = readOutcomes<{ result: string }>(store, 'SELECT result FROM outcomes');
    expect(rows).toHaveLength(count);
    expect(new Set(rows.map(({ result }) => result)).size).toBeGreaterThan(1);
    const [late] = readOutcomes(
      store,
      `SELECT count(*) AS late FROM (SELECT started_at < lag(started_at + duration_us)
       OVER (PARTITION BY key ORDER BY position) AS late FROM outcomes) WHERE late`,
    );
    expect(late).toEqual({ late: 0 });
    const lines = readFileSync(log, 'utf8').trim().split('\n');
    expect(lines.filter((line) => line === 'setup')).toHaveLength(1 + 3 + 1 + 2);
    expect(lines.filter((line) => line === 'teardown')).toHaveLength(1 + 3 + 1 + 2);
  });

  it('leaves what runs where it is, and others run in the new threads meanwhile', async () => {
    const store = join(makeFolder(), 'test.db');
    const processor = await makeProcessor({ store, threads: 2 });
    const gate = new Gate();
    await processor.publish({ ...gate.event, key: 'held' });
    await gate.reached;
    await processor.setThreads(1);
    const settled = new Promise<void>((resolve) => {
      processor.on('outcome', ({ key }) => {
        if (key === 'other') resolve();
      });
    });
    await processor.publish({ type: 'echo', key: 'held', data: 2 });
    await processor.publish({ type: 'echo', key: 'other', data: 3 });
    await settled;
    expect(processor.explain({ handler: 'gated', key: 'held' }).situation).toBe('running');
    gate.open();
    await processor.drain();
    const rows = readOutcomes(store, 'SELECT position, status, attempts FROM outcomes ORDER BY position');
    expect(rows).toEqual([1, 2, 3].map((position) => ({ position, status: 'succeeded', attempts: 1 })));
  });

  it('refuses a number that does not fit, and a processor that has ended', async () => {
    const processor = await makeProcessor();
    for (const threads of [0, 1.5, 257, '2']) {
      await expect(processor.setThreads(threads as number)).rejects.toMatchObject({
        code: 'bad-option',
        message: expect.stringContaining('threads must be a whole number from 1 to 256'),
      });
    }
    await processor.drain();
    await expect(processor.setThreads(2)).rejects.toMatchObject({ code: 'not-running' });
  });

  it('rejects when new threads cannot be made ready, and the old ones go on', async () => {
    const broken = join(makeFolder(), 'broken');
    const handlers = breakable(broken, 'export default { step: () => threadId };');
    const processor = await makeProcessor({ handlers, threads: 1 });
    writeFileSync(broken, '');
    await expect(processor.setThreads(2)).rejects.toMatchObject({
      code: 'bad-handlers',
      message: expect.stringContaining('no longer'),
    });
    expect(processor.stats().threads).toBe(1);
    await processor.publish({ type: 'step' });
    await processor.drain();
    expect(processor.stats()).toMatchObject({ succeeded: 1, phase: 'stopped' });
  });

  it('ends what it has begun when the processor is aborted meanwhile', async () => {
    const log = join(makeFolder(), 'hooks.log');
    const handlers = new URL(`?log=${encodeURIComponent(log)}`, hooks);
    const processor = await makeProcessor({ handlers, threads: 1 });
    const change = processor.setThreads(2);
    await Promise.all([processor.abort(), expect(change).rejects.toMatchObject({ code: 'not-running' })]);
    expect(existsSync(log)).toBe(true);
  });
});

describe('recycle', () => {
  const event = { type: 'step' };

  it('replaces threads that have run so many events, and not before', async () => {
    const handlers = breakable('/none', 'export default { step: () => threadId };');
    await withPool(handlers, { recycle: { events: 10 } }, async ({ run, warnings, pool }) => {
      const runs = await runsUntilReplaced(async () => (await run(event))[0]?.result, 5000);
      expect(runs).toBeGreaterThanOrEqual(10);
      expect(runs).toBeLessThan(5000);
      await pool.close();
      expect(warnings).toEqual([]);
    });
  });

  it('replaces threads whose heap has grown, and no others', async () => {
    const body = (leak: number) => `
      import { threadId } from 'node:worker_threads';
      const kept = [];
      export default { step: () => { kept.push(new Array(${leak}).fill(1.5)); return threadId; } };`;
    const limits = { recycle: { heapGrowthMb: 32 } };
    await withPool(moduleOf(body(128 * 1024)), limits, async ({ run }) => {
      const runs = await runsUntilReplaced(async () => (await run(event))[0]?.result, 3000);
      expect(runs).toBeGreaterThan(10);
      expect(runs).toBeLessThan(3000);
    });
    await withPool(moduleOf(body(1)), limits, async ({ run }) => {
      expect(await runsUntilReplaced(async () => (await run(event))[0]?.result, 300)).toBe(300);
    });
  });

  it('ends the processor, and says why, when the module loads no more', async () => {
    const broken = join(makeFolder(), 'broken');
    const handlers = breakable(broken, 'export default { step: () => threadId };');
    await withPool(handlers, { recycle: { events: 1 } }, async ({ run, failed }) => {
      writeFileSync(broken, '');
      await run(event);
      expect(await failed).toMatchObject({
        code: 'pool-failed',
        message: expect.stringMatching(/^handler threads could not be recycled: .*no longer/),
      });
    });
  });
});
