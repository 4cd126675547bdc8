// What the figures were measured on, and what was measured.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os';
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

export function subject(): Subject {
  const git = spawnSync('git', ['describe', '--always', '--dirty'], { encoding: 'utf8' });
  const sqlite = new Database(':memory:').prepare('SELECT sqlite_version()').pluck().get() as string;
  const versions = Object.fromEntries(['piscina', 'better-sqlite3'].map((name) => [name, versionOf(name)]));
  return {
    keylane: versionIn('../../package.json'),
    commit: git.status === 0 ? git.stdout.trim() : null,
    versions: { ...versions, SQLite: sqlite },
  };
}

function versionOf(name: string): string {
  return versionIn(`../../node_modules/${name}/package.json`);
}

function versionIn(manifest: string): string {
  return (JSON.parse(readFileSync(new URL(manifest, import.meta.url), 'utf8')) as { version: string }).version;
}
