import { describe, expect, test } from 'vitest';
import { printed } from '../scripts/tidy/finding.js';
import { findingsOf } from '../scripts/tidy/rules.js';
import { sourceOf } from '../scripts/tidy/source.js';

/** A small tree with nothing to find in it; each case below breaks it in one place. */
const tidyTree: Readonly<Record<string, string>> = {
  'README.md': '# keylane\n',
  '.ci/run': '#!/bin/sh\n',
  'src/index.ts': "export { start } from './processor.js';\nexport type { Event } from './event.js';\n",
  'src/processor.ts': "import { turn } from './pump.js';\nexport const start = () => turn();\n",
  'src/pump.ts':
    "import { next } from './dispatch/lanes.js';\nimport { run } from './pool/handler-pool.js';\n" +
    "import { open } from './store/database.js';\nexport const turn = () => [next(), run(), open()];\n",
  'src/event.ts': 'export interface Event { readonly type: string }\n',
  'src/options.ts': 'export const threads = process.env.KEYLANE_THREADS;\n',
  'src/dispatch/lanes.ts': "import type { Event } from '../event.js';\nexport const next = (): Event[] => [];\n",
  'src/pool/machine.ts': "import { Piscina } from 'piscina';\nexport const start = () => new Piscina();\n",
  'src/pool/handler-pool.ts': "import { start } from './machine.js';\nexport const run = () => start();\n",
  'src/store/database.ts': "import Database from 'better-sqlite3';\nexport const open = () => new Database('a');\n",
  'src/cli/main.ts':
    "import { Command } from 'commander';\nimport { start } from '../index.js';\nimport { threads } from '../options.js';\n" +
    'process.exit(start(new Command(), threads));\n',
  'workers/writer-worker.ts':
    "import { expose } from 'comlink';\nimport { open } from '../src/store/database.js';\nexpose(open);\n",
  'test/a.test.ts': "test('a', () => {});\n",
  'bench/main.ts': 'export {};\n',
  'scripts/tidy.ts': 'export {};\n',
};

function lines(count: number, line = 'const a = 1;'): string {
  return `${line}\n`.repeat(count);
}

/** [what is broken, the files that break it, where the finding is, what it says] */
const cases: [string, Record<string, string | undefined>, string, RegExp][] = [
  ['a sixth top-level folder', { 'lib/a.md': '' }, 'lib:1', /top-level folders are exactly/],
  ['a missing top-level folder', { 'bench/main.ts': undefined }, 'bench:1', /it is missing/],
  [
    'dispatch importing node:',
    { 'src/dispatch/lanes.ts': "import 'node:fs';\nexport const next = 1;\n" },
    'src/dispatch/lanes.ts:1',
    /pure/,
  ],
  [
    'dispatch importing the store',
    { 'src/dispatch/lanes.ts': "import { open } from '../store/database.js';\nexport const next = open;\n" },
    'src/dispatch/lanes.ts:1',
    /not store/,
  ],
  [
    'the pool importing the store',
    { 'src/pool/handler-pool.ts': "import { open } from '../store/database.js';\nexport const run = open;\n" },
    'src/pool/handler-pool.ts:1',
    /pool imports only vocabulary, pool, not store/,
  ],
  [
    'the store importing dispatch',
    { 'src/store/database.ts': "\nimport { next } from '../dispatch/lanes.js';\nexport const open = next;\n" },
    'src/store/database.ts:2',
    /not dispatch/,
  ],
  [
    'a type imported against the direction',
    { 'src/pump.ts': "import type { start } from './processor.js';\nexport const turn = (a: typeof start) => a;\n" },
    'src/pump.ts:1',
    /not processor/,
  ],
  [
    'the vocabulary importing the pump',
    { 'src/event.ts': "import type { turn } from './pump.js';\nexport type Event = typeof turn;\n" },
    'src/event.ts:1',
    /vocabulary imports only/,
  ],
  [
    'the command reaching past the index',
    { 'src/cli/main.ts': "import { turn } from '../pump.js';\nturn();\n" },
    'src/cli/main.ts:1',
    /cli imports only/,
  ],
  [
    'a dynamic import against the direction',
    { 'src/cli/main.ts': "await import('../store/database.js');\n" },
    'src/cli/main.ts:1',
    /not store/,
  ],
  [
    'src importing from workers',
    { 'src/pump.ts': "import '../workers/writer-worker.js';\nexport const turn = 1;\n" },
    'src/pump.ts:1',
    /never imports from workers/,
  ],
  [
    'src importing from test',
    { 'src/pump.ts': "import '../test/a.test.js';\nexport const turn = 1;\n" },
    'src/pump.ts:1',
    /imports nothing from test/,
  ],
  [
    'a worker importing the pump',
    { 'workers/writer-worker.ts': "import '../src/pump.js';\n" },
    'workers/writer-worker.ts:1',
    /workers imports only/,
  ],
  [
    'piscina by a second door',
    { 'src/pump.ts': "import 'piscina';\nexport const turn = 1;\n" },
    'src/pump.ts:1',
    /piscina is imported only in src\/pool\/machine.ts/,
  ],
  [
    'better-sqlite3 by a second door',
    { 'workers/writer-worker.ts': "import 'better-sqlite3';\n" },
    'workers/writer-worker.ts:1',
    /better-sqlite3 is imported only/,
  ],
  [
    'a subpath of comlink by a second door',
    { 'src/pump.ts': "import 'comlink/dist/x.js';\nexport const turn = 1;\n" },
    'src/pump.ts:1',
    /comlink is imported only/,
  ],
  [
    'commander outside the command',
    { 'src/pump.ts': "import 'commander';\nexport const turn = 1;\n" },
    'src/pump.ts:1',
    /commander is imported only in src\/cli/,
  ],
  [
    'another dependency by two doors',
    {
      'src/processor.ts': "import '@a/b';\nimport './pump.js';\nexport const start = 1;\n",
      'src/pump.ts': "import '@a/b/c';\nexport const turn = 1;\n",
    },
    'src/pump.ts:1',
    /@a\/b is imported only in src\/processor.ts/,
  ],
  [
    'the shipped bench importing what is not shipped',
    { 'bench/cell.ts': "import { peers } from './peers/catalogue.js';\nexport const a = peers;\n" },
    'bench/cell.ts:1',
    /does not import bench\/peers\/catalogue.ts/,
  ],
  [
    'the shipped bench importing a dev dependency',
    { 'bench/cell.ts': "\nimport { bench } from 'mitata';\nexport const a = bench;\n" },
    'bench/cell.ts:2',
    /imports only better-sqlite3, commander, not mitata/,
  ],
  [
    'a file nothing reaches',
    { 'src/store/queries.ts': 'export const a = 1;\n' },
    'src/store/queries.ts:1',
    /reached from/,
  ],
  ['a file too long', { 'src/event.ts': lines(301) }, 'src/event.ts:301', /at most 300 lines, found 301/],
  [
    'a line too long',
    { 'workers/writer-worker.ts': `\n// ${'x'.repeat(118)}\n` },
    'workers/writer-worker.ts:2',
    /at most 120 characters, found 121/,
  ],
  [
    'a function too long',
    { 'src/event.ts': `export function a(): void {\n${lines(59, '  b();')}}\n` },
    'src/event.ts:1',
    /at most 60 lines, found 61/,
  ],
  [
    'a method too long, its head on several lines',
    {
      'src/event.ts': `class A {\n  b(\n    c: string,\n  ): Promise<{ d: string }> {\n${lines(57, '    b();')}  }\n}\n`,
    },
    'src/event.ts:2',
    /found 61/,
  ],
  [
    'an arrow function too long',
    { 'src/event.ts': `export const a = (b: string) => {\n${lines(59, '  if (b) {\n  }')}};\n` },
    'src/event.ts:1',
    /found 120/,
  ],
  ['a file called utils', { 'test/utils.ts': 'export const a = 1;\n' }, 'test/utils.ts:1', /one noun/],
  [
    'a barrel',
    { 'src/processor.ts': "export type { a } from './pump.js';\nexport const start = 1;\n" },
    'src/processor.ts:1',
    /only src\/index.ts re-exports/,
  ],
  ['a star export', { 'src/index.ts': "export * from './processor.js';\n" }, 'src/index.ts:1', /named one by one/],
  [
    'a default export',
    { 'src/processor.ts': "import './pump.js';\nexport default 1;\n" },
    'src/processor.ts:2',
    /named exports only/,
  ],
  ['a cast to any', { 'bench/main.ts': 'const a = b as any;\n' }, 'bench/main.ts:1', /no cast to any/],
  ['a silenced compiler', { 'bench/main.ts': '\n// @ts-ignore\n' }, 'bench/main.ts:2', /not silenced/],
  ['a test alone', { 'test/a.test.ts': "test.only('a', () => {});\n" }, 'test/a.test.ts:1', /no test is left out/],
  [
    'a test left out',
    { 'test/a.test.ts': "describe.skip('a', () => {});\n" },
    'test/a.test.ts:1',
    /no test is left out/,
  ],
  ['work left in a comment', { 'scripts/tidy.ts': '/* FIXME */\nexport {};\n' }, 'scripts/tidy.ts:1', /work is left/],
  [
    'the environment read elsewhere',
    { 'src/pump.ts': 'export const turn = process.env.HOME;\n' },
    'src/pump.ts:1',
    /only in src\/options.ts/,
  ],
  [
    'an exit outside the command',
    { 'workers/writer-worker.ts': 'process.exit(1);\n' },
    'workers/writer-worker.ts:1',
    /only for src\/cli/,
  ],
];

const impure = ['Date.now()', 'setTimeout(a)', 'Math.random()', 'Promise.all([])', 'async () => {}', 'console.log()'];

function findingsWith(changes: Record<string, string | undefined>): string[] {
  const entries = Object.entries({ ...tidyTree, ...changes });
  const tree = Object.fromEntries(entries.filter((entry): entry is [string, string] => entry[1] !== undefined));
  return findingsOf(tree).map(printed);
}

describe('tidy', () => {
  test('finds nothing in a tidy tree', () => {
    expect(findingsWith({})).toEqual([]);
  });

  test.each(cases)('finds %s', (_, changes, place, says) => {
    const found = findingsWith(changes);
    const expected = found.filter((line) => line.startsWith(`${place} `) && says.test(line));
    expect(expected, `all findings: ${found.join('\n')}`).toHaveLength(1);
  });

  test.each(impure)('finds %s in dispatch', (word) => {
    const found = findingsWith({ 'src/dispatch/lanes.ts': `export const next = ${word};\n` });
    expect(found).toEqual([expect.stringMatching(/^src\/dispatch\/lanes\.ts:1 .*dispatch is pure/)]);
  });

  test('finds a word that is used, not one that is mentioned in text or a comment', () => {
    const mentioned = [
      '// a Promise, a console and a Date',
      'export const next = [\'setTimeout(\', "async", `await ${1} Date`, /console[\'"`]/g, 4 / 2 / 1];',
      '/* process.exit */',
    ];
    expect(findingsWith({ 'src/dispatch/lanes.ts': `${mentioned.join('\n')}\n` })).toEqual([]);
  });

  test('does not take a long class, table or control block for a function', () => {
    const long = `export class A {\n${lines(70, '  a = 1;')}}\nexport const b = {\n${lines(70, '  a: 1,')}};\n`;
    const control = `if (\n  a &&\n  b\n) {\n${lines(70, '  c();')}}\n`;
    expect(findingsWith({ 'src/event.ts': long + control })).toEqual([]);
  });

  test('reads code inside a template as code', () => {
    const { code, imports } = sourceOf('a.ts', "const a = `x ${b({ c: `y ${Date} z` })} Date`;\nimport d from 'e';\n");
    expect(code).toBe("const a = `  ${b({ c: `  ${Date}  ` })}     `;\nimport d from ' ';\n");
    expect(imports).toEqual([{ specifier: 'e', line: 2 }]);
  });
});
