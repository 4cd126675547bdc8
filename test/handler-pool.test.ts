// Handler threads, for real: what goes in and out, what a failing handler costs, and that everything settles whatever
// becomes of a thread.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { handlerResult, type Policy } from '../dist/src/handler.js';
import { configFrom } from '../dist/src/options.js';
import { policiesOf } from '../dist/src/policy.js';
import { emitLimitsOf } from '../dist/src/pool/emitter.js';
import { HandlerPool } from '../dist/src/pool/handler-pool.js';
import { HandlerThread } from '../dist/src/pool/handler-thread.js';
import { noRun, numberOf, numbersPerEvent } from '../dist/src/pool/messages.js';
import { sourceOf } from '../dist/src/pool/pool-options.js';
import { preflight } from '../dist/src/pool/preflight.js';
import { Progress } from '../dist/src/pool/progress.js';
import { messageOf, verdictsOf, withPool } from './fixtures/pool.js';
import { scratchFolder } from './fixtures/scratch-folder.js';
import { sized } from './long-form.js';

const folder = scratchFolder();
const fixture = (name: string): URL => new URL(`./fixtures/handlers/${name}`, import.meta.url);
const ofType = (type: string) => ({ type });

const policy: Policy = {
  ...{ attemptsMax: 1, backoffMsMin: 1, backoffMsMax: 1, timeoutMs: null, graceMs: 10, onDeadLetter: 'continue' },
};

describe('a batch', () => {
  it('runs sync and async handlers, and CommonJS', async () => {
    await withPool(fixture('map.js'), {}, async ({ run }) => {
      const verdicts = await run(
        { type: 'order.placed', data: { price: 4 } },
        { type: 'order.paid', key: 'k' },
        { type: 'order.placed' },
      );
      expect(verdicts).toMatchObject([
        { status: 'succeeded', result: { total: 8 } },
        { status: 'succeeded', result: 'paid k' },
        { status: 'failed', error: { name: 'TypeError' } },
      ]);
    });
    await withPool(fixture('bare.cjs'), {}, async ({ run }) => {
      expect(await run({ type: 'order.placed', data: 'in' })).toMatchObject([{ result: 'in' }]);
    });
  });

  it('gives a handler the whole event and its context', async () => {
    await withPool(fixture('single.mjs'), {}, async ({ run }) => {
      const time = '2026-01-02T03:04:05Z';
      const headers = JSON.parse('{"trace":"1"}');
      const [full, bare] = await run(
        { type: 'a', key: '\ud83d\u0000', id: 'i', data: [1], time, headers },
        { type: 'b' },
      );
      const common = { partition: 'journal', context: { handler: 'default', attempt: 1 }, hasOwnHeaders: true };
      expect(full?.result).toMatchObject({
        type: 'a',
        key: '\ud83d\u0000',
        id: 'i',
        data: [1],
        time,
        headers,
        ...common,
      });
      expect(bare?.result).toMatchObject({ type: 'b', key: null, id: null, time: null, headers: {}, ...common });
      expect(bare?.result).not.toHaveProperty('data');
      expect(full?.result).toMatchObject({ position: 0 });
      expect(bare?.result).toMatchObject({ position: 1 });
    });
  });

  it('gives bytes as bytes, each event its own', async () => {
    const text = `export default (event) => event.data.byteLength === event.data.buffer.byteLength
      && Buffer.from(event.data).toString('hex');`;
    await withPool(folder.url(folder.write('bytes.mjs', text)), {}, async ({ run }) => {
      const verdicts = await run(...[[1, 2], [], [3]].map((bytes) => ({ type: 'a', data: new Uint8Array(bytes) })));
      expect(verdicts.map(({ result }) => result)).toEqual(['0102', '', '03']);
    });
  });

  it('ends its report at batchBytesMax and hands the rest back', async () => {
    const text = "export default () => 'x'.repeat(30_000);";
    await withPool(folder.url(folder.write('large.mjs', text)), { batchBytesMax: 65_536 }, async ({ run }) => {
      const statuses = (await run(...Array.from({ length: 5 }, () => ofType('a')))).map(({ status }) => status);
      expect(statuses).toEqual(['succeeded', 'succeeded', 'succeeded', 'skipped', 'skipped']);
    });
  });

  it('is not mixed with another in the same thread', async () => {
    await withPool(fixture('turns.js'), { threads: 1 }, async ({ run }) => {
      const batch = () => run(ofType('a'), ofType('a'), ofType('a'));
      const turns = (await Promise.all([batch(), batch()])).flat().map(({ result }) => result);
      expect(turns).toEqual([0, 2, 4, 6, 8, 10].map((began) => ({ began, ended: began + 1 })));
    });
  });

  it('has start times that compare across threads', async () => {
    await withPool(fixture('single.mjs'), { threads: 2 }, async ({ run }) => {
      let before = Date.now() * 1000 - 100_000;
      const threads = new Set<unknown>();
      for (let round = 0; round < 20; round += 1) {
        // Two at once land in two threads; the second round starts after both are done.
        const verdicts = (await Promise.all([run(ofType('a')), run(ofType('a'))])).flat();
        for (const { startedAtUs, result } of verdicts) {
          expect(Number.isInteger(startedAtUs)).toBe(true);
          expect(startedAtUs).toBeGreaterThanOrEqual(before);
          threads.add((result as { context: { threadId: number } }).context.threadId);
        }
        before = Math.max(...verdicts.map(({ startedAtUs }) => startedAtUs as number));
      }
      expect(threads.size).toBe(2);
      expect(before).toBeLessThan(Date.now() * 1000 + 100_000);
    });
  });
});

describe('a handler that fails', () => {
  it('fails one try, recorded faithfully, whatever it throws', async () => {
    await withPool(fixture('throws.js'), {}, async ({ run }) => {
      const types = ['null', 'undefined', 'zero', 'text', 'function', 'error', 'frozen', 'circular', 'object', 'fine'];
      const verdicts = await run(...types.map(ofType));
      expect(verdicts.map(({ status }) => status)).toEqual([...Array(9).fill('failed'), 'succeeded']);
      const errors = Object.fromEntries(verdicts.map(({ error }, index) => [types[index], error]));
      expect(errors).toMatchObject({
        null: { name: 'NonError', message: 'null was thrown', fields: { thrown: null } },
        undefined: { name: 'NonError', message: 'undefined was thrown' },
        zero: { name: 'NonError', message: '0 was thrown', fields: { thrown: 0 } },
        text: { name: 'NonError', message: '"boom" was thrown' },
        function: { name: 'NonError', fields: { thrown: '[function named]' } },
        error: {
          ...{ name: 'OrderError', message: 'no such order', code: 'E_ORDER' },
          cause: { name: 'TypeError', message: 'beneath' },
          fields: { order: { id: 7, at: '1970-01-01T00:00:00.000Z' } },
        },
        frozen: { name: 'Error', message: 'frozen' },
        circular: { name: 'Error', message: 'circular', fields: { self: '[circular]' } },
        object: { name: 'NonError', message: 'an object', code: 5 },
      });
      expect(errors.error?.stack).toContain('throws.js');
    });
  });

  it('fails one try, and its thread lives, whatever it returns that cannot be stored', async () => {
    await withPool(fixture('returns.js'), {}, async ({ run, warnings }) => {
      const bad = ['function', 'symbol', 'bigint', 'bigint inside', 'proxy', 'circle', 'map', 'ArrayBuffer'];
      bad.push('Float64Array', 'a gigabyte', 'half a gigabyte of text', 'detached', 'async function', 'throwing then');
      const good = ['nothing', 'value', 'bytes', 'thread'];
      const [before] = await run(ofType('thread'));
      const verdicts = await run(...[...bad, ...good].map(ofType));
      expect(verdicts.slice(0, bad.length).map(({ status }) => status)).toEqual(bad.map(() => 'failed'));
      const names = verdicts.slice(0, bad.length).map(({ error }) => error?.name);
      expect(new Set(names)).toEqual(new Set(['TypeError', 'RangeError']));
      const [nothing, value, bytes, thread] = verdicts.slice(bad.length).map(({ result }) => result);
      expect([nothing, value, thread]).toEqual([undefined, { ok: true }, before?.result]);
      expect(Buffer.from(bytes as Uint8Array).toString()).toBe('bytes');
      expect(warnings).toEqual([]);
    });
  });

  it.each([
    { what: 'that is tried again', attemptsMax: 2, onDeadLetter: 'continue', expected: ['retrying', 'skipped'] },
    { what: 'that parks', attemptsMax: 1, onDeadLetter: 'park', expected: ['failed', 'skipped'] },
    { what: 'that does not park', attemptsMax: 1, onDeadLetter: 'continue', expected: ['failed', 'succeeded'] },
  ] as const)('$what: what follows in its run waits or not, other runs and events without one go on', async (of) => {
    const { attemptsMax, onDeadLetter, expected } = of;
    await withPool(fixture('throws.js'), { attemptsMax, onDeadLetter }, async ({ pool }) => {
      const types = ['null', 'fine', 'fine', 'null', 'fine'];
      const message = messageOf(types.map(ofType), { place: 0, handlers: null });
      for (const [index, run] of [0, 0, 1, noRun, noRun].entries()) {
        message.numbers[index * numbersPerEvent + numberOf.run] = run;
      }
      const { results } = await pool.run(message);
      const wanted = [...expected, 'succeeded', expected[0], 'succeeded'] as const;
      expect([...results]).toEqual(wanted.map((name) => handlerResult[name]));
    });
  });
});

describe('a thread that dies', () => {
  it.each([
    ['exit', /exited with code: 7/, null],
    ['timer', /thrown by a timer/, { name: 'RangeError' }],
    ['rejection', /nobody listens/, { name: 'TypeError' }],
  ])(
    'of %s is charged to the event that ran; one before it keeps its result, and it is replaced',
    async (type, message, cause) => {
      await withPool(fixture('deadly.js'), {}, async ({ run, runFresh, warnings }) => {
        const [before, ran, after] = await run({ type: 'fine', key: 'k', data: 5 }, ofType(type), ofType('fine'));
        expect([before, after]).toMatchObject([{ status: 'succeeded', result: 5 }, { status: 'skipped' }]);
        // While it is awaited, the thread may die of what the event before has left.
        const doubts = cause === null ? 0 : 1;
        if (doubts === 1) expect(ran).toEqual({ status: 'doubted' });
        const culprit = doubts === 1 ? (await runFresh(ofType(type)))[0] : ran;
        expect(culprit).toMatchObject({ status: 'failed', error: { name: 'ThreadDied' } });
        expect(culprit?.error?.message).toMatch(message);
        expect(culprit?.error?.stack).toBeUndefined();
        if (cause !== null) expect(culprit?.error?.cause).toMatchObject(cause);
        expect(await run({ type: 'fine', data: 1 })).toMatchObject([{ status: 'succeeded', result: 1 }]);
        expect(warnings).toHaveLength(1 + doubts);
        expect(warnings[0]?.message).toMatch(/^handler thread \d+ died: /);
      });
    },
  );

  it('hands back a batch that only waited in it', async () => {
    await withPool(fixture('deadly.js'), { threads: 1 }, async ({ run }) => {
      const fine = { type: 'fine', data: 1 };
      const [dead, waited] = await Promise.all([run(fine, ofType('exit')), run(fine, fine)]);
      expect(dead.map(({ status }) => status)).toEqual(['succeeded', 'failed']);
      expect(waited.map(({ status }) => status)).toEqual(['skipped', 'skipped']);
      expect((await run(fine)).map(({ status }) => status)).toEqual(['succeeded']);
    });
  });

  it('after its report, of a rejection left behind, costs no event', async () => {
    await withPool(fixture('deadly.js'), {}, async ({ run, warned }) => {
      expect(await run(ofType('rejection left behind'))).toMatchObject([{ status: 'succeeded', result: 'done' }]);
      expect((await warned).message).toMatch(/died: TypeError: nobody listens/);
      expect(await run({ type: 'fine', data: 2 })).toMatchObject([{ status: 'succeeded', result: 2 }]);
    });
  });

  it('leaves the other threads at work', async () => {
    await withPool(fixture('deadly.js'), { threads: 2 }, async ({ run }) => {
      const all = await Promise.all([
        run(ofType('exit')),
        run(ofType('fine')),
        run(ofType('fine')),
        run(ofType('exit')),
      ]);
      expect(all.flat().filter(({ status }) => status === 'failed')).toHaveLength(2);
      const again = await Promise.all(Array.from({ length: 4 }, () => run(ofType('fine'))));
      expect(again.flat().map(({ status }) => status)).toEqual(Array(4).fill('succeeded'));
    });
  });

  it('again and again, at any moment, loses no event and doubles none', async () => {
    await withPool(fixture('deadly.js'), { threads: 3 }, async ({ pool, run, runFresh }) => {
      const deadly = ['exit', 'timer', 'rejection', 'rejection left behind'];
      const count = sized({ short: 77, long: 160 });
      const left = Array.from({ length: count }, (_, index) => (index % 7 === 0 ? deadly[(index / 7) % 4] : 'fine'));
      const settled = { succeeded: 0, failed: 0, skipped: 0, doubted: 0 };
      const work = async (): Promise<void> => {
        for (let type = left.pop(); type !== undefined; type = left.pop()) {
          const [first] = await run(ofType(type));
          const [verdict] = first?.status === 'doubted' ? await runFresh(ofType(type)) : [first];
          settled[verdict?.status ?? 'skipped'] += 1;
          if (verdict?.status === 'skipped') left.push(type);
        }
      };
      await Promise.all(Array.from({ length: pool.places }, work));
      expect(settled.succeeded + settled.failed).toBe(count);
      // A rejection left behind fails no event of its own, nor the one that it strikes.
      expect(settled.failed).toBe(sized({ short: 9, long: 18 }));
    });
  });

  it('lets no batch wait for its replacement while another thread has room', async () => {
    const flag = join(folder.path, 'flag of slow');
    const text = `import { existsSync, writeFileSync } from 'node:fs';
      if (existsSync(${JSON.stringify(flag)})) await new Promise(() => setInterval(() => {}, 1000));
      export default { fine: () => 1, die: () => { writeFileSync(${JSON.stringify(flag)}, ''); process.exit(7); } };`;
    const handlers = folder.url(folder.write('slow.mjs', text));
    await withPool(handlers, { threads: 2, loadTimeoutMs: 20_000 }, async ({ run }) => {
      expect(await run(ofType('die'))).toMatchObject([{ status: 'failed' }]);
      for (let round = 0; round < 5; round += 1) {
        const verdicts = (await Promise.all([run(ofType('fine')), run(ofType('fine')), run(ofType('fine'))])).flat();
        expect(verdicts.map(({ status }) => status)).toEqual(Array(3).fill('succeeded'));
      }
    });
  });

  it('again and again costs the batches it was running, however many, and the pool goes on', async () => {
    await withPool(fixture('deadly.js'), {}, async ({ run, warnings }) => {
      // More than may die in a row while no event is decided.
      const deaths = sized({ short: 13, long: 25 });
      for (let death = 1; death <= deaths; death += 1) {
        expect(await run(ofType('exit'))).toMatchObject([{ status: 'failed' }]);
      }
      expect(await run(ofType('fine'))).toMatchObject([{ status: 'succeeded' }]);
      expect(warnings).toHaveLength(deaths);
    });
  });

  it.each([
    ['throws', /could not be replaced: .*not a second time/],
    ['hangs', /could not be replaced: .*within 2000 ms/],
    ['setup throws', /could not be replaced: .*threw in its setup\(\): Error: no second setup/],
    ['differs', /could not be replaced: .*gave other handlers when it was loaded again/],
    ['exits', /11 handler threads died and no event was decided between them/],
  ])('and whose replacement %s ends the pool', async (way, message) => {
    const flag = join(folder.path, `flag of ${way}`);
    const url = folder.url(fixture('fails-later.js').pathname, { flag, way });
    await withPool(url, { loadTimeoutMs: way === 'hangs' ? 2000 : 20_000 }, async ({ run, failed }) => {
      expect(await run(ofType('die'))).toMatchObject([{ status: 'failed' }]);
      const next = run(ofType('die')).catch((error) => error);
      expect((await failed).message).toMatch(message);
      const end = await next;
      expect(Array.isArray(end) ? end : { code: end.code }).toEqual(
        Array.isArray(end) ? [{ status: 'skipped' }] : { code: 'pool-failed' },
      );
    });
  });
});

it('ends the pool when a handler closes the port on which reports are sent', async () => {
  const text = `import { parentPort } from 'node:worker_threads';
    export default () => parentPort.close();`;
  await withPool(folder.url(folder.write('closes port.mjs', text)), {}, async ({ run, failed }) => {
    await expect(run(ofType('a'))).rejects.toMatchObject({ code: 'pool-failed' });
    expect((await failed).message).toMatch(/leave parentPort to keylane/);
  });
});

describe('starting and ending', () => {
  /** Hooks that never end: only for these the limit is short enough to wait for. */
  const hangs = ['never ends', 'loops'];

  it('runs setup() once in each thread before its first event, and teardown() once at the end', async () => {
    const log = join(folder.path, 'hooks.log');
    await withPool(folder.url(fixture('hooks.js').pathname, { log }), { threads: 3 }, async ({ pool, run }) => {
      const batches = await Promise.all(Array.from({ length: 6 }, () => run(ofType('a'), ofType('a'))));
      expect(batches.flat().every(({ result }) => result === true)).toBe(true);
      await pool.close();
    });
    const lines = readFileSync(log, 'utf8').trim().split('\n');
    const threadsOf = (what: string) =>
      lines.filter((line) => line.startsWith(`${what} `)).map((line) => line.split(' ')[1]);
    expect(new Set(threadsOf('setup')).size).toBe(3);
    expect(threadsOf('setup')).toHaveLength(3);
    expect(threadsOf('teardown').sort()).toEqual(threadsOf('setup').sort());
    expect(lines.slice(0, 3).every((line) => line.startsWith('setup'))).toBe(true);
  });

  it('tears a thread down once, after the batches it has, however often it is told', async () => {
    const log = join(folder.path, 'thread.log');
    const text = `import { appendFileSync } from 'node:fs';
      const note = (what) => appendFileSync(${JSON.stringify(log)}, what + ' ');
      export const setup = () => note('setup');
      export const teardown = () => note('teardown');
      export default async () => note('event');`;
    const told: string[] = [];
    const thread = new HandlerThread(
      {
        sources: [
          {
            ...{ url: folder.url(folder.write('notes.mjs', text)).href, exportName: 'default' },
            table: { names: ['default'], takes: 'every-type', policies: [{}] },
          },
        ],
        ...{ policies: [policy], isJournaled: true, epochOffsetUs: 0 },
        ...{ progress: Progress.ofPlaces(2, { batchSizeMax: 8 }).shared, postponementsMax: 1, measuresHeap: false },
        ...{ batchSizeMax: 8, reportSizeMax: 1000, resultSizeMax: 1000, errorSizeMax: 1000 },
        ...{
          stateSizeMax: 1000,
          freezeState: false,
          openTelemetry: false,
          emits: emitLimitsOf(configFrom({ handlers: 'none', store: 'none' })),
        },
      },
      { threadId: 5, tell: (news) => told.push(news.kind) },
    );
    const batch = thread.answer(messageOf([ofType('a')], { place: 0, handlers: null }));
    const ends = [thread.answer({ kind: 'tear-down' }), thread.answer({ kind: 'tear-down' })];
    expect(await Promise.all([batch, ...ends])).toMatchObject([{ kind: 'ran' }, ...Array(2).fill({ threadId: 5 })]);
    expect(told).toEqual(['keylane-ready', 'keylane-report']);
    expect(readFileSync(log, 'utf8')).toBe('setup event teardown ');
  });

  it('finishes what is under way before it closes, and takes nothing more', async () => {
    await withPool(fixture('turns.js'), {}, async ({ pool, run }) => {
      const batches = [run(ofType('a')), run(ofType('a'))];
      const closed = pool.close();
      await expect(run(ofType('a'))).rejects.toMatchObject({ code: 'aborted' });
      expect((await Promise.all(batches)).flat().map(({ status }) => status)).toEqual(['succeeded', 'succeeded']);
      await closed;
      await pool.close();
      await pool.abort();
    });
  });

  it.each(['never ends', 'loops'])('aborts a handler that %s, and the close() that waits for it', async (type) => {
    await withPool(fixture('deadly.js'), { threads: 2 }, async ({ pool, run, warnings }) => {
      const refusals = [run(ofType(type)), run(ofType('never ends')), run(ofType('never ends'))].map((batch) => {
        return expect(batch).rejects.toMatchObject({ code: 'aborted' });
      });
      const closed = pool.close();
      await pool.abort();
      await Promise.all(refusals);
      await closed;
      expect(warnings).toEqual([]);
    });
  });

  it.each([
    [
      'throws',
      'throw new Error("no database");',
      /threw in its setup\(\): Error: no database \(at .*:1:\d+\); correct setup/,
    ],
    ['throws null', 'throw null;', /threw in its setup\(\): null was thrown/],
    ['never ends', 'return new Promise(() => {});', /did not load its module and finish setup\(\) within 500 ms/],
    ['loops', 'for (;;);', /did not load its module and finish setup\(\) within 500 ms/],
    ['exits', 'process.exit(4);', /died while it loaded the handlers module: it exited with code 4/],
    [
      'leaves a rejection',
      'Promise.reject(new Error("left")); return new Promise(() => {});',
      /died while .*Error: left/,
    ],
  ])('refuses to start when setup() %s', async (name, body, message) => {
    const path = folder.write(`setup ${name}.mjs`, `export function setup() { ${body} } export default () => 1;`);
    const { url, table, execArgv } = await preflight(path, { loadTimeoutMs: 10_000 });
    const loadTimeoutMs = hangs.includes(name) ? 500 : 20_000;
    // Piscina replaces threads that die until the pool comes to end them: of two, dozens.
    const threads = name === 'exits' || name === 'leaves a rejection' ? 1 : 2;
    const config = configFrom({ handlers: url, store: 'unused.db', threads, loadTimeoutMs });
    const told: unknown[] = [];
    const tell = (error: unknown) => told.push(error);
    const start = HandlerPool.start({
      ...{
        sources: [sourceOf({ url, table }, 'default')],
        policies: policiesOf(table, config),
        execArgv,
        config,
        onWarning: tell,
        onFatal: tell,
      },
    });
    const error = await start.catch((error) => error);
    expect(error).toMatchObject({ code: 'bad-handlers', message: expect.stringMatching(message) });
    expect(told).toEqual([]);
  });

  it.each([
    ['throws', 'throw new Error("still open");', /threw in its teardown\(\): Error: still open/],
    ['never ends', 'return new Promise(() => {});', /teardown\(\) did not finish within 2000 ms/],
    ['loops', 'for (;;);', /teardown\(\) did not finish within 2000 ms/],
    ['exits', 'process.exit(4);', /died: it exited with code 4/],
  ])('closes and warns when teardown() %s', async (name, body, message) => {
    const path = folder.write(`teardown ${name}.mjs`, `export function teardown() { ${body} } export default () => 1;`);
    const loadTimeoutMs = hangs.includes(name) ? 2000 : 20_000;
    await withPool(folder.url(path), { loadTimeoutMs }, async ({ pool, run, warnings }) => {
      expect(await run(ofType('a'))).toMatchObject([{ result: 1 }]);
      await pool.close();
      expect(warnings.map((warning) => warning.message)).toEqual([expect.stringMatching(message)]);
    });
  });
});

it('keeps a message for its own thread only: the sender may use it again', async () => {
  await withPool(fixture('map.js'), {}, async ({ pool }) => {
    const message = messageOf([{ type: 'order.placed', data: { price: 1 } }], { place: 0, handlers: ['order.placed'] });
    for (const _ of [1, 2])
      expect(verdictsOf(message, await pool.run(message))).toMatchObject([{ result: { total: 2 } }]);
  });
});
