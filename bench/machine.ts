// What the figures were measured on, and what was measured.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import type { Machine, Subject } from './report.js';

export const cores = availableParallelism();

export function machineNow(): Machine {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores,
    memoryBytes: totalmem(),
    os: `${type()} ${release()}`,
    node: process.version,
    loadAtStart: loadavg()[0] ?? 0,
  };
}

const root = fileURLToPath(new URL('../../', import.meta.url));

export function subject(): Subject {
  const sqlite = new Database(':memory:').prepare('SELECT sqlite_version()').pluck().get() as string;
  const versions = Object.fromEntries(['piscina', 'better-sqlite3'].map((name) => [name, versionOf(name)]));
  return {
    keylane: versionIn(join(root, 'package.json')),
    commit: commit(),
    versions: { ...versions, SQLite: sqlite },
  };
}

/** Null where this is no clone: a repository around an installed package is somebody else's. */
function commit(): string | null {
  if (!existsSync(join(root, '.git'))) return null;
  const git = spawnSync('git', ['describe', '--always', '--dirty'], { cwd: root, encoding: 'utf8' });
  return git.status === 0 ? git.stdout.trim() : null;
}

/** An installed package may have its dependencies beside it, further up. Not every package exports its manifest. */
function versionOf(name: string): string {
  const folders = createRequire(import.meta.url).resolve.paths(name) ?? [];
  const manifest = folders.map((folder) => join(folder, name, 'package.json')).find((path) => existsSync(path));
  return manifest === undefined ? 'unknown' : versionIn(manifest);
}

function versionIn(manifest: string): string {
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
}
