// `keylane tune`: the search and its verdicts on figures made up, then the command itself in its smallest size.

import { describe, expect, test } from 'vitest';
import { limitsOf, type Observed } from '../bench/tune/limits.js';
import { type Found, search } from '../bench/tune/search.js';
import { type Axis, candidates, type Setting, threadCandidates } from '../bench/tune/setting.js';
import { type TuneReport, tuneText } from '../bench/tune/tune-report.js';
import { CommandHost, keylane } from './cli-fixture.js';
import { scratchFolder } from './fixtures/scratch-folder.js';

const scratch = scratchFolder();
const host = new CommandHost('bench');
const start: Setting = { threads: 4, batchTargetMs: 10, groupWaitMs: 10, groupSizeMax: 4096 };

/** A search over rates that follow from the setting; each measurement takes a share of the time, 1 % unless told. */
async function searched(
  rateOf: (setting: Setting, run: number) => number,
  { each = 0.01, some = {} as Partial<Record<Axis, number[]>> } = {},
): Promise<{ found: Found; measured: Setting[] }> {
  const measured: Setting[] = [];
  const found = await search({
    start,
    candidates: { ...candidates, threads: [1, 2, 4], ...some },
    spent: () => measured.length * each,
    measure: async (setting) => {
      measured.push(setting);
      return rateOf(setting, measured.length);
    },
  });
  return { found, measured };
}

describe('the search', () => {
  test('takes what is faster by more than noise, option by option', async () => {
    const { found, measured } = await searched(({ threads, batchTargetMs }, run) => {
      return (threads === 2 ? 2000 : 1000) + (batchTargetMs === 25 ? 500 : 0) + (run % 3);
    });
    expect(found.best.setting).toEqual({ ...start, threads: 2, batchTargetMs: 25 });
    expect(found.change).toMatchObject({ verdict: 'faster' });
    expect(found.steps.map(({ axis, verdict, to }) => [axis, verdict, to])).toEqual([
      ['threads', 'taken', 2],
      ['batchTargetMs', 'taken', 25],
      ['groupWaitMs', 'kept', expect.any(Number)],
      ['groupSizeMax', 'kept', expect.any(Number)],
    ]);
    // No full grid: one option at a time, with the others as they were found to be best.
    expect(measured.length).toBeLessThan(60);
    expect(measured.filter(({ threads, groupWaitMs }) => threads !== 2 && groupWaitMs !== 10)).toEqual([]);
  });

  test('keeps the start where nothing is faster by more than its own runs differ', async () => {
    const { found } = await searched(({ threads }, run) => (threads === 2 ? 1050 : 1000) + (run % 2) * 100);
    expect(found.best.setting).toEqual(start);
    expect(found.best).toBe(found.start);
    expect(found.steps.every(({ verdict }) => verdict === 'kept')).toBe(true);
  });

  test('believes nothing that the last comparison does not show again', async () => {
    // Two threads are faster in the first tenth of the time only: somebody else had the machine then.
    const { found } = await searched(({ threads }, run) => (threads === 2 && run <= 10 ? 2000 : 1000));
    expect(found.steps[0]).toMatchObject({ verdict: 'taken', to: 2 });
    expect(found.change?.verdict).not.toBe('faster');
    expect(found.best.setting).toEqual(start);
  });

  test('comes to its end within its time, and says what it did not come to', async () => {
    const { found, measured } = await searched(() => 1000, { each: 0.1 });
    expect(measured.length).toBeLessThanOrEqual(11);
    expect(found.steps.at(-1)).toMatchObject({ axis: 'groupSizeMax', verdict: 'late' });
    const slow = await searched(() => 1000, { each: 3 });
    expect(slow.found.best.eventsPerSecond.runs).toHaveLength(1);
  });

  test('leaves out an option that is decided', async () => {
    const { found, measured } = await searched(() => 1000, { some: { batchTargetMs: [] } });
    expect(found.steps.map(({ axis }) => axis)).toEqual(['threads', 'groupWaitMs', 'groupSizeMax']);
    expect(measured.every(({ batchTargetMs }) => batchTargetMs === 10)).toBe(true);
  });

  test.each([
    [{ cores: 1, idleShare: 0 }, [1]],
    [{ cores: 6, idleShare: 0.05 }, [1, 2, 4, 6]],
    [{ cores: 2, idleShare: 0.9 }, [1, 2, 4, 8, 16]],
    [{ cores: 128, idleShare: 1 }, [1, 2, 4, 8, 16, 32, 64, 128, 256]],
  ])('tries threads for %j', (of, wanted) => {
    expect(threadCandidates(of)).toEqual(wanted);
  });
});

describe('what limits a setting', () => {
  const quiet = { main: 0.2, handlers: 0.4, writer: 0.1, cores: 0.4 };
  const observed: Observed = {
    ...{
      threads: 4,
      cores: 8,
      busy: quiet,
      order: 'key',
      hottestLane: null,
      idleShare: 0,
      durability: 'process',
      load: 0,
    },
  };
  test.each<[string, Partial<Observed>, RegExp]>([
    ['the main thread', { busy: { ...quiet, main: 0.92 } }, /^main thread 92 % busy: more threads will not help$/],
    ['the writer', { busy: { ...quiet, writer: 0.9 } }, /^writer thread 90 % busy: more threads will not help/],
    [
      'handlers, with cores left',
      { busy: { ...quiet, handlers: 0.97 } },
      /handler threads 97 % .* more threads will help/,
    ],
    [
      'handlers, on all cores',
      { threads: 8, busy: { ...quiet, handlers: 0.97 } },
      /cheaper handlers, or more cores, help/,
    ],
    ['the cores', { busy: { ...quiet, cores: 0.95 } }, /^all 8 cores are busy/],
    [
      'one key',
      { hottestLane: { key: 'X', share: 0.71 } },
      /^order is the bottleneck: key "X" holds 71 % of the events, so no more than 1\.41 threads can be busy$/,
    ],
    ['one order for all', { order: 'global' }, /^order is the bottleneck: with order global/],
    ['handlers that wait', { idleShare: 0.92 }, /^handlers await something for 92 % of their time: more threads/],
    ['the disk', { durability: 'power' }, /^no thread is busy .*wait for the disk/],
    ['nothing that is seen', {}, /^no thread is busy .*they wait for one another$/],
    ['what is not known', { busy: null }, /^how busy the threads are is not known: .*Linux only/],
  ])('%s', (_, of, says) => {
    expect(limitsOf({ ...observed, ...of })).toEqual([expect.stringMatching(says)]);
  });

  test('a hot key is no limit where all threads are busy, there is one thread, or no order', () => {
    const hottestLane = { key: 'X', share: 0.9 };
    const busy = { ...quiet, handlers: 0.95 };
    for (const of of [{ busy }, { threads: 1 }, { order: 'none' as const }]) {
      expect(limitsOf({ ...observed, hottestLane, ...of }).join()).not.toContain('order');
    }
  });

  test('a machine that others keep busy is told of', () => {
    expect(limitsOf({ ...observed, load: 7 }).at(-1)).toMatch(/load 7 on 8 cores\): measure again when it is quiet/);
  });
});

describe('the command', () => {
  const lines = Array.from({ length: 40 }, (_, n) => JSON.stringify({ n, who: n % 4 === 0 ? 'a' : `c${n}` }));
  const input = scratch.write('in.ndjson', `${lines.join('\n')}\n`);
  const handlers = scratch.write(
    'handlers.mjs',
    "export default ({ data }) => { if (data.n === 7) throw new RangeError('seven'); return data.n; };\n" +
      'export const policies = { default: { attemptsMax: 1 } };\n',
  );
  const own = ['--handlers', handlers, '--input', input, '--key-field', 'who', '--type', 'seen'];

  test('measures within its time, and prints a table, the reason and what to paste; --json the same', async () => {
    const flags = [
      '--seconds',
      '1',
      '--threads',
      '1,2',
      '--durability',
      'process',
      '--group-size-max',
      '4096',
      '--json',
    ];
    const { code, stdout, stderr } = await keylane(['tune', ...own, ...flags]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const report = JSON.parse(stdout) as TuneReport;
    expect(report).toMatchObject({ version: 1, seconds: 1, wrong: [], own: { eventsLoaded: 40, results: 'same' } });
    expect(report.own.failures).toMatchObject([{ firstError: 'RangeError: seven' }]);
    expect(report.steps.map(({ axis }) => axis)).toEqual(['threads', 'batchTargetMs', 'groupWaitMs']);
    expect(report.tried.length).toBeGreaterThan(0);
    expect(report.tried.every(({ setting }) => setting.groupSizeMax === 4096)).toBe(true);
    expect(report.best.eventsPerSecond.median).toBeGreaterThan(0);
    // What was given is to be pasted as well.
    expect(report.options).toMatchObject({ durability: 'process', groupSizeMax: 4096 });
    expect(report.flags).toMatch(/--durability process .*--group-size-max 4096/);
    expect(report.limits.length).toBeGreaterThan(0);
    const text = tuneText({ ...report, ...faster(report) });
    expect(text).toMatch(/^threads +batchTargetMs +groupWaitMs +groupSizeMax +events\/s/m);
    expect(text).toMatch(
      /^Best: threads 8, batchTargetMs 25: [\d,]+ events\/s \(\+31\.0 % on the [\d,]+ of (?:the defaults|what it began with), noise/m,
    );
    expect(text).toContain('createProcessor({ …, threads: 8, batchTargetMs: 25 })');
    expect(text).toContain('keylane run … --threads 8 --batch-target-ms 25');
    expect(text.replaceAll('\n', ' ')).toContain('the first error: RangeError: seven');
  });

  test('2, with one clear sentence, for what cannot be meant', async () => {
    const cases: readonly [string[], RegExp][] = [
      [[], /required option '--handlers <module>' not specified/],
      [[...own, '--seconds', 'long'], /--seconds must be a number of seconds from 1 to 86400, got "long"/],
      [[...own, '--batch-target-ms', '0'], /--batch-target-ms must be a whole number from 1 to/],
      [[...own, '--store', 'x.db'], /unknown option '--store'/],
    ];
    const ended = await Promise.all(cases.map(([flags]) => host.run(['tune', ...flags])));
    for (const [index, { code, stdout, stderr }] of ended.entries()) {
      expect({ code, stdout, stderr }).toEqual({
        code: 2,
        stdout: '',
        stderr: expect.stringMatching(cases[index]![1]),
      });
    }
  });

  test('3 where the handlers end their process', async () => {
    const exiting = scratch.write('exits.mjs', 'export default () => process.exit(7);');
    const { code, stderr } = await host.run(['tune', ...own, '--handlers', exiting]);
    expect(code).toBe(3);
    expect(stderr).toMatch(/^keylane: 1 plain loop ended with 7: do the handlers exit\?\n$/);
  });
});

function faster(report: TuneReport): Partial<TuneReport> {
  const setting = { ...report.start.setting, threads: 8, batchTargetMs: 25 };
  return {
    best: { ...report.best, setting },
    ...{ isStartKept: false, change: 0.31, options: { threads: 8, batchTargetMs: 25 } },
    flags: '--threads 8 --batch-target-ms 25',
  };
}
