// Events whose thread died of what another may have left, in real threads: they run again on a fresh one, uncounted, and
// only what ends that is charged to them.

import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { openStore } from '../dist/src/index.js';
import { configFrom, type ProcessorOptions } from '../dist/src/options.js';
import { policiesOf } from '../dist/src/policy.js';
import { FreshThreads } from '../dist/src/pool/fresh-threads.js';
import { sourceOf } from '../dist/src/pool/pool-options.js';
import { preflight } from '../dist/src/pool/preflight.js';
import { messageOf, verdictsOf } from './fixtures/pool.js';
import { sized } from './long-form.js';
import { Gate, makeFolder, makeProcessor, readOutcomes } from './processor-fixture.js';

function moduleOf(text: string): URL {
  const path = join(makeFolder(), 'handlers.mjs');
  writeFileSync(path, text);
  return pathToFileURL(path);
}

/**
 * `leaves` leaves a timer behind that exits once `held` of its key runs. That waits for it the first time; then it
 * announces itself on the channel named by its data, and ends when that says so. As long as there is the file `slow`,
 * a thread announces itself on the channel named there, and does not finish its setup.
 */
function leaving(folder: string): URL {
  return moduleOf(`
    import { appendFileSync, existsSync, readFileSync } from 'node:fs';
    const log = (name) => \`${folder}/\${name}\`;
    const forever = () => new Promise(() => {});
    const gated = (name) => new Promise((resolve) => {
      const channel = new BroadcastChannel(name);
      channel.onmessage = () => { channel.close(); resolve('opened'); };
      channel.postMessage('waiting');
    });
    export const setup = () => {
      if (!existsSync(log('slow'))) return;
      const channel = new BroadcastChannel(readFileSync(log('slow'), 'utf8'));
      channel.postMessage('waiting');
      return new Promise((resolve) => {
        const timer = setInterval(() => {
          if (existsSync(log('slow'))) return;
          clearInterval(timer);
          resolve(channel.close());
        }, 1);
      });
    };
    export default {
      fine: () => 1,
      leaves: ({ key }) => void setInterval(() => existsSync(log(key)) && process.exit(3), 1),
      held: (event) => {
        appendFileSync(log(event.key), '.');
        return readFileSync(log(event.key), 'utf8').length === 1 ? forever() : gated(event.data);
      },
    };`);
}

interface Held {
  readonly processor: Awaited<ReturnType<typeof makeProcessor>>;
  readonly store: string;
  readonly gate: Gate;
  /** Has an event \`held\` doubted; gives its identity. */
  doubt(key: string): Promise<{ partition: string; position: number }>;
}

async function withDoubted(options: Partial<ProcessorOptions> = {}): Promise<Held & { folder: string }> {
  const folder = makeFolder();
  const store = join(folder, 'test.db');
  const limits = { attemptsMax: 1, graceMs: 20, autoStart: false, threads: 1 };
  const processor = await makeProcessor({ handlers: leaving(folder), store, ...limits, ...options });
  processor.on('warning', () => {});
  const gate = new Gate();
  const doubt = async (key: string) => {
    await processor.publish({ type: 'leaves', key });
    return (await processor.publish({ type: 'held', key, data: gate.name })).identity;
  };
  return { processor, store, gate, doubt, folder };
}

/** What is known of the events \`held\`. */
function heldOf(store: string): unknown[] {
  return readOutcomes(store, "SELECT key, status, attempts, result FROM outcomes WHERE handler = 'held' ORDER BY key");
}

describe('what nothing caught', () => {
  it('is charged to nobody where every second event leaves a rejection behind, and each key keeps its order', async () => {
    const handlers = moduleOf(`
      const later = () => new Promise((resolve) => setTimeout(resolve, 2));
      export default { step: async ({ data }) => {
        if (data % 2 === 1) { Promise.reject(new RangeError('left')); return data; }
        await later();
        return data;
      } };`);
    const store = join(makeFolder(), 'test.db');
    const processor = await makeProcessor({ handlers, store, threads: 2, attemptsMax: 1, autoStart: false });
    const deaths: string[] = [];
    processor.on('warning', ({ message }) => void deaths.push(message));
    const count = sized({ short: 24, long: 40 });
    for (let n = 1; n <= count; n += 1) await processor.publish({ type: 'step', key: `k${n % 3}`, data: n });
    await processor.drain();
    expect(deaths.length).toBeGreaterThan(5);
    const rows = readOutcomes(store, 'SELECT position, status, attempts FROM outcomes ORDER BY position');
    expect(rows).toEqual(
      Array.from({ length: count }, (_, index) => ({ position: index + 1, status: 'succeeded', attempts: 1 })),
    );
    const [late] = readOutcomes(
      store,
      `SELECT count(*) AS late FROM (SELECT started_at < lag(started_at + duration_us)
       OVER (PARTITION BY key ORDER BY position) AS late FROM outcomes) WHERE late`,
    );
    expect(late).toEqual({ late: 0 });
  }, 60_000);

  it.each([
    ['a rejection', `Promise.reject(new RangeError('its own'));`, /its own/],
    ['an exit after an await', `setImmediate(() => process.exit(5));`, /exited with code: 5/],
  ])('is charged attemptsMax times where it is the own doing of an event: %s', async (_what, body, message) => {
    const handlers = moduleOf(
      `export default { fine: async () => 1, bad: () => { ${body} return new Promise(() => {}); } };`,
    );
    const store = join(makeFolder(), 'test.db');
    const options = { attemptsMax: 3, backoffMsMin: 0, backoffMsMax: 1, autoStart: false };
    const processor = await makeProcessor({ handlers, store, threads: 1, ...options });
    processor.on('warning', () => {});
    await processor.publish({ type: 'fine', key: 'k' });
    const { identity } = await processor.publish({ type: 'bad', key: 'k' });
    await processor.publish({ type: 'fine', key: 'k' });
    await processor.drain();
    expect(processor.stats()).toMatchObject({ succeeded: 2, deadLettered: 1, retried: 2 });
    using reader = openStore(store);
    expect(reader.outcome(identity)).toMatchObject({
      status: 'dead-lettered',
      attempts: 3,
      error: { name: 'ThreadDied' },
    });
    const said = reader.history(identity).map(({ error }) => error?.message);
    expect(said).toEqual(Array(3).fill(expect.stringMatching(message)));
  });

  it('is charged at once to an event that exits before it has given a promise', async () => {
    const folder = makeFolder();
    const handlers = moduleOf(`
      import { appendFileSync } from 'node:fs';
      export default {
        fine: async () => 1,
        exits: async () => { appendFileSync('${folder}/log', '.'); process.exit(5); },
      };`);
    const processor = await makeProcessor({
      handlers,
      attemptsMax: 2,
      backoffMsMin: 0,
      backoffMsMax: 1,
      autoStart: false,
    });
    processor.on('warning', () => {});
    for (const type of ['fine', 'exits', 'fine']) await processor.publish({ type, key: 'k' });
    await processor.drain();
    expect(processor.stats()).toMatchObject({ succeeded: 2, deadLettered: 1 });
    expect(readFileSync(join(folder, 'log'), 'utf8')).toBe('..');
  });
});

describe('an event that is doubted', () => {
  it('runs on a fresh thread beside others, keeps its key in order, and is charged nothing for it', async () => {
    const { processor, store, gate, doubt } = await withDoubted();
    await doubt('a');
    const next = await processor.publish({ type: 'fine', key: 'a' });
    processor.start();
    await gate.reached;
    const other = new Promise<void>((resolve) => processor.on('outcome', ({ key }) => key === 'b' && resolve()));
    await processor.publish({ type: 'fine', key: 'b' });
    await other;
    expect(processor.explain({ handler: 'held', key: 'a' })).toMatchObject({ situation: 'running', attempt: 1 });
    gate.open();
    await processor.drain();
    expect(heldOf(store)).toEqual([{ key: 'a', status: 'succeeded', attempts: 1, result: '"opened"' }]);
    using reader = openStore(store);
    expect(reader.outcome(next.identity)).toMatchObject({ status: 'succeeded', attempts: 1 });
  });

  it('can be cancelled while it runs there, and while it waits for its turn', async () => {
    const { processor, gate, doubt } = await withDoubted();
    const first = await doubt('a');
    processor.start();
    await gate.reached;
    const died = new Promise((resolve) => processor.on('warning', resolve));
    const second = await doubt('b');
    await died;
    await expect.poll(() => processor.explain({ handler: 'held', key: 'b' }).situation).toBe('queued');
    const queued = processor.explain({ handler: 'held', key: 'b' });
    expect(queued).toMatchObject({ isDoubted: true, text: expect.stringContaining('for a fresh thread (the one') });
    expect(await processor.cancel(second)).toBe('cancelled');
    expect(await processor.cancel(first)).toBe('cancelled');
    await processor.drain();
    expect(processor.stats()).toMatchObject({ cancelled: 2, succeeded: 2, deadLettered: 0 });
  });

  it.each(['stop', 'drain'] as const)('is finished there by %s', async (end) => {
    const { processor, store, gate, doubt } = await withDoubted();
    await doubt('a');
    processor.start();
    await gate.reached;
    const ended = processor[end]();
    gate.open();
    await ended;
    expect(heldOf(store)).toEqual([{ key: 'a', status: 'succeeded', attempts: 1, result: '"opened"' }]);
  });

  it('is left to the next start by abort', async () => {
    const { processor, store, gate, doubt } = await withDoubted();
    await doubt('a');
    processor.start();
    await gate.reached;
    await processor.abort();
    expect(heldOf(store)).toEqual([]);
  });

  it.each(['abort', 'cancel'] as const)(
    'settles whoever asks while its thread is starting: %s',
    async (how) => {
      const { processor, doubt, folder } = await withDoubted({ loadTimeoutMs: 120_000 });
      const identity = await doubt('a');
      const slow = new Gate();
      writeFileSync(join(folder, 'slow'), slow.name);
      processor.start();
      await slow.reached;
      const cancelled = processor.cancel(identity).catch(({ code }) => code);
      if (how === 'cancel') rmSync(join(folder, 'slow'));
      else await processor.abort();
      expect(await cancelled).toBe(how === 'cancel' ? 'cancelled' : 'aborted');
    },
    60_000,
  );
});

describe('fresh threads', () => {
  async function freshThreads(handlers: URL, whenFatal: (message: string) => void): Promise<FreshThreads> {
    const config = configFrom({ store: 'unused.db', threads: 2, attemptsMax: 1, handlers });
    const { url, table, execArgv } = await preflight(handlers, { loadTimeoutMs: 10_000 });
    const told = { onWarning: () => {}, onFatal: ({ message }: Error) => whenFatal(message) };
    return new FreshThreads({
      ...{ sources: [sourceOf({ url, table }, 'default')], policies: policiesOf(table, config), execArgv, config },
      ...told,
    });
  }
  const message = (place: number) => messageOf([{ type: 'step' }], { place, handlers: null });

  it('run one batch each, one after the other, and tear down', async () => {
    const log = join(makeFolder(), 'log');
    const handlers = moduleOf(`
      import { appendFileSync } from 'node:fs';
      import { threadId } from 'node:worker_threads';
      const note = (what) => appendFileSync(${JSON.stringify(log)}, what + ' ');
      export const setup = () => note('setup');
      export const teardown = () => note('teardown');
      export default { step: () => { note('run'); return threadId; } };`);
    const fresh = await freshThreads(handlers, () => {});
    const reports = await Promise.all([0, 1, 2].map((place) => fresh.run(message(place))));
    await fresh.close();
    const threads = reports.map((report) => verdictsOf(message(0), report)[0]?.result);
    expect(new Set(threads).size).toBe(3);
    expect(readFileSync(log, 'utf8')).toBe('setup run teardown '.repeat(3));
    await expect(fresh.run(message(0))).rejects.toMatchObject({ code: 'aborted' });
  });

  it('that cannot be started end the processor', async () => {
    const flag = join(makeFolder(), 'flag');
    const text = `import { existsSync } from 'node:fs';
      export const setup = () => { if (existsSync(${JSON.stringify(flag)})) throw new Error('no more'); };
      export default { step: () => 1 };`;
    const told: string[] = [];
    const fresh = await freshThreads(moduleOf(text), (said) => told.push(said));
    writeFileSync(flag, '');
    await expect(fresh.run(message(0))).rejects.toMatchObject({ code: 'pool-failed' });
    expect(told).toEqual([expect.stringMatching(/^a fresh handler thread could not be started: .*no more/)]);
    await fresh.abort();
  });

  it('that die again and again before they run their event end the processor', async () => {
    // A thread looks at the clock before it begins a batch.
    const text = `const { now } = performance;
      const isBatch = () => /runInTurn/.test(new Error().stack);
      export const setup = () => { performance.now = () => (isBatch() ? process.exit(4) : now.call(performance)); };
      export default { step: () => 1 };`;
    const told: string[] = [];
    const fresh = await freshThreads(moduleOf(text), (said) => told.push(said));
    for (let death = 1; death < 10; death += 1) {
      expect(verdictsOf(message(0), await fresh.run(message(0)))).toEqual([{ status: 'skipped' }]);
    }
    await expect(fresh.run(message(0))).rejects.toMatchObject({ code: 'pool-failed' });
    expect(told).toEqual([expect.stringMatching(/^10 fresh handler threads died before they ran an event/)]);
    await fresh.abort();
  }, 30_000);
});
