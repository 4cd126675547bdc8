// The README's own words, run: its example in a folder of its own, its flags against the command, its table of options.

import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import type { Handlers, NamedHandler } from '../dist/src/index.js';
import { createTestProcessor } from '../dist/src/testing/test-processor.js';
import { CommandHost } from './cli-fixture.js';
import { makeFolder, readOutcomes } from './processor-fixture.js';

const run = promisify(execFile);
const commands = new CommandHost();
const benchCommands = new CommandHost('bench');
const readme = readFileSync('README.md', 'utf8');

/** The code blocks that name a file. */
function filesOf(markdown: string): Map<string, string> {
  const files = new Map<string, string>();
  for (const [, name, code] of markdown.matchAll(/<!-- file: (\S+) -->\n```\w+\n(.*?)```/gs)) {
    files.set(name as string, code as string);
  }
  return files;
}

/** A folder with the files that the README names, and keylane installed. */
function exampleFolder(): string {
  const folder = makeFolder();
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(resolve('.'), join(folder, 'node_modules', 'keylane'));
  for (const name of ['valibot', 'vitest']) {
    symlinkSync(resolve('node_modules', name), join(folder, 'node_modules', name));
  }
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  for (const [name, code] of filesOf(readme)) writeFileSync(join(folder, name), code);
  return folder;
}

test('the example of several handlers prints what the README says it prints', async () => {
  const { stdout, stderr } = await run(process.execPath, ['orders.js'], { cwd: exampleFolder() });
  expect(stderr).toBe('');
  const lines = stdout.trim().split('\n');
  expect(lines).toEqual(['bill succeeded', 'ship dead-lettered', 'audit succeeded', 'ship order.paid parked']);
  for (const line of lines) expect(readme).toContain(`\`${line}\``);
});

test('the library examples print what the README says they print', async () => {
  const folder = exampleFolder();
  const files = filesOf(readme);
  const named = [
    'handlers.js',
    'main.js',
    'ask.js',
    'listen.js',
    'checked.js',
    'several.js',
    'orders.js',
    'fraud.js',
    'coming.js',
    'risk.test.js',
    'balance.js',
    'again.js',
    'totals.js',
    'orders-emit.js',
  ];
  expect([...files.keys()]).toEqual(named);
  const { stdout, stderr } = await run(process.execPath, ['main.js'], { cwd: folder });
  expect(stderr).toBe('');
  const lines = stdout.trim().split('\n');
  expect(lines).toHaveLength(4);
  expect(lines.filter((line) => /^ada \d+\.\d\d$/.test(line))).toHaveLength(2);
  expect(lines.at(-1)).toBe('3 outcomes stored');
  expect(readOutcomes(join(folder, 'orders.db'))).toHaveLength(3);
  const asked = await run(process.execPath, ['ask.js'], { cwd: folder });
  expect([asked.stdout, asked.stderr]).toEqual([expect.stringMatching(/^succeeded \d+\.\d\d\nbob\n5\n$/), '']);
  const listened = await run(process.execPath, ['listen.js'], { cwd: folder });
  expect([listened.stdout, listened.stderr]).toEqual(['ada 1\nada 3\n2 1\n', '']);
  const checked = await run(process.execPath, ['checked.js'], { cwd: folder });
  const refused =
    'event.data must fit the schema of "order.placed": amount: Invalid value: Expected >=1 but received 0';
  expect([checked.stdout, checked.stderr]).toEqual([`bad-event ${refused}\nsucceeded\n`, '']);
  expect(readme).toContain('`amount: Invalid value: Expected >=1 but received 0`');
  const coming = await run(process.execPath, ['coming.js'], { cwd: folder });
  const again = await run(process.execPath, ['again.js'], { cwd: folder });
  expect([again.stdout, again.stderr]).toEqual(['2 events, 1 key\n', '']);
  expect([coming.stdout, coming.stderr]).toEqual(['order.placed succeeded\nfraud succeeded\norder.placed\n', '']);
});

test.each(['balance.js', 'totals.js'])('the example of state in %s keeps a balance for each key', async (file) => {
  const { default: handlers } = (await import(join(exampleFolder(), file))) as { default: NamedHandler[] };
  await using bus = await createTestProcessor({ handlers });
  const paid = Object.entries({ ada: 5, bob: 1 }).concat([['ada', 7]]);
  for (const [key, cents] of paid) await bus.processor.publish({ type: 'paid', key, data: { cents } });
  await bus.settle();
  expect(readOutcomes(bus.path, 'SELECT key, value FROM states')).toEqual([
    { key: 'ada', value: '{"cents":12}' },
    { key: 'bob', value: '{"cents":1}' },
  ]);
});

test('the example of follow-up events has an outcome for each', async () => {
  const { default: handlers } = (await import(join(exampleFolder(), 'orders-emit.js'))) as { default: Handlers };
  await using bus = await createTestProcessor({ handlers });
  const data = { cents: 250, items: ['cup', 'pot'] };
  await bus.processor.publish({ type: 'order.placed', key: 'o-1', id: 'order-1', data });
  await bus.drain();
  expect(bus.outcomes().map(({ result }) => result)).toEqual([
    2,
    '250 cents for order-1',
    'cup for o-1',
    'pot for o-1',
  ]);
  expect(readOutcomes(bus.path, 'SELECT type, key, depth FROM emitted_events ORDER BY position')).toEqual([
    { type: 'invoice.due', key: 'o-1', depth: 1 },
    { type: 'item.reserved', key: 'cup', depth: 1 },
    { type: 'item.reserved', key: 'pot', depth: 1 },
  ]);
});

test('the example of a test passes', async () => {
  const folder = exampleFolder();
  const args = ['node_modules/vitest/vitest.mjs', 'run', '--root', folder, '--configLoader', 'runner'];
  const { stdout } = await run(process.execPath, args, { cwd: folder, env: { ...process.env, NO_COLOR: '1' } });
  expect(stdout).toMatch(/Tests +1 passed \(1\)/);
});

test('the columns that the README lists are those of the views', () => {
  const section = readme.slice(readme.indexOf('## The store'), readme.indexOf('## Keep a store small'));
  const listed = [...section.matchAll(/^\| (`[a-z_`, ]+`) \|/gm)].flatMap(([, cell]) =>
    (cell as string).split(', ').map((name) => name.replaceAll('`', '')),
  );
  const folder = makeFolder();
  return import('../dist/src/store/store.js').then(({ Store }) => {
    const path = join(folder, 'columns.db');
    Store.open({ path, durability: 'process', order: 'key', handlerNames: ['h'], retention: null }).close([]);
    const columns = (view: string): string[] =>
      readOutcomes<{ name: string }>(path, `PRAGMA table_info(${view})`).map(({ name }) => name);
    expect(columns('outcomes').sort()).toEqual(listed.sort());
    expect(columns('dead_letters').sort()).toEqual(listed.filter((name) => name !== 'status'));
  });
});

test('every flag that the README names is one of the commands', async () => {
  const verbs = ['list', 'show', 'redrive', 'discard'].map((verb) => `dead-letters ${verb}`);
  const ended = [
    ...['run', 'prune', 'export', 'replay', ...verbs].map((name) => commands.run([...name.split(' '), '--help'])),
    ...['bench', 'tune'].map((name) => benchCommands.run([name, '--help'])),
  ];
  const stdout = (await Promise.all(ended)).map((help) => help.stdout).join('\n');
  const named = new Set(
    [...readme.matchAll(/(?<![\w-])--([a-z]+(?:-[a-z]+)*)(?!-)/g)].map(([, flag]) => flag as string),
  );
  const ours = [...named].filter((flag) => !['help', 'check'].includes(flag));
  expect(ours.length).toBeGreaterThan(10);
  for (const flag of ours) expect(stdout).toContain(`--${flag}`);
});
