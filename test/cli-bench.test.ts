// `keylane bench` with the user's own handlers, from outside: what it prints, what it notices, how it ends.

import { existsSync, mkdirSync, readdirSync, readFileSync, watch } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseReport } from '../bench/parse-report.js';
import { Command, CommandHost, keylane } from './cli-fixture.js';
import { scratchFolder } from './fixtures/scratch-folder.js';

const scratch = scratchFolder();
const host = new CommandHost('bench');
const records = Array.from({ length: 50 }, (_, n) => JSON.stringify({ n, who: `c${n % 7}` }));
const input = scratch.write('in.ndjson', `${records.join('\n')}\n`);
const few = ['--events-per-thread', '200', '--seconds', '0.05', '--repeats', '1'];

/** The command line for a module with this text, in the smallest size. */
function args(module: string, ...more: string[]): string[] {
  const handlers = scratch.write(`handlers-${module.length}.mjs`, module);
  return ['bench', '--handlers', handlers, '--input', input, '--key-field', 'who', ...few, ...more];
}

const sums = `console.log('loaded');
export default { seen: ({ data, position }) => { console.log('handled'); return [data.n * 2, position]; } };`;

test('own handlers over threads: rates against plain loops of the same run, every result checked', async () => {
  const { code, stdout, stderr } = await keylane(args(sums, '--threads', '1,2', '--json'));
  // What the module prints when it is loaded is kept away from the one object.
  expect({ code, stderr }).toEqual({ code: 0, stderr: 'loaded\n' });
  const { cells, limits, own, wrong, command } = parseReport(stdout);
  expect(command).toMatch(/^keylane bench --handlers /);
  expect(wrong).toEqual([]);
  expect(cells.map(({ threads, events }) => [threads, events])).toEqual([
    [1, 200],
    [2, 200 * Math.min(2, availableParallelism())],
  ]);
  for (const cell of cells) {
    expect(cell).toMatchObject({ keyCount: 7, keys: 'of the input', durability: 'power' });
    expect(cell.eventsPerSecond.median).toBeGreaterThan(0);
    expect(cell.efficiency).toBeGreaterThan(0);
    expect(cell.latencyMs.p99).toBeGreaterThanOrEqual(cell.latencyMs.p50);
    expect(cell.cpuUsPerEvent.handlers).toBeGreaterThan(0);
    expect(cell.rssBytes).toBeGreaterThan(0);
  }
  expect(limits[0]).toMatchObject({ name: 'plain loop' });
  expect(own).toMatchObject({ eventsLoaded: 50, results: 'same', unsteady: 0, failures: [], isCut: false });
  expect(own?.hottestLane?.share).toBeCloseTo(8 / 50);
});

test('async handlers that fail or are tried again are counted and told, and the report is written to files', async () => {
  const [json, html] = ['report.json', 'report.html'].map((name) => join(scratch.path, name)) as [string, string];
  const failing = `export default { seen: async ({ data }, { attempt }) => {
    await null;
    if (data.n % 10 === 0) throw new TypeError('no luck');
    if (data.n % 10 === 1 && attempt === 1) throw new Error('later');
    return data.n;
  } };
  export const policies = { seen: { attemptsMax: 2, backoffMsMin: 1, backoffMsMax: 1 } };`;
  const { code, stdout } = await host.run(args(failing, '--threads', '1', '--json', json, '--html', html));
  expect(code).toBe(0);
  const text = stdout.replaceAll('\n', ' ');
  expect(text).toContain(
    '1 thread: 20 of 200 events failed, 40 tries were followed by another; the first error: TypeError: no luck.',
  );
  expect(text).toContain('results those of the plain loop (checksum ');
  expect(parseReport(readFileSync(json, 'utf8')).own?.failures[0]).toMatchObject({ failed: 20, retried: 40 });
  expect(readFileSync(html, 'utf8')).toContain('20 of 200 events failed');
});

test('handlers that are not deterministic are said to be so, and nothing is called right', async () => {
  const { code, stdout } = await host.run(args('export default () => Math.random();', '--threads', '1', '--type', 'a'));
  expect(code).toBe(0);
  const text = stdout.replaceAll('\n', ' ');
  expect(text).toMatch(/NOT CHECKED: results, as they are not the same in each run: two plain loops differ in 200 of/);
  expect(text).not.toContain('checksum');
});

test('a handler that never ends by itself fails at its time limit, in the plain loop as well', async () => {
  const hanging = `export default { seen: ({ data }) => (data.n === 3 ? new Promise(() => {}) : data.n) };
  export const policies = { seen: { timeoutMs: 20, graceMs: 1, attemptsMax: 1 } };`;
  const { code, stdout } = await host.run(args(hanging, '--threads', '1', '--json'));
  expect(code).toBe(0);
  const { own, cells } = parseReport(stdout);
  expect(own).toMatchObject({
    results: 'same',
    failures: [{ failed: 4, firstError: expect.stringContaining('20 ms') }],
  });
  // A thread that was ended takes with it what it used.
  expect(own?.isCpuKnown).toBe(false);
  expect(cells[0]?.cpuUsPerEvent.writer).toBe(0);
});

test('results that are not those of the plain loop end it with 1', async () => {
  const lying = `import { isMainThread } from 'node:worker_threads';
  export default ({ data }) => (data.n === 20 && !isMainThread ? 'lie' : data.n);`;
  const { code, stdout, stderr } = await keylane(args(lying, '--threads', '1', '--type', 'a'));
  expect(code).toBe(1);
  expect(stdout.replaceAll('\n', ' ')).toMatch(/WRONG: 1 thread: 4 results are not those .* that of event 21/);
  expect(stderr).toMatch(/^keylane: wrong results: 1 thread: 4 results/);
});

test('a list of handlers is measured, each with its own order', async () => {
  const list = `export default [{ name: 'one', on: 'seen.*', order: 'none', run: ({ data }) => data.n }];`;
  const { code, stdout } = await host.run(args(list, '--threads', '1', '--type', 'seen.now'));
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('results those of the plain loop') });
});

test('events that several handlers take are measured, with all outcomes that each owes', async () => {
  const list = `export default [
    { name: 'double', on: 'seen', run: ({ data }) => data.n * 2 },
    { name: 'all', on: '*', order: 'none', run: ({ data }) => [data.n] },
  ];`;
  const report = join(scratch.path, 'several.json');
  const { code, stdout } = await host.run(args(list, '--threads', '1', '--type', 'seen', '--json', report));
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('results those of the plain loop') });
  expect(parseReport(readFileSync(report, 'utf8')).wrong).toEqual([]);
});

test('handlers that keep state and emit are measured against loops that keep it, and not said to be checked', async () => {
  const stateful = `export default [{ name: 'sum', on: 'seen', state: { initial: (key) => ({ key, sum: 0 }) },
    run: ({ data, key }, context) => {
      const sum = context.state.sum + data.n;
      if (context.state.key !== key) throw new Error('not its own');
      context.setState({ key, sum });
      context.emit({ type: 'told', key, data: sum });
      return sum;
    } }, { name: 'told', on: 'told', run: ({ data }) => data }];`;
  const report = join(scratch.path, 'stateful.json');
  const { code, stdout } = await host.run(args(stateful, '--threads', '2', '--type', 'seen', '--json', report));
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('NOT CHECKED: results, as handlers') });
  const { own, cells } = parseReport(readFileSync(report, 'utf8'));
  expect(own).toMatchObject({ results: 'of-state', plainFailures: null, failures: [], emittedPerEvent: 1 });
  expect(stdout.replaceAll('\n', ' ')).toContain('Handlers emitted 1 event for each of the input');
  expect(cells[0]!.efficiency).toBeGreaterThan(0);
});

test('loops in which everything fails are no ideal', async () => {
  const failing = `import { isMainThread } from 'node:worker_threads';
  export default [{ name: 'a', on: '*', run: () => { if (isMainThread) throw new TypeError('here'); return 1; } }];`;
  const report = join(scratch.path, 'failing.json');
  const { code, stdout } = await host.run(args(failing, '--threads', '1', '--type', 'a', '--json', report));
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('nothing says how fast') });
  const { own, cells } = parseReport(readFileSync(report, 'utf8'));
  expect([own?.results, cells[0]!.efficiency]).toEqual(['not-compared', null]);
  expect(own?.plainFailures).toMatchObject({ firstError: expect.stringContaining('here') });
});

test('what one of several handlers gives otherwise than in the plain loop is found', async () => {
  const lying = `import { isMainThread } from 'node:worker_threads';
  export default [{ name: 'a', on: '*', run: ({ data }) => data.n },
    { name: 'b', on: '*', run: ({ data }) => (data.n === 20 && !isMainThread ? 'lie' : data.n) }];`;
  const { code, stdout } = await host.run(args(lying, '--threads', '1', '--type', 'a'));
  expect(code).toBe(1);
  expect(stdout.replaceAll('\n', ' ')).toMatch(/WRONG: 1 thread: 4 results are not those .* that of event 21/);
});

test('2, with one clear sentence, for what cannot be meant', async () => {
  const handlers = scratch.write('fine.mjs', 'export default () => 1;');
  const own = ['--handlers', handlers, '--input', input];
  const latest = `export default [{ name: 'a', on: '*', waiting: 'latest', run: () => 1 }];`;
  const cases: [string[], RegExp][] = [
    [['--handlers', handlers], /--input must stand beside --handlers, got none/],
    [['--input', input], /--input must stand beside --handlers, got --input /],
    [['--ring-size', '64'], /--ring-size must stand beside --handlers/],
    [[...own, '--keys', 'one'], /'--keys <names>' cannot be used with option '--handlers/],
    [[...own, '--threads', '0'], /--threads must be a whole number from 1 to 256 .*got 0/],
    [['--handlers', handlers, '--input', '-'], /--input must be a file, got -: .* into a file first/],
    [['--on-bad-line', 'skip'], /--on-bad-line must stand beside --handlers, got --on-bad-line "skip" alone/],
    [['--full'], /--full must stand beside --targets, got --full alone/],
    [['--targets', 'T9', '--threads', '2'], /--threads must not stand beside --targets/],
    [['--smoke', '--workloads', '60us'], /--workloads must not stand beside --smoke/],
    [['--fail-on-regression'], /must stand beside --compare OLD.json/],
    [['--json', 'no/such/folder/x.json'], /--json must be a file that can be written, got no.such/],
    [['--handlers', scratch.write('latest.mjs', latest), '--input', input], /must run all its events to be measured/],
    [['--workloads', 'much'], /--workloads must be no-op, .*got "much"/],
    [['--handlers', handlers, '--input', handlers], /line 1 is not valid JSON/],
  ];
  const ended = await Promise.all(cases.map(([flags]) => host.run(['bench', ...flags])));
  // As a shell has it: the command hands it on.
  ended.push(await keylane(['bench', ...cases[0]![0]]));
  cases.push(cases[0]!);
  for (const [index, { code, stdout, stderr }] of ended.entries()) {
    expect({ code, stdout, stderr }).toEqual({ code: 2, stdout: '', stderr: expect.stringMatching(cases[index]![1]) });
    expect(stderr).not.toMatch(/\n\s+at /);
  }
});

test('a signal ends it with 130, and nothing is left of it', async () => {
  const folder = join(scratch.path, 'stores');
  mkdirSync(folder);
  const begun = new Promise<void>((resolve) => {
    const watcher = watch(folder, () => {
      watcher.close();
      resolve();
    });
  });
  const command = new Command(args('export default () => 1;', '--type', 'a', '--seconds', '60', '--folder', folder));
  await begun;
  command.child.kill('SIGTERM');
  expect(await command.ended).toMatchObject({
    code: 130,
    stdout: '',
    stderr: expect.stringMatching(/^keylane: SIGTERM/),
  });
  expect(existsSync(folder) && readdirSync(folder)).toEqual([]);
});
