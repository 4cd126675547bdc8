// What a thread loads is one file of ours, and none of the copies of classes that this makes is a stranger to another;
// the command loads what it is asked for.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { KeylaneError, PermanentError } from '../dist/src/index.js';
import { sourceOf } from '../scripts/tidy/source.js';
import { makeFolder, makeProcessor } from './processor-fixture.js';

const folder = new URL('../dist/workers/', import.meta.url);
const entries = readdirSync(new URL('../workers/', import.meta.url)).map((name) => name.replace(/\.ts$/, '.js'));
const { dependencies, peerDependencies } = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
) as Record<'dependencies' | 'peerDependencies', Record<string, string>>;
const packages = Object.keys({ ...dependencies, ...peerDependencies });

test.each(entries)('%s imports nothing but what Node and packages have', (name) => {
  const { text, imports } = sourceOf(name, readFileSync(new URL(name, folder), 'utf8'));
  expect(imports).not.toHaveLength(0);
  const others = imports.map(({ specifier }) => specifier).filter((specifier) => !specifier.startsWith('node:'));
  expect(others.filter((specifier) => !packages.includes(specifier))).toEqual([]);
  // Beside which file it is named changes with the bundle; to find a package, that makes no difference.
  expect(text.match(/(?:createRequire\()?import\.meta.*/g) ?? []).toEqual(
    text.includes('better-sqlite3/package.json') ? [expect.stringContaining('createRequire(')] : [],
  );
});

test('a handler knows what its thread throws by the classes that the package gives it', async () => {
  const { href } = new URL('../dist/src/index.js', import.meta.url);
  const path = join(makeFolder(), 'handlers.mjs');
  writeFileSync(
    path,
    `import { KeylaneError, PermanentError } from ${JSON.stringify(href)};
    export default (event, context) => {
      try {
        context.emit(event.data);
      } catch (error) {
        return [error instanceof KeylaneError, error instanceof PermanentError];
      }
    };`,
  );
  const handlers = pathToFileURL(path);
  const known = async (intake: 'memory' | 'journal', data: unknown): Promise<unknown> => {
    const processor = await makeProcessor({ handlers, intake });
    const { result } = (await processor.process({ type: 'lead', data })) as { result?: unknown };
    await processor.stop();
    return result;
  };
  expect(await known('journal', { type: 1 })).toEqual([true, false]);
  expect(await known('memory', { type: 'lead' })).toEqual([false, true]);
});

test('a class made from one of these is told from it, and nothing else is one of them', () => {
  class Wrong extends PermanentError {}
  class Lost extends KeylaneError {}
  const foreign = Object.assign(new Error(), { [Symbol.for('keylane.PermanentError')]: true });
  expect([new Wrong(), new PermanentError(), foreign].map((error) => error instanceof Wrong)).toEqual([
    ...[true, false, false],
  ]);
  expect([new Wrong(), foreign, new Error(), null, 'text'].map((error) => error instanceof PermanentError)).toEqual([
    ...[true, true, false, false, false],
  ]);
  const [lost, error] = [new Lost('internal', 'lost'), new KeylaneError('internal', 'not')];
  expect([lost instanceof KeylaneError, lost instanceof Lost, error instanceof Lost]).toEqual([true, true, false]);
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  expect(proxy instanceof KeylaneError).toBe(false);
});

test('what imports the package loads nothing of what starts a processor', () => {
  const found = new Set<string>();
  const follow = (file: URL): void => {
    if (found.has(file.href)) return;
    found.add(file.href);
    for (const [, specifier] of readFileSync(file, 'utf8').matchAll(/^(?:import|export) .*'(\..*)';$/gm)) {
      follow(new URL(specifier!, file));
    }
  };
  follow(new URL('../dist/src/index.js', import.meta.url));
  const names = [...found].map((href) => href.slice(href.indexOf('/dist/src/') + '/dist/src/'.length));
  expect(names).toEqual(expect.arrayContaining(['create-processor.js', 'handler.js', 'store/store-reader.js']));
  const heavy = ['processor.js', 'engine.js', 'pool/machine.js', 'store/store-writer.js', 'start-processor.js'];
  expect(names.filter((name) => heavy.includes(name))).toEqual([]);
});

test('the command loads the library when it has read its command line, and a subcommand when it is named', () => {
  const cli = new URL('../dist/src/cli/', import.meta.url);
  const early = (file: string): string[] =>
    [...readFileSync(new URL(file, cli), 'utf8').matchAll(/^import .*'(.*)';$/gm)].map(([, specifier]) => specifier!);
  expect(early('main.js').sort()).toEqual(['./command-line.js', 'node:fs']);
  const files = readdirSync(cli).filter((file) => file.endsWith('.js'));
  const loadLibrary = files.filter((file) => early(file).some((specifier) => /index|open-store/.test(specifier)));
  // Which main.js imports when its flags are read.
  expect(loadLibrary).toEqual(['run.js']);
});
