// Who may import whom: the one-way map of ARCHITECTURE.md section 3, one door for each dependency, and no file that
// nothing reaches.

import { posix } from 'node:path';
import type { Finding } from './finding.js';
import type { Source } from './source.js';

/** Files of src/ that every other file may use; they use only each other. */
const vocabulary = [
  'event',
  'extras',
  'correlation',
  'cloud-events',
  'handler',
  'outcome',
  'errors',
  'clock',
  'marks',
  'invariant',
  'promise-like',
  'option-spec',
  'options',
  'policy',
  'failure-options',
  'open-telemetry',
  'telemetry-fence',
  'emit-options',
  'rate-options',
  'state-options',
  'telemetry-options',
  'keyed-state',
  'dead-letter-selection',
  'backoff',
  'phase',
  'position-runs',
  'routes',
  'joined-events',
  'joined-states',
  'locations',
  'store-lanes',
];

const fileRooms: Readonly<Record<string, string>> = {
  index: 'index',
  processor: 'processor',
  'processor-calls': 'processor',
  'create-processor': 'processor',
  'start-processor': 'processor',
  'open-store': 'open-store',
  replay: 'processor',
};

/** A room is a folder of src/, or one of the files that stand above the folders. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  vocabulary: [],
  dispatch: [],
  sources: [],
  pool: [],
  store: [],
  pump: ['dispatch', 'sources', 'pool', 'store'],
  processor: ['pump', 'dispatch', 'sources', 'pool', 'store'],
  'open-store': ['store'],
  index: ['open-store', 'processor', 'pump', 'sources', 'pool', 'store'],
  cli: ['index', 'open-store'],
  testing: ['index', 'open-store', 'processor', 'pump', 'pool', 'store'],
  workers: ['pool', 'store'],
};

/** The only files that may import a dependency. One that is not listed may be imported by one file, whichever it is. */
const doors: Readonly<Record<string, readonly string[]>> = {
  piscina: ['src/pool/machine.ts'],
  'better-sqlite3': ['src/store/database.ts'],
  comlink: ['src/store/store-thread.ts', 'src/store/comlink-endpoint.ts', 'workers/writer-worker.ts'],
};

/** Files of bench/ that are not in the package (see `files` in package.json), and what its other files may import. */
const leftOutOfBench =
  /^bench\/(?:(?:peers|micro|targets)\/|(?:alternating|backlog|cold-keys|growth|main|marks|memory|micro|show)\.ts$)/;
const packagesOfBench = ['better-sqlite3', 'commander'];

const entries = ['src/index.ts', 'src/cli/main.ts', 'src/testing/test-processor.ts'];

/** All that is wrong with the imports of src/, workers/ and what the package has of bench/. */
export function importFindings(sources: readonly Source[]): Finding[] {
  const shipped = sources.filter(({ path }) => /^(src|workers)\//.test(path));
  const bench = sources.filter(({ path }) => path.startsWith('bench/') && !leftOutOfBench.test(path));
  const found = [...shipped.flatMap(roomFindings), ...doorFindings(shipped), ...deadFindings(shipped)];
  return [...found, ...bench.flatMap(benchFindings)];
}

/** What it needs must be there where the package is installed. */
function benchFindings({ path, text, imports }: Source): Finding[] {
  return imports.flatMap(({ specifier, line }): Finding[] => {
    const finding = (rule: string, fix: string): Finding[] => [{ path, line, rule, fix }];
    if (specifier.startsWith('node:')) return [];
    if (!specifier.startsWith('.')) {
      if (packagesOfBench.includes(specifier)) return [];
      const rule = `what is shipped of bench imports only ${packagesOfBench.join(', ')}, not ${specifier}`;
      return finding(rule, 'leave the file out of the package, or do without');
    }
    const isLate = text.split('\n')[line - 1]?.includes('import(');
    const target = resolved(path, specifier);
    if (isLate || (/^(?:src|bench)\//.test(target) && !leftOutOfBench.test(target))) return [];
    const rule = `what is shipped of bench does not import ${target}, which is not`;
    return finding(rule, 'import it when it is used (clonePart), or ship it');
  });
}

function roomFindings(source: Source): Finding[] {
  const room = roomOf(source.path);
  return source.imports.flatMap(({ specifier, line }) => {
    const finding = (rule: string, fix: string): Finding[] => [{ path: source.path, line, rule, fix }];
    if (!specifier.startsWith('.')) {
      if (room !== 'dispatch') return [];
      return finding(`dispatch is pure and imports no "${specifier}"`, 'pass what it gives as an argument');
    }
    const target = resolved(source.path, specifier);
    if (source.path.startsWith('src/') && target.startsWith('workers/')) {
      return finding('src never imports from workers', 'name the worker by its URL, and keep shared code in src');
    }
    if (!/^(src|workers)\//.test(target)) {
      return finding(`what is shipped imports nothing from ${target}`, 'move what it needs into src');
    }
    const targetRoom = roomOf(target);
    const allowed = ['vocabulary', room, ...(mayImport[room] ?? [])];
    if (allowed.includes(targetRoom)) return [];
    return finding(
      `${room} imports only ${[...new Set(allowed)].join(', ')}, not ${targetRoom}`,
      'move the shared word into the vocabulary, or let the room above pass it in',
    );
  });
}

/** Files of src/ that are in no other room stand beside the pump. */
function roomOf(path: string): string {
  if (path.startsWith('workers/')) return 'workers';
  const [, first = '', second] = path.split('/');
  if (second !== undefined) return first;
  const name = first.replace(/\.ts$/, '');
  if (vocabulary.includes(name)) return 'vocabulary';
  return fileRooms[name] ?? 'pump';
}

function doorFindings(shipped: readonly Source[]): Finding[] {
  const firstDoor = new Map<string, string>();
  return shipped.flatMap(({ path, imports }) =>
    imports.flatMap(({ specifier, line }): Finding[] => {
      if (/^(\.|node:)/.test(specifier)) return [];
      const dependency = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
      if (dependency === 'commander' && path.startsWith('src/cli/')) return [];
      if (!firstDoor.has(dependency)) firstDoor.set(dependency, path);
      const allowed = dependency === 'commander' ? ['src/cli'] : (doors[dependency] ?? [firstDoor.get(dependency)]);
      if (allowed.includes(path)) return [];
      const rule = `${dependency} is imported only in ${allowed.join(', ')}`;
      return [{ path, line, rule, fix: 'use it through what that file exports' }];
    }),
  );
}

function deadFindings(shipped: readonly Source[]): Finding[] {
  const byPath = new Map(shipped.map((source) => [source.path, source]));
  const reached = new Set<string>();
  const open = [...byPath.keys()].filter((path) => entries.includes(path) || path.startsWith('workers/'));
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (reached.has(path)) continue;
    reached.add(path);
    for (const { specifier } of byPath.get(path)?.imports ?? []) {
      if (specifier.startsWith('.')) open.push(resolved(path, specifier));
    }
  }
  const dead = [...byPath.keys()].filter((path) => path.endsWith('.ts') && !reached.has(path));
  const rule = `every file of src is reached from ${entries.join(', ')} or workers/`;
  return dead.map((path) => ({ path, line: 1, rule, fix: 'import it where it is needed, or delete it' }));
}

/** Imports name the emitted file; the tree holds its source. */
function resolved(from: string, specifier: string): string {
  return posix.join(posix.dirname(from), specifier).replace(/\.js$/, '.ts');
}
