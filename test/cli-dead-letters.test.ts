// `keylane dead-letters` as a shell runs it: what it prints, what it changes, and what it refuses.

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { identityFrom, identityText } from '../dist/src/cli/identity-text.js';
import { tableText } from '../dist/src/cli/table.js';
import { openStore } from '../dist/src/index.js';
import { type OutcomeRow, verdict } from '../dist/src/outcome.js';
import { Command, CommandHost, type Ended, keylane, outcomesIn } from './cli-fixture.js';
import { atPath, deadLettered, groupWith, requestFor, rowOf, withHolder, withStore } from './store-fixture.js';

const stack = 'TypeError: no price\n    at price (file:///shop/prices.js:7:9)\n    at run (file:///shop/run.js:1:2)';
const typeError = { name: 'TypeError', message: 'no price', code: 'E_PRICE', stack, fields: { sku: 7 } };
const tried = { ...deadLettered, verdict: verdict.tryFailed, error: JSON.stringify(typeError) };
const lost = (position: number, change: Partial<OutcomeRow> = {}): OutcomeRow =>
  rowOf(position, { ...deadLettered, data: `{"n":${position}}`, ...change });
const waits = (position: number): OutcomeRow =>
  rowOf(position, { verdict: verdict.waiting, result: null, data: `{"n":${position}}` });

/** Of key k a dead letter after two tries, which parks what follows; two other dead letters, and a success. */
const rows = [
  { ...tried, ...rowOf(1, { ...tried, dueAtUs: 1_700_000_000_300_000 }) },
  lost(1, { attempts: 2, startedAtUs: 1_700_000_001_000_000, error: JSON.stringify(typeError), id: 'e-1' }),
  ...[waits(2), waits(3), lost(4, { key: 'l m', type: 'u' })],
  ...[lost(5, { key: null, data: new Uint8Array([0, 255]) }), rowOf(6, { key: 'l m' })],
];

function fill(path: string, { of = rows, partition = 'p' }: { of?: readonly OutcomeRow[]; partition?: string } = {}) {
  withStore(requestFor(path), (store) => {
    store.openJournal({ isVolatile: false });
    store.openPartition(partition);
    const parked = of === rows ? [{ handler: 0, key: 'k', partition: 2, position: 1, eventHandler: 0 }] : [];
    store.append(groupWith(of, { parked }));
  });
}

const host = new CommandHost();
const line = (verb: string, path: string, flags: readonly string[]) => [
  ...['dead-letters', verb, '--store', path, ...flags],
];
const deadLetters = (verb: string, path: string, ...flags: string[]): Promise<Ended> =>
  host.run(line(verb, path, flags));
/** In a process of its own. */
const asShell = (verb: string, path: string, ...flags: string[]): Promise<Ended> => keylane(line(verb, path, flags));
const statusesIn = (path: string): [number, string][] =>
  outcomesIn(path).map(({ position, status }) => [position, status]);
const hashOf = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');
const untouched: [number, string][] = [
  ...([1, 4, 5].map((position) => [position, 'dead-lettered']) as [number, string][]),
  [6, 'succeeded'],
];

describe('keylane dead-letters list', () => {
  it('shows each whole on a line, how many there are, and what to do next', () =>
    atPath(async (path) => {
      fill(path);
      const ended = await asShell('list', path);
      expect(ended).toMatchObject({ code: 0, stderr: '' });
      expect(ended.stdout).toBe(`IDENTITY  HANDLER  TYPE  KEY    TRIES  LAST TRY              ERROR
p/1       h        t     k          2  2023-11-14T22:13:21Z  TypeError: no price
p/4       h        u     "l m"      1  2023-11-14T22:13:20Z  Error: no
p/5       h        t     -          1  2023-11-14T22:13:20Z  Error: no

3 dead letters, partition by partition, by position.
One of them with its event and every try:
  keylane dead-letters show --store ${path} p/1
Run them again, or give them up (--dry-run only counts):
  keylane dead-letters redrive --store ${path} --all
  keylane dead-letters discard --store ${path} --all --reason '…'
`);
    }));

  it.each([
    [
      ['--handler', 'h'],
      ['p/1', 'p/4', 'p/5'],
    ],
    [['--type', 'u'], ['p/4']],
    [['--key', 'k'], ['p/1']],
    [
      ['--error', 'Error'],
      ['p/4', 'p/5'],
    ],
    [['--error', 'Error', '--type', 't'], ['p/5']],
    [
      ['--limit', '2'],
      ['p/1', 'p/4'],
    ],
  ])('%j --json gives an object for each that fits', (flags, identities) =>
    atPath(async (path) => {
      fill(path);
      const { code, stdout } = await deadLetters('list', path, '--json', ...flags);
      expect(code).toBe(0);
      const letters = stdout
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line));
      expect(letters.map(({ identity }) => identity)).toEqual(identities);
      if (identities[0] !== 'p/1') return;
      expect(letters[0]).toEqual({
        ...{ identity: 'p/1', partition: 'p', position: 1, handler: 'h', type: 't', key: 'k', id: 'e-1' },
        ...{ attempts: 2, startedAtUs: 1_700_000_001_000_000, durationUs: 59, error: typeError },
      });
    }),
  );

  it('shows the first 50 with the number of all, or as many as it is told; --json leaves none out', () =>
    atPath(async (path) => {
      fill(path, { of: Array.from({ length: 60 }, (_, index) => lost(index + 1)) });
      const linesOf = ({ stdout }: Ended) => stdout.split('\n').filter((line) => /^(p\/|\{)/.test(line)).length;
      const short = await deadLetters('list', path, '--type', 't');
      expect(linesOf(short)).toBe(50);
      expect(short.stdout).toContain('60 dead letters; the first 50 are shown');
      expect(short.stdout).toContain(`redrive --store ${path} --type t\n`);
      const whole = await deadLetters('list', path, '--limit', '60');
      expect([linesOf(whole), whole.stdout.includes('60 dead letters, partition')]).toEqual([60, true]);
      expect(linesOf(await deadLetters('list', path, '--json'))).toBe(60);
    }));

  it('tells an empty store from a filter that nothing fits', () =>
    atPath(async (path) => {
      fill(path, { of: [rowOf(1)] });
      expect(await deadLetters('list', path)).toMatchObject({ code: 0, stdout: `No dead letters in ${path}.\n` });
      withStore(requestFor(path), (store) => {
        store.openPartition('p');
        store.append(groupWith([lost(2)]));
      });
      const { code, stdout } = await deadLetters('list', path, '--key', 'K');
      expect([code, stdout]).toEqual([0, 'No dead letter fits; without a filter there is 1.\n']);
    }));

  it('prints an identity that the others take, whatever the name of the partition', () =>
    atPath(async (path) => {
      fill(path, { of: [lost(7)], partition: 'a b/\n\\u000a' });
      const { stdout } = await deadLetters('list', path);
      const [identity = ''] = /^a .*?\/7(?= )/m.exec(stdout) ?? [];
      expect((await deadLetters('show', path, identity)).stdout).toContain('dead-lettered after 1 failed try');
    }));

  it('ends in order when its reader goes away', () =>
    atPath(async (path) => {
      const error = JSON.stringify({ name: 'Error', message: 'x'.repeat(500) });
      fill(path, { of: Array.from({ length: 5_000 }, (_, index) => lost(index + 1, { error })) });
      const command = new Command(['dead-letters', 'list', '--store', path, '--json']);
      await once(command.child.stdout!, 'data');
      command.child.stdout!.destroy();
      expect(await command.ended).toMatchObject({ code: 0, signal: null, stderr: '' });
    }));
});

describe('keylane dead-letters show', () => {
  it('shows the event, every try with its stack, and what its key does', () =>
    atPath(async (path) => {
      fill(path);
      const { code, stdout } = await asShell('show', path, 'p/1');
      expect(code).toBe(0);
      const error = `    TypeError: no price (code E_PRICE)
      at price (file:///shop/prices.js:7:9)
      at run (file:///shop/run.js:1:2)
      with {"sku":7}`;
      expect(stdout).toBe(`p/1: dead-lettered after 2 failed tries
  handler   h
  type      t
  key       "k"
  id        "e-1"
  data      {"n":1}

Lane: parked by this event since 2023-11-14T22:13:21Z; 2 events wait behind it.

Failed tries, the oldest first:
  2023-11-14T22:13:20Z  0.06 ms  try 1
${error}
  2023-11-14T22:13:21Z  0.06 ms  try 2
${error}

Run it again, or give it up:
  keylane dead-letters redrive --store ${path} p/1
  keylane dead-letters discard --store ${path} p/1 --reason '…'
`);
    }));

  it.each([
    ['p/2', 'no outcome yet', 'Lane: parked by p/1 since'],
    ['p/4', 'dead-lettered after 1 failed try', 'Lane: not parked'],
    ['p/5', 'data      2 bytes, in base64: AP8=', 'Lane: none, as it has no key.'],
    ['p/6', 'succeeded', 'data      not in the store'],
  ])('of %s says %j', (identity, first, second) =>
    atPath(async (path) => {
      fill(path);
      const { code, stdout } = await deadLetters('show', path, identity);
      expect(code).toBe(0);
      expect(stdout).toContain(first);
      expect(stdout).toContain(second);
    }),
  );

  it('with --json prints one object with all of it', () =>
    atPath(async (path) => {
      fill(path);
      const { stdout } = await deadLetters('show', path, 'p/1', '--json');
      const failed = { handler: 'h', durationUs: 59, isCounted: true, error: typeError };
      expect(JSON.parse(stdout)).toEqual({
        ...{ version: 1, keylane: expect.any(String), identity: 'p/1', partition: 'p', position: 1 },
        ...{ status: 'dead-lettered', handler: 'h', type: 't', key: 'k', id: 'e-1' },
        event: { time: null, headers: {}, data: { n: 1 }, acceptedAtUs: null },
        lane: { parkedBy: 'p/1', parkedAtUs: 1_700_000_001_000_059, waiting: 2 },
        tries: [
          { ...failed, startedAtUs: 1_700_000_000_000_001, attempt: 1, dueAtUs: 1_700_000_000_300_000 },
          { ...failed, startedAtUs: 1_700_000_001_000_000, attempt: 2, dueAtUs: null },
        ],
        discardReason: null,
      });
      const bytes = await deadLetters('show', path, 'p/5', '--json');
      expect(JSON.parse(bytes.stdout)).toMatchObject({ event: { dataBase64: 'AP8=' }, lane: null });
    }));

  it('of what the store does not have says so', () =>
    atPath(async (path) => {
      fill(path);
      const db = new Database(path);
      db.exec('DELETE FROM kept_event WHERE position = 1');
      db.close();
      const { stdout } = await deadLetters('show', path, 'p/1');
      expect(stdout).toContain('data      not in the store');
      expect(stdout).toContain('It cannot run again');
      expect(stdout).not.toContain('redrive --store');
      const redrive = await deadLetters('redrive', path, '--all');
      expect(redrive.stdout).toContain('Redriven 2 dead letters');
      expect(redrive.stdout).toContain('1 dead letter cannot run again');
      expect(await deadLetters('show', path, 'p/7')).toMatchObject({ code: 2, stdout: '' });
    }));
});

describe('keylane dead-letters redrive', () => {
  it('has one run again once, and shows that it was', () =>
    atPath(async (path) => {
      fill(path);
      const ended = await asShell('redrive', path, 'p/1');
      expect(ended).toMatchObject({ code: 0, stderr: '' });
      expect(ended.stdout).toContain('Redriven 1 dead letter, tries counted anew.\n');
      expect(statusesIn(path)).toEqual(untouched.slice(1));
      const shown = (await deadLetters('show', path, 'p/1')).stdout;
      expect(shown).toContain('p/1: no outcome yet, it is to run again\n  handler   h\n');
      expect(shown.trimEnd().endsWith('Redriven: tries count anew.')).toBe(true);
      expect(shown).toContain('Lane: not parked');
      const again = await deadLetters('redrive', path, 'p/1');
      expect(again).toMatchObject({ code: 0, stdout: 'Redriven nothing: p/1 is no dead letter (any more).\n' });
    }));

  it.each([
    [['--all'], 3],
    [['--error', 'Error', '--type', 'u'], 1],
    [['--key', 'nobody'], 0],
  ])('with %j takes %i', (flags, count) =>
    atPath(async (path) => {
      fill(path);
      const before = hashOf(path);
      const dry = await deadLetters('redrive', path, ...flags, '--dry-run', '--json');
      const expected = { version: 1, keylane: expect.any(String), store: path, redriven: count, withoutEvent: 0 };
      expect(JSON.parse(dry.stdout)).toEqual({ ...expected, dryRun: true });
      expect(hashOf(path)).toBe(before);
      const done = await deadLetters('redrive', path, ...flags, '--json');
      expect(JSON.parse(done.stdout)).toEqual({ ...expected, dryRun: false });
      expect(statusesIn(path).filter(([, status]) => status === 'dead-lettered').length).toBe(3 - count);
    }),
  );

  it('is followed by the same keylane run, which runs them and what was parked behind', () =>
    atPath(async (path) => {
      const folder = dirname(path);
      const [handlers, input] = [join(folder, 'handlers.mjs'), join(folder, 'in.ndjson')];
      const module = (body: string) => `export default { t: ({ data }) => { ${body} } };
        export const policies = { t: { attemptsMax: 1, onDeadLetter: 'park' } };`;
      writeFileSync(input, [1, 2].map((n) => `{"type":"t","key":"k","data":${n}}\n`).join(''));
      const run = () => keylane(['run', '--handlers', handlers, '--input', input, '--store', path, '--threads', '1']);
      writeFileSync(handlers, module('throw new Error("no");'));
      expect((await run()).code).toBe(1);
      expect((await asShell('redrive', path, '--all')).code).toBe(0);
      writeFileSync(handlers, module('return data;'));
      expect((await run()).code).toBe(0);
      expect(outcomesIn(path).map(({ status, result }) => [status, result])).toEqual([
        ['succeeded', '1'],
        ['succeeded', '2'],
      ]);
    }));
});

describe('keylane dead-letters discard', () => {
  it('gives up those that fit, for a reason that is shown', () =>
    atPath(async (path) => {
      fill(path);
      const dry = await deadLetters('discard', path, '--key', 'k', '--reason', 'a test', '--dry-run');
      expect(dry.stdout).toBe('Would discard 1 dead letter. Nothing was changed.\n');
      expect(statusesIn(path)).toEqual(untouched);
      const ended = await asShell('discard', path, '--key', 'k', '--reason', 'a test');
      expect(ended).toMatchObject({ code: 0, stderr: '' });
      expect(ended.stdout).toBe('Discarded 1 dead letter. What was parked behind one runs with the next processor.\n');
      expect(statusesIn(path)).toEqual([[1, 'discarded'], ...untouched.slice(1)]);
      const shown = (await deadLetters('show', path, 'p/1')).stdout;
      expect(shown).toContain('p/1: discarded after 2 failed tries: a test\n');
      expect(shown).not.toContain('Redriven');
      const again = await deadLetters('discard', path, '--key', 'k', '--reason', 'a test');
      expect(again).toMatchObject({ code: 0, stdout: 'Discarded nothing: no dead letter fits.\n' });
    }));
});

describe('keylane dead-letters', () => {
  const reason = ['--reason', 'r'];

  it.each([
    ['redrive', [], 'by an identity such as journal/17, or filters', 'got none of them'],
    ['discard', reason, 'discard must be told which dead letters', 'got none of them'],
    ['redrive', ['--all', '--key', 'k'], 'redrive must be told', 'got --key and --all'],
    ['redrive', ['p/1', '--all'], 'redrive must be told', 'got an identity and --all'],
    ['discard', ['p/1', '--key', 'k', '--type', 't', ...reason], 'must be told', 'got an identity and --type, --key'],
    ['redrive', ['17'], 'the identity must be a partition and a position such as journal/17', 'got "17"'],
    ['show', ['p/9'], 'the identity must be that of an event in the store', 'p/9 is none'],
    ['discard', ['--all'], '--reason <text>', 'not specified'],
    ['discard', ['--all', '--reason', ''], 'reason must be a text of 1 to 1000 characters', 'got ""'],
    ['list', ['--limit', 'all'], '--limit must be a whole number from 1 to 1000000', 'got "all"'],
    ['lists', [], "unknown command 'lists'", 'Did you mean list?'],
  ])('%s %j is wrong usage and changes nothing', (verb, flags, message, found) =>
    atPath(async (path) => {
      fill(path);
      const ended = await deadLetters(verb, path, ...flags);
      expect(ended).toMatchObject({ code: 2, stdout: '' });
      expect(ended.stderr).toContain(message);
      expect(ended.stderr).toContain(found);
      expect(statusesIn(path)).toEqual(untouched);
    }),
  );

  it('reads beside a processor, and changes nothing of a store that one has', () =>
    atPath(async (path) => {
      fill(path);
      await withHolder(path, async (holder) => {
        expect((await deadLetters('list', path)).stdout).toContain('3 dead letters');
        expect((await deadLetters('show', path, 'p/1')).stdout).toContain('dead-lettered');
        for (const verb of ['redrive', 'discard']) {
          const ended = await deadLetters(verb, path, '--all', ...(verb === 'discard' ? reason : []));
          expect(ended).toMatchObject({ code: 3, stdout: '' });
          expect(ended.stderr).toContain(`process ${holder.pid} `);
          expect(ended.stderr).toContain(`call ${verb}() of its processor`);
        }
      });
      expect(statusesIn(path)).toEqual(untouched);
    }));

  it.each(['list', 'show', 'redrive', 'discard'])('%s makes no store where there is none', (verb) =>
    atPath(async (path) => {
      const flags = { list: [], show: ['p/1'], redrive: ['--all'], discard: ['--all', ...reason] }[verb] as string[];
      const ended = await deadLetters(verb, path, ...flags);
      expect(ended).toMatchObject({ code: 3, stdout: '' });
      expect(ended.stderr).toContain('found no file');
      expect([existsSync(path), existsSync(`${path}-lock`)]).toEqual([false, false]);
    }),
  );
});

describe('the text of an identity', () => {
  it.each(['journal', 'file:/a b/c.ndjson', 'a/b/', '', 'a\nb', '\\u000a', 'C:\\users', '\ud800', '\u202e', '日本'])(
    'of partition %j leads back to it',
    (partition) => {
      const text = identityText({ partition, position: 17 });
      expect(text).toMatch(/^[^\n\u202e\ud800]*\/17$/);
      expect(identityFrom(text)).toEqual({ partition, position: 17 });
    },
  );
});

it.each(['17', '/', 'p/', 'p/1.5', 'p/1e3', `p/${2 ** 53}`])('%j is no identity', (text) => {
  expect(() => identityFrom(text)).toThrow('such as journal/17');
});

describe('a table', () => {
  const table = {
    titles: ['NAME', 'KEY', 'N', 'LAST'],
    rows: [
      ['a-name-that-is-never-cut-however-long', 'k'.repeat(40), '7', 'x'.repeat(99)],
      ['b', '日本', '12', 'short'],
    ],
    numeric: ['N'],
  };

  it('fits the width of a terminal', () => {
    const lines = tableText(table, 100).split('\n');
    const key = `${'k'.repeat(23)}…`;
    expect(lines[1]).toBe(`a-name-that-is-never-cut-however-long  ${key}   7  ${'x'.repeat(30)}…`);
    expect(lines[1]?.length).toBe(100);
    expect(lines[2]).toBe(`b${' '.repeat(38)}日本${' '.repeat(22)}12  short`);
  });

  it('is whole where there is no terminal', () => {
    const [, line] = tableText(table, null).split('\n');
    expect(line).toContain('k'.repeat(40));
    expect(line?.endsWith('x'.repeat(99))).toBe(true);
  });
});

it('reads kept events and counts dead letters without decoding them', () =>
  atPath((path) => {
    fill(path);
    const reader = openStore(path);
    const at = (position: number) => reader.keptEvent({ partition: 'p', position });
    const plain = { time: null, version: 1, correlationId: null, causationId: null, headers: {}, depth: 0 };
    expect(at(2)).toEqual({
      ...{ identity: { partition: 'p', position: 2 }, type: 't', key: 'k', id: null, data: { n: 2 }, handlers: ['h'] },
      ...plain,
    });
    expect(at(5)).toMatchObject({ data: new Uint8Array([0, 255]), key: null, handlers: [] });
    expect([at(6), reader.keptEvent({ partition: 'nobody', position: 1 })]).toEqual([null, null]);
    const counts = [{}, { error: 'Error' }, { key: 'k' }, { handler: 'nobody' }].map((filter) =>
      reader.deadLetterCount(filter),
    );
    expect(counts).toEqual([3, 2, 1, 0]);
    expect(() => reader.deadLetterCount({ keys: 'k' } as object)).toThrow('keys');
    reader.close();
  }));

it('counts dead letters over more than one page', () =>
  atPath((path) => {
    fill(path, { of: Array.from({ length: 5_000 }, (_, index) => (index % 2 === 0 ? lost(index) : rowOf(index))) });
    const reader = openStore(path);
    expect(reader.deadLetterCount()).toBe(2_500);
    reader.close();
  }));
