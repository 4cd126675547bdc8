// Handlers modules of every kind, found good or refused with file, reason and what to do, before anything runs.

import { chdir, cwd } from 'node:process';
import { expect, it } from 'vitest';
import { preflight } from '../dist/src/pool/preflight.js';
import { withPool } from './fixtures/pool.js';
import { scratchFolder } from './fixtures/scratch-folder.js';

const folder = scratchFolder();
const fixture = (name: string): URL => new URL(`./fixtures/handlers/${name}`, import.meta.url);
const limits = { loadTimeoutMs: 10_000 };
const canStripTypes = Boolean((process.features as { typescript?: unknown }).typescript);

it.each([
  ['map.js', ['order.placed', 'order.paid'], 'its-own-type'],
  ['single.mjs', ['default'], 'every-type'],
  ['bare.cjs', ['order.placed', 'order.paid'], 'its-own-type'],
  ['function.cjs', ['default'], 'every-type'],
  ['full.cjs', ['order.placed'], 'its-own-type'],
  ['compiled.cjs', ['default'], 'every-type'],
  ['typed.ts', ['order.placed'], 'its-own-type'],
])('finds the handlers of %s', async (name, names, takes) => {
  const { table, url } = await preflight(fixture(name), limits);
  expect(table).toEqual({ names, takes, policies: names.map(() => ({})) });
  expect(url.href).toBe(fixture(name).href);
});

it('takes a path, relative to the current folder or not, and a file URL as text', async () => {
  const path = folder.write('a module #1.mjs', 'export default () => 1;');
  const before = cwd();
  try {
    chdir(folder.path);
    expect((await preflight('a module #1.mjs', limits)).url.href).toBe(folder.url(path).href);
  } finally {
    chdir(before);
  }
  expect((await preflight(path, limits)).table.takes).toBe('every-type');
  expect((await preflight(folder.url(path).href, limits)).table.takes).toBe('every-type');
});

it('runs TypeScript, with tsx where Node cannot strip types', async () => {
  const { execArgv } = await preflight(fixture('typed.ts'), limits);
  expect(execArgv.length > 0).toBe(!canStripTypes);
  await withPool(fixture('typed.ts'), {}, async ({ run }) => {
    expect(await run({ type: 'order.placed', data: { price: 5 } })).toMatchObject([{ result: 15 }]);
  });
});

it.runIf(!canStripTypes)('says what to do about TypeScript where neither Node nor tsx can load it', async () => {
  const path = folder.write('handlers.ts', 'export default (event: unknown): number => 1;');
  const before = cwd();
  try {
    chdir(folder.path);
    await expect(preflight(path, limits)).rejects.toThrow(/is TypeScript .* install tsx beside it, or use Node 22.18/);
  } finally {
    chdir(before);
  }
});

it.each([
  ['throws.mjs', 'const a = undefined;\n\na.b;', /throws.mjs threw while it was loaded: TypeError: .*throws.mjs:3:3\)/],
  [
    'throws.cjs',
    'throw new RangeError("no prices");',
    /RangeError: no prices \(at .*throws.cjs:1:7\); correct the module/,
  ],
  ['throws-null.mjs', 'throw null;', /threw while it was loaded: null was thrown/],
  ['syntax.mjs', 'export default {\n  a: (\n};', /SyntaxError: .*; "node --check .*syntax.mjs" shows where/],
  ['import.mjs', "import 'no-such-package-at-all';", /Cannot find package 'no-such-package-at-all'/],
  ['no-default.mjs', 'export const handlers = {};', /must export handlers by default, found no default export; write/],
  ['number.mjs', 'export default 5;', /must export handlers by default, found 5/],
  ['array.mjs', 'export default [() => 1];', /must list objects, found a function as handler 0; write export default/],
  ['empty-list.mjs', 'export default [];', /exports an empty list of handlers/],
  ['no-name.mjs', "export default [{ on: 'a', run() {} }];", /must name each handler of its list, found undefined/],
  ['no-run.mjs', "export default [{ name: 'a', on: 'a' }];", /a function as "run" of handler "a", found undefined/],
  ['no-on.mjs', "export default [{ name: 'a', run() {} }];", /which types handler "a" takes, found undefined in "on"/],
  [
    'inner-star.mjs',
    "export default [{ name: 'a', on: ['b', 'a*'], run() {} }];",
    /found "a\*" in "on"; "on" is an event type/,
  ],
  [
    'twice.mjs',
    "export default ['b', 'c'].map((on) => ({ name: 'a', on, run() {} }));",
    /lists two handlers named "a"/,
  ],
  [
    'odd.mjs',
    "export default [{ name: 'a', on: 'a', run() {}, tries: 3 }];",
    /a member "tries" in handler "a", which is none/,
  ],
  ['claim.mjs', "export default [{ name: 'a', on: 'a', run() {}, concurrency: 0 }];", /a".concurrency must be a whole/],
  [
    'two-policies.mjs',
    "export default [{ name: 'a', on: '*', run() {}, attemptsMax: 2 }]; export const policies = { a: { timeoutMs: 9 } };",
    /has two policies for "a": one beside it in the list, one in policies; leave one of them out/,
  ],
  ['empty.mjs', 'export default {};', /an object without handlers/],
  ['empty.cjs', '', /an object without handlers/],
  ['promise.mjs', 'export default Promise.resolve({ a() {} });', /a promise: await it/],
  ['text.mjs', 'export default { "order.placed": "x" };', /must have a function for "order.placed", found "x"/],
  ['proto.mjs', 'export default { ["__proto__"]: () => 1 };', /a handler named "__proto__", which is no event type/],
  ['nameless.mjs', 'export default { "": () => 1 };', /a handler named "", which is no event type/],
  ['inside.cjs', 'module.exports = { a() {}, setup() {} };', /a handler named "setup", .*exports.default = /],
  ['two.cjs', 'module.exports = { default() {}, "a.b"() {} };', /exports a function as "default" and another as "a.b"/],
  ['setup.mjs', 'export default () => 1; export const setup = 5;', /must export setup as a function, found 5/],
  ['exits.mjs', 'process.exit(5);', /ended its thread while it was loaded \(exit code 5\)/],
  ['exits-well.mjs', 'process.exit(0);', /ended its thread while it was loaded \(exit code 0\)/],
  ['unsettled.mjs', 'await new Promise(() => {});', /never finished loading; look for an await/],
  ['timer.mjs', 'setTimeout(() => { throw new Error("late"); }); await new Promise(() => {});', /Error: late \(at/],
])('refuses %s', async (name, text, message) => {
  const path = folder.write(name, text);
  const error = await preflight(path, limits).catch((error) => error);
  expect(error).toMatchObject({ name: 'KeylaneError', code: 'bad-handlers' });
  expect(error.message).toMatch(message);
  expect(error.message).toContain(`handlers module ${path} `);
});

it.each([
  ['waits.mjs', 'setInterval(() => {}, 1000); await new Promise(() => {});'],
  ['loops.mjs', 'for (;;);'],
])('refuses %s, which never finishes loading', async (name, text) => {
  const path = folder.write(name, text);
  await expect(preflight(path, { loadTimeoutMs: 500 })).rejects.toThrow(/did not finish loading within 500 ms/);
});

it.each([
  [
    'a file that does not exist',
    '/no/such/handlers.js',
    /^handlers module \/no\/such\/handlers.js does not exist; give/,
  ],
  ['a folder', folder.path, /is not a file; give/],
  ['a URL of another host', 'file://elsewhere/handlers.js', /cannot be opened: /],
  ['a URL that is not of a file', new URL('https://example.org/handlers.js'), /cannot be opened: /],
  ['a path with a NUL', 'handlers\0.js', /handlers module handlers\\u0000.js cannot be opened: /],
])('refuses %s', async (_, handlers, message) => {
  const error = await preflight(handlers, limits).catch((error) => error);
  expect(error).toMatchObject({ code: 'bad-handlers', message: expect.stringMatching(message) });
});

it('takes a module that was repaired', async () => {
  const path = folder.write('repaired.mjs', 'export default 5;');
  await expect(preflight(path, limits)).rejects.toThrow(/found 5/);
  folder.write('repaired.mjs', 'export default () => 5;');
  expect((await preflight(path, limits)).table.names).toEqual(['default']);
});

it('ignores what a module posts, and leaves timers of its alone', async () => {
  const text = `import { parentPort } from 'node:worker_threads';
    parentPort.postMessage('hello');
    setInterval(() => parentPort.postMessage({ kind: 'ready' }), 1);
    export default () => 1;`;
  expect((await preflight(folder.write('posts.mjs', text), limits)).table.names).toEqual(['default']);
});

it('does not run setup()', async () => {
  const text = 'export const setup = () => process.exit(9); export default () => 1;';
  expect((await preflight(folder.write('setup-exits.mjs', text), limits)).table.names).toEqual(['default']);
});
