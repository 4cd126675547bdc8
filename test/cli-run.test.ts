// The command `keylane run` from outside: what it reads, what it prints, how it ends, and that it can be taken up again.

import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createProcessor } from '../dist/src/index.js';
import { exitCodes } from '../src/cli/exit-code.js';
import { textSummary } from '../src/cli/summary.js';
import { Command, CommandHost, type Ended, keylane, outcomesIn, signallingHandlers } from './cli-fixture.js';
import { scratchFolder } from './fixtures/scratch-folder.js';

const scratch = scratchFolder();
const host = new CommandHost();
let made = 0;

/** The path of a file that nothing else uses. */
function fresh(extension = 'db'): string {
  made += 1;
  return join(scratch.path, `${made}.${extension}`);
}

/** A file of records `{ n, … }` with n counted from 1. */
function inputOf(count: number, change: (n: number) => object = () => ({})): string {
  const lines = Array.from({ length: count }, (_, index) => JSON.stringify({ n: index + 1, ...change(index + 1) }));
  const path = fresh('ndjson');
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

function args(input: string, store: string, ...more: string[]): string[] {
  const flags = ['--durability', 'process', '--threads', '1', '--type', 'seen', ...more];
  return ['run', '--handlers', signallingHandlers, '--input', input, '--store', store, ...flags];
}

function summaryOf({ stdout }: Ended): Record<string, unknown> {
  expect(stdout.endsWith('\n')).toBe(true);
  return JSON.parse(stdout) as Record<string, unknown>;
}

const positions = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

describe('how it ends', () => {
  test('0, with a summary, when every event succeeded', async () => {
    const store = fresh();
    const ended = await keylane(args(inputOf(300), store, '--threads', '2'));
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout).toMatch(
      /^300 events in [\d.]+ s \([\d,.]+\/s, 2 threads\): 300 succeeded, 0 dead-lettered\.\n/,
    );
    expect(ended.stdout).toContain(`Outcomes: ${store}\n`);
    const outcomes = outcomesIn(store);
    expect(outcomes.map(({ position }) => position)).toEqual(positions(300));
    expect(outcomes.every(({ position, result }) => result === String(position * 2))).toBe(true);
  });

  test('1, with outcomes of each of several handlers, and goes on where those end', async () => {
    const handlers = fresh('mjs');
    writeFileSync(
      handlers,
      `export default [
        { name: 'all', on: 'seen', run: ({ data }) => data.n },
        { name: 'odd', on: '*', attemptsMax: 1, run: ({ data }) => { if (data.n % 2 === 0) throw new Error('even'); } },
      ];`,
    );
    const [input, store] = [inputOf(4), fresh()];
    const flags = ['run', '--handlers', handlers, '--input', input, '--store', store, '--type', 'seen'];
    const ended = await keylane(flags);
    expect(ended).toMatchObject({ code: 1, stdout: expect.stringContaining('6 succeeded, 2 dead-lettered') });
    expect(outcomesIn(store)).toHaveLength(8);
    expect(await keylane(flags)).toMatchObject({ code: 0, stdout: expect.stringContaining('there was nothing to do') });
  });

  test('0, and says so, when published events of an earlier user came first', async () => {
    const store = fresh();
    const processor = await createProcessor({ handlers: signallingHandlers, store, threads: 1, autoStart: false });
    await processor.publishMany([7, 8].map((n) => ({ type: 'seen', data: { n } })));
    await processor.stop();
    const ended = await keylane(args(inputOf(3), store));
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout).toMatch(/^2 published events of an earlier user of the store came first\.\n5 events in /);
    expect(outcomesIn(store)).toHaveLength(5);
  });

  test('1, with examples that are safe to print, when some were dead-lettered', async () => {
    const store = fresh();
    const input = inputOf(20, (n) => (n % 5 === 0 ? { fail: 'no \u001b[31mluck' } : {}));
    const ended = await keylane(args(input, store, '--key-field', 'n', '--attempts-max', '1'));
    expect(ended).toMatchObject({ code: 1, stderr: '' });
    expect(ended.stdout).toContain('16 succeeded, 4 dead-lettered.');
    expect(ended.stdout).toContain('key "5": Error: no \\u001b[31mluck\n');
    expect(ended.stdout).toContain('keylane dead-letters list --store ');
  });

  test.each([
    [
      'an unknown flag',
      args('a', 'b', '--trheads', '2'),
      /^keylane: unknown option '--trheads'\n\(Did you mean --threads\?\)/,
    ],
    [
      'a flag that is missing',
      ['run', '--input', 'a'],
      /^keylane: required option '--handlers <module>' not specified/,
    ],
    ['an unknown command', ['walk'], /^keylane: unknown command 'walk'/],
    ['one argument too many', ['run', ...args('a', 'b').slice(1), 'c'], /^keylane: too many arguments/],
    [
      'a number that is none',
      args('a', 'b', '--threads', 'many'),
      /--threads must be a whole number from 1 to 256 .*"many"/,
    ],
    ['a number out of bounds', args('a', 'b', '--ring-size', '1'), /--ring-size must be .* from 16 .*, got 1\n$/],
    [
      'a choice that is none',
      args('a', 'b', '--order', 'any'),
      /--order must be one of "key", "none", "global", got "any"/,
    ],
    ['a policy that is none', args('a', 'b', '--on-bad-line', 'x'), /--on-bad-line <policy>' argument 'x' is invalid/],
    ['two ways to the type', args('a', 'b', '--type-field', 'x'), /type and typeField must not both be given/],
    ['an input that is not there', args('/no/such/file', 'b'), /input must be a file that can be read, got \/no\/such/],
  ])('2 for %s, with one clear sentence and no stack', async (_, argv, says) => {
    const { code, stdout, stderr } = await host.run(argv);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(says);
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  test('2 for a handlers module that is not there, or whose type is not', async () => {
    const missing = ['--handlers', '/no/handlers.js', '--input', inputOf(1), '--store', fresh()];
    expect(await keylane(['run', ...missing])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^keylane: .*\n$/),
    });
    const wrong = await keylane(args(inputOf(1), fresh()).map((arg) => (arg === 'seen' ? 'unseen' : arg)));
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('the handlers take "seen", "other"') });
  });

  test('3 for a store that is not one of ours, which is left alone', async () => {
    const store = scratch.write('notes.txt', 'x'.repeat(5000));
    const { code, stderr } = await keylane(args(inputOf(1), store));
    expect(code).toBe(3);
    expect(stderr).toMatch(/^keylane: .*\n$/);
  });

  test('--help and --version end with 0', async () => {
    expect(await keylane(['run', '--help'])).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.stringContaining('--ring-size'),
    });
    expect(await keylane(['--version'])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  });
});

test('says how many records had no key where one was to be', async () => {
  const ended = await keylane(args(inputOf(4), fresh(), '--key-field', 'nowhere'));
  expect(ended.stdout).toContain('4 records had no key where --key-field looks, and ran without order.');
  const json = await keylane(args(inputOf(4), fresh(), '--key-field', 'nowhere', '--json'));
  expect(summaryOf(json)).toMatchObject({ recordsWithoutKey: 4 });
});

test.runIf(existsSync('/dev/full'))('3 when the report cannot be written, though all is stored', () => {
  const store = fresh();
  const full = openSync('/dev/full', 'w');
  const command = ['dist/src/cli/main.js', ...args(inputOf(3), store, '--json')];
  const { status, stderr } = spawnSync(process.execPath, command, {
    stdio: ['ignore', full, 'pipe'],
    encoding: 'utf8',
  });
  closeSync(full);
  expect(stderr).toContain('keylane: the report could not be written: ENOSPC');
  expect(status).toBe(3);
  expect(outcomesIn(store)).toHaveLength(3);
});

test('quotes the path of the store where a shell would take it apart', () => {
  const counts = {
    accepted: 1,
    recovered: 0,
    succeeded: 0,
    deadLettered: 1,
    superseded: 0,
    recordsSkipped: 0,
    duplicatesIgnored: 0,
  };
  const rest = { recordsWithoutKey: 0, resumedAt: null, durationMs: 1, threads: 1, error: null };
  const report = { input: '-', status: 'completed', exitCode: exitCodes.deadLettered, ...counts, ...rest } as const;
  expect(textSummary({ ...report, store: 'out/a-b.db' }, [])).toContain('list --store out/a-b.db\n');
  expect(textSummary({ ...report, store: "it's; here.db" }, [])).toContain(`list --store 'it'\\''s; here.db'\n`);
});

describe('--json', () => {
  test('prints one object and nothing else on standard output, whatever handlers print', async () => {
    const store = fresh();
    const input = inputOf(10, (n) => ({ print: 5, ...(n === 3 ? { fail: 'x' } : {}) }));
    const ended = await keylane(args(input, store, '--json'));
    expect(ended.code).toBe(1);
    // One event is tried four times.
    expect(ended.stderr).toBe('xxxxx\n'.repeat(13));
    expect(summaryOf(ended)).toMatchObject({
      version: 1,
      input,
      store,
      status: 'completed',
      exitCode: 1,
      accepted: 10,
      succeeded: 9,
      deadLettered: 1,
      recordsSkipped: 0,
      recordsWithoutKey: 0,
      resumedAt: null,
      threads: 1,
      error: null,
    });
  });

  test('says what failed, too', async () => {
    const ended = await keylane(args('/no/such/file', fresh(), '--json'));
    expect(ended.code).toBe(2);
    expect(summaryOf(ended)).toMatchObject({ status: 'failed', exitCode: 2, error: { code: 'bad-input' } });
    expect(ended.stderr).toMatch(/^keylane: input must be a file that can be read/);
  });
});

describe('what it reads', () => {
  test('standard input, of which every run brings new records', async () => {
    const store = fresh();
    for (const _ of [1, 2]) {
      const ended = await keylane(args('-', store, '--json'), '{"n":1}\n{"n":2}\n{"n":3}');
      expect(ended.code).toBe(0);
      expect(summaryOf(ended)).toMatchObject({ input: '-', status: 'completed', accepted: 3 });
    }
    expect(outcomesIn(store).map(({ position, result }) => [position, result])).toEqual([
      [1, '2'],
      [2, '4'],
      [3, '6'],
      [4, '2'],
      [5, '4'],
      [6, '6'],
    ]);
  });

  test('a JSON array whose fields give type, key and id', async () => {
    const store = fresh();
    const records = [
      { n: 1, kind: { name: 'seen' }, flight: { origin: 'JFK', no: 7 } },
      { n: 2, kind: { name: 'other' }, flight: { origin: null, no: 8 } },
    ];
    const input = scratch.write('records.json', JSON.stringify(records, null, 2));
    const flags = ['--type-field', 'kind.name', '--key-field', 'flight.origin', '--id-field', 'flight.no'];
    const ended = await keylane([
      'run',
      '--handlers',
      signallingHandlers,
      '--input',
      input,
      '--store',
      store,
      ...flags,
    ]);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(outcomesIn(store)).toEqual([
      { position: 1, type: 'seen', key: 'JFK', id: '7', status: 'succeeded', result: '2' },
      { position: 2, type: 'other', key: null, id: '8', status: 'succeeded', result: '4' },
    ]);
  });

  test('events as they are', async () => {
    const store = fresh();
    const input = scratch.write('events.ndjson', '{"type":"other","key":"k","id":"i","data":{"n":4}}\n');
    const ended = await keylane(['run', '--handlers', signallingHandlers, '--input', input, '--store', store]);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(outcomesIn(store)).toMatchObject([{ type: 'other', key: 'k', id: 'i', result: '8' }]);
  });
});

describe('a bad line', () => {
  const text = '{"n":1}\n{"n":2}\n{"n":\n{"n":4}\n';

  test('ends the run with 2 once what came before is durable; put right, the run is taken up again', async () => {
    const store = fresh();
    const input = scratch.write('bad.ndjson', text);
    const ended = await keylane(args(input, store));
    expect(ended.code).toBe(2);
    expect(ended.stderr).toMatch(/^keylane: .*bad\.ndjson line 3 is not valid JSON: .*--on-bad-line skip\)\n$/);
    expect(outcomesIn(store).map(({ position }) => position)).toEqual([1, 2]);
    writeFileSync(input, text.replace('{"n":\n', '{"n":3}\n'));
    expect(await keylane(args(input, store))).toMatchObject({ code: 0, stderr: '' });
    expect(outcomesIn(store).map(({ position, result }) => [position, result])).toEqual([
      [1, '2'],
      [2, '4'],
      [3, '6'],
      [4, '8'],
    ]);
  });

  test('is left out with --on-bad-line skip, counted, and the first few are told', async () => {
    const store = fresh();
    const input = scratch.write('bad-many.ndjson', `${text}${'oops\n'.repeat(10)}{"n":15}`);
    const ended = await keylane(args(input, store, '--on-bad-line', 'skip'));
    expect(ended.code).toBe(0);
    expect(outcomesIn(store).map(({ position }) => position)).toEqual([1, 2, 4, 15]);
    expect(ended.stdout).toContain('4 succeeded');
    expect(ended.stdout).toContain('11 bad records left out.\n');
    expect(ended.stderr.split('\n').filter((line) => line.startsWith('keylane: left out: '))).toHaveLength(5);
    expect(ended.stderr).toContain('line 3 is not valid JSON');
    expect(ended.stderr).toContain('keylane: 6 more bad records\n');
  });
});

describe('taken up again', () => {
  test('after SIGKILL it goes on where durable outcomes end: one outcome for each line', async () => {
    const store = fresh();
    const input = inputOf(500, (n) => (n === 250 ? { wait: true } : {}));
    const small = ['--batch-size-max', '10', '--ring-size', '64', '--json'];
    const first = new Command(args(input, store, ...small));
    await first.begins(250);
    await expect.poll(() => outcomesIn(store).length).toBeGreaterThan(100);
    first.child.kill('SIGKILL');
    expect(await first.ended).toMatchObject({ code: null, signal: 'SIGKILL' });
    const before = outcomesIn(store).length;
    const ended = await keylane(args(input, store, ...small));
    expect(ended.code).toBe(0);
    expect(summaryOf(ended)).toMatchObject({ status: 'completed', accepted: 500 - before, duplicatesIgnored: 0 });
    expect(outcomesIn(store).map(({ position }) => position)).toEqual(positions(500));
    const again = await keylane(args(input, store));
    expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining('0 events: there was nothing to do.') });
  });

  test.each(['SIGINT', 'SIGTERM'] as const)('after %s it has finished what it had accepted', async (name) => {
    const store = fresh();
    const input = inputOf(300, (n) => (n === 5 ? { wait: true } : {}));
    const command = new Command(args(input, store, '--ring-size', '16', '--threads', '1', '--json'));
    await command.begins(5);
    command.child.kill(name);
    await command.says(
      new RegExp(`keylane: ${name}: finishing \\d+ events already accepted; once more to end at once`),
    );
    command.openGate();
    const ended = await command.ended;
    expect(ended).toMatchObject({ code: 0, stderr: expect.stringContaining('run the same command again to go on') });
    const { accepted } = summaryOf(ended) as { accepted: number };
    expect(summaryOf(ended)).toMatchObject({ status: 'interrupted', succeeded: accepted });
    expect(accepted).toBeLessThan(300);
    expect(outcomesIn(store).map(({ position }) => position)).toEqual(positions(accepted));
    expect(await keylane(args(input, store))).toMatchObject({ code: 0 });
    expect(outcomesIn(store).map(({ position }) => position)).toEqual(positions(300));
  });

  test('standard input that is still open does not hold an interrupted run', async () => {
    const store = fresh();
    const command = new Command(args('-', store, '--json'));
    command.child.stdin!.write('{"n":1}\n');
    await command.begins(1);
    command.child.kill('SIGINT');
    const ended = await command.ended;
    expect(ended.code).toBe(0);
    expect(summaryOf(ended)).toMatchObject({ status: 'interrupted', succeeded: 1 });
  });
});

describe('a second signal', () => {
  test('ends it at once with 130, and the store is sound', async () => {
    const store = fresh();
    const flag = scratch.write('spin', '');
    const input = inputOf(100, (n) => (n === 5 ? { spinWhile: flag } : {}));
    const command = new Command(args(input, store, '--json'));
    await command.begins(5);
    command.child.kill('SIGINT');
    await command.says(/once more to end at once/);
    command.child.kill('SIGINT');
    const ended = await command.ended;
    expect(ended.code).toBe(130);
    expect(summaryOf(ended)).toMatchObject({ status: 'interrupted', exitCode: 130 });
    rmSync(flag);
    expect(await keylane(args(input, store))).toMatchObject({ code: 0 });
    expect(outcomesIn(store).map(({ position }) => position)).toEqual(positions(100));
  });

  test('ends it even when a thread stands in a native call: then by the signal itself', async () => {
    const store = fresh();
    const input = inputOf(100, (n) => (n === 5 ? { wait: true } : {}));
    const command = new Command(args(input, store));
    await command.begins(5);
    command.child.kill('SIGTERM');
    await command.says(/once more to end at once/);
    command.child.kill('SIGTERM');
    expect(await command.ended).toMatchObject({ code: null, signal: 'SIGTERM' });
    expect(await keylane(args(input, store))).toMatchObject({ code: 0 });
  });
});

describe('nobody reads', () => {
  test.each(['stdout', 'stderr'] as const)('a closed %s changes nothing but what is shown', async (name) => {
    const store = fresh();
    const input = scratch.write('closed.ndjson', 'oops\n{"n":2,"print":1000}\n{"n":3,"print":1000}\n');
    const command = new Command(args(input, store, '--on-bad-line', 'skip'));
    command.child[name]!.destroy();
    command.openGate();
    expect(await command.ended).toMatchObject({ code: 0 });
    expect(outcomesIn(store)).toHaveLength(2);
  });

  test('a standard output that is full holds up no event', async () => {
    const store = fresh();
    const command = new Command(
      args(
        inputOf(200, () => ({ print: 10_000 })),
        store,
      ),
    );
    command.child.stdout!.pause();
    command.openGate();
    await expect.poll(() => outcomesOrNone(store), { timeout: 20_000 }).toBe(200);
    command.child.stdout!.resume();
    const ended = await command.ended;
    expect(ended.code).toBe(0);
    expect(ended.stdout).toContain('200 succeeded');
  });

  function outcomesOrNone(store: string): number {
    try {
      return outcomesIn(store).length;
    } catch {
      // It is not there yet.
      return 0;
    }
  }
});
